"""The content of an index as self-contained tables, a piece at a time: what Parquet and JSON lines have in common.

| table | columns |
|---|---|
| documents | document_id, title, text, metadata (JSON), timestamp, source |
| chunks | node, chunk_id, document_id, position, title, text, start, end, said |
| facts | text, evidence, chunk_id, document_id, start, end, subject, predicate, object, entities (keys) |
| entities | node, key, name, chunks (how many mention it) |
| edges | source, target (nodes), weight, and one weight per kind of edge |
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hippo.export.rows import BLOCK, edge_blocks, node_ids

if TYPE_CHECKING:
    import pyarrow as pa

    from hippo.snapshot.contents import Contents

__all__ = ["TABLES"]

Pieces = Callable[["Contents"], "Iterator[pa.Table]"]


def _documents(contents: "Contents") -> "Iterator[pa.Table]":
    """Documents with their texts: those of their chunks, which cover them without gaps."""
    import pyarrow as pa

    table, texts = contents.documents, contents.chunks.column("text")
    bounds = np.searchsorted(contents.chunks.column("document").to_numpy(), np.arange(table.num_rows + 1))
    for start, piece in _pieces(table):
        own = bounds[start : start + piece.num_rows + 1]
        part = texts.slice(int(own[0]), int(own[-1] - own[0])).to_pylist()
        whole = ["".join(part[first:last]) for first, last in pairwise((own - own[0]).tolist())]
        yield piece.add_column(2, "text", pa.array(whole, pa.string()))


def _chunks(contents: "Contents") -> "Iterator[pa.Table]":
    ids = node_ids(contents)
    for start, piece in _pieces(contents.chunks.drop_columns(["document"])):
        yield piece.add_column(0, "node", ids.slice(contents.graph.n_entities + start, piece.num_rows))


def _facts(contents: "Contents") -> "Iterator[pa.Table]":
    import pyarrow as pa

    indptr, indices = contents.fact_entities
    keys, chunks = contents.entities.column("key"), contents.chunks
    columns = "text evidence chunk_id document_id start end subject predicate object entities".split()
    for start, piece in _pieces(contents.facts):
        own = np.asarray(indptr[start : start + piece.num_rows + 1])
        names = keys.take(pa.array(indices[own[0] : own[-1]])).combine_chunks()
        lists = pa.LargeListArray.from_arrays(pa.array(own - own[0]), names)
        said_by = chunks.select(["chunk_id", "document_id", "text"]).take(piece.column("chunk"))
        spans = zip(
            said_by.column("text").to_pylist(),
            piece.column("start").to_pylist(),
            piece.column("end").to_pylist(),
            strict=True,
        )
        evidence = pa.array([text[first:last] for text, first, last in spans], pa.string())
        found = {name: said_by.column(name) for name in ("chunk_id", "document_id")}
        for name, column in {**found, "evidence": evidence, "entities": lists}.items():
            piece = piece.append_column(name, column)
        yield piece.select(columns)


def _entities(contents: "Contents") -> "Iterator[pa.Table]":
    ids = node_ids(contents)
    for start, piece in _pieces(contents.entities):
        yield piece.add_column(0, "node", ids.slice(start, piece.num_rows))


def _edges(contents: "Contents") -> "Iterator[pa.Table]":
    import pyarrow as pa

    ids = node_ids(contents)
    empty = np.empty(0)
    columns = {"weight": empty, **dict.fromkeys(contents.graph.weights, empty)}
    yield pa.table({"source": ids.slice(0, 0), "target": ids.slice(0, 0), **columns})
    for block in edge_blocks(contents):
        ends = {"source": ids.take(pa.array(block.sources)), "target": ids.take(pa.array(block.targets))}
        yield pa.table({**ends, "weight": block.weights, **block.kinds})


def _pieces(table: "pa.Table") -> "Iterator[tuple[int, pa.Table]]":
    """The table in pieces, at least one, each with the row at which it begins."""
    for start in range(0, max(table.num_rows, 1), BLOCK):
        yield start, table.slice(start, BLOCK)


TABLES: Mapping[str, Pieces] = {
    "documents": _documents,
    "chunks": _chunks,
    "facts": _facts,
    "entities": _entities,
    "edges": _edges,
}
"""From the name of a table to what yields it, in one piece or more."""
