"""What is true of the contents of a sound snapshot: every row number is in range, the graph is symmetric."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from hippo.snapshot.contents import Contents
from hippo.snapshot.history import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["violations", "violations_of_past"]

_UNIT = {"float32": 1.001e-3, "float16": 1.001e-3 + 2.0**-11}
"""How far from 1 the length of a stored vector may be: as far as that of an encoder's, and what storing it rounds."""
_ROUNDING = 1e-6


def violations(contents: Contents) -> Iterator[str]:
    """What is wrong with a snapshot's contents, in words. Reads all of it but the texts."""
    yield from _rows(contents)
    yield from _graph(contents)
    yield from _vectors(contents)
    yield from _codes(contents)


def violations_of_past(contents: Contents, history: History | None) -> Iterator[str]:
    """The same of what lies beside the contents: versions of documents that are not in force any more."""
    if history is None:
        return
    if len(history.starts) != contents.documents.num_rows:
        yield f"{len(history.starts)} documents have a start, of {contents.documents.num_rows}"
    if history.past is None:
        return
    tables, times = history.past.part.tables, history.past.times
    started, ended = history.past.bounds
    if len(ended) != tables.documents.num_rows:
        yield f"{len(ended)} older versions have an end, of {tables.documents.num_rows}"
    elif (ended < started).any() or times.column("ended").null_count:
        yield "older versions end before they start"
    for name, column, count in (
        ("chunks", "document", tables.documents.num_rows),
        ("facts", "chunk", tables.chunks.num_rows),
        ("mentions", "chunk", tables.chunks.num_rows),
        ("mentions", "entity", len(tables.keys)),
    ):
        if not _within(getattr(tables, name).column(column).to_numpy(), count):
            yield f"rows of {name} of older versions name a {column} that is not there"
    indptr, indices = tables.fact_entities
    if len(indptr) != tables.facts.num_rows + 1 or not _monotonic(indptr, len(indices)):
        yield "the entities of facts of older versions are not laid out row by row"
    if not _within(indices, len(tables.keys)):
        yield "facts of older versions name an entity that is not there"
    sizes = {"passage": tables.chunks.num_rows, "fact": tables.facts.num_rows, "entity": len(tables.keys)}
    for kind, vectors in history.past.part.vectors.items():
        if len(vectors) != sizes[kind]:
            yield f"there are {len(vectors)} vectors for {sizes[kind]} {kind} rows of older versions"
        if vectors.dtype != contents.vectors[kind].dtype:
            yield f"vectors of {kind} rows of older versions are {vectors.dtype}, those of others are not"
    for kind, words in history.past.part.words.items():
        if not _monotonic(words.indptr, len(words.texts)) or not _within(words.texts, sizes[kind]):
            yield f"the words of {kind}s of older versions point outside"
    every = len(history.similar(contents)[0])
    if not _within(history.past.similar.low, every) or not _within(history.past.similar.high, every):
        yield "similar pairs of older versions name an entity that is not there"


def _rows(contents: Contents) -> Iterator[str]:
    tables = {"chunks": contents.chunks, "facts": contents.facts}
    for name, column, count in (
        ("chunks", "document", contents.documents.num_rows),
        ("facts", "chunk", contents.n_chunks),
    ):
        if not _within(tables[name].column(column).to_numpy(), count):
            yield f"rows of {name} name a {column} that is not there"
    indptr, indices = contents.fact_entities
    if len(indptr) != contents.facts.num_rows + 1 or not _monotonic(indptr, len(indices)):
        yield "the entities of facts are not laid out row by row"
    if not _within(indices, contents.entities.num_rows):
        yield "facts name an entity that is not there"
    for name, words in contents.words.items():
        if not _monotonic(words.indptr, len(words.texts)) or not _within(words.texts, words.size):
            yield f"the words of {name}s point outside"
        elif not np.isfinite(words.weights).all() or (words.weights < 0).any():
            yield f"the words of {name}s have weights that are no BM25 scores"
    if not _within(contents.similar.low, contents.entities.num_rows) or not _within(
        contents.similar.high, contents.entities.num_rows
    ):
        yield "similar pairs name an entity that is not there"
    yield from _decisions(contents)


def _decisions(contents: Contents) -> Iterator[str]:
    decisions = contents.decisions.to_pylist()
    pairs = [(one["first"], one["second"]) for one in decisions]
    if pairs != sorted(set(pairs)) or any(first >= second for first, second in pairs):
        yield "decisions about synonyms are out of order"
    elif {one["decision"] for one in decisions} - {"accepted", "rejected"}:
        yield "decisions about synonyms are neither accepted nor rejected"


def _graph(contents: Contents) -> Iterator[str]:
    from scipy.sparse import csr_array

    graph = contents.graph
    if len(graph.indptr) != graph.n_nodes + 1 or not _monotonic(graph.indptr, len(graph.indices)):
        yield "the graph is not laid out row by row"
        return
    if not _within(graph.indices, graph.n_nodes):
        yield "edges lead to nodes that are not there"
        return
    for kind, weights in graph.weights.items():
        if len(weights) != len(graph.indices) or not np.isfinite(weights).all() or (weights < 0).any():
            yield f"{kind} edges have weights that are no weights"
            continue
        matrix = csr_array((weights, graph.indices, graph.indptr), shape=(graph.n_nodes, graph.n_nodes))
        if (abs(matrix - matrix.T) > 0).nnz:
            yield f"{kind} edges differ by direction"


def _vectors(contents: Contents) -> Iterator[str]:
    sizes = {
        "passage": contents.n_chunks,
        "fact": contents.facts.num_rows,
        "entity": contents.entities.num_rows,
    }
    for kind, vectors in contents.vectors.items():
        if len(vectors) != sizes[kind]:
            yield f"there are {len(vectors)} vectors for {sizes[kind]} {kind} rows"
            continue
        if vectors.dtype not in (np.float32, np.float16):
            yield f"vectors of {kind} rows are {vectors.dtype}, not float32 or float16"
            continue
        for start in range(0, len(vectors), 16_384):
            lengths = np.linalg.norm(vectors[start : start + 16_384].astype(np.float64), axis=1)
            # A text without any word may have no direction.
            if (np.abs(lengths[lengths > 0] - 1) > _UNIT[vectors.dtype.name]).any() or not np.isfinite(lengths).all():
                yield f"vectors of {kind} rows are not of length 1"
                break


def _codes(contents: Contents) -> Iterator[str]:
    for kind, coded in contents.codes.items():
        vectors = contents.vectors[kind]
        fits = coded.codes.dtype == np.int8 and coded.codes.shape == vectors.shape
        if not fits or coded.scales.shape != (len(vectors),):
            yield f"vectors of {kind} rows in 8 bits have another shape"
            continue
        error, length = coded.bounds + _ROUNDING
        for start in range(0, len(vectors), 16_384):
            part = slice(start, start + 16_384)
            whole = vectors[part].astype(np.float32, copy=False)
            left = np.linalg.norm(whole - coded.scales[part, None] * coded.codes[part], axis=1)
            if not ((left <= error).all() and (np.linalg.norm(whole, axis=1) <= length).all()):
                yield f"vectors of {kind} rows in 8 bits are not those of the same rows"
                break


def _within(rows: "NDArray[np.integer]", count: int) -> bool:
    return not len(rows) or bool(rows.min() >= 0 and rows.max() < count)


def _monotonic(indptr: "NDArray[np.integer]", total: int) -> bool:
    return bool(len(indptr) and indptr[0] == 0 and indptr[-1] == total and (np.diff(indptr) >= 0).all())
