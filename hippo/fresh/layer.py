"""A snapshot with what was remembered since beside it, as one index.

Chunks, facts and entities of the log come after those of the snapshot; their edges are added to its graph, their words
and vectors are searched beside its own, and what depends on all together (BM25, moments, numbers of mentions) is that
of both. Two things wait for the merge: synonym edges of names that are new, and, where extraction takes a language
model, the facts that it will find in place of those found by rules.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.build import extended
from hippo.graph.links import LINKS, link_pairs
from hippo.graph.sequence import follow_pairs, in_sequence, in_sessions, sessions_of
from hippo.graph.tables import flat
from hippo.search.moments import Moments
from hippo.snapshot.contents import Contents
from hippo.snapshot.derived import derived_from
from hippo.snapshot.merge import Part, rows_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.graph.build import Pairs

__all__ = ["layered", "relinked", "rows_of"]


def layered(
    base: Contents,
    part: Part | None,
    links: Mapping[tuple[str, str, str], float | None],
    gone: frozenset[str],
) -> Contents:
    """Contents of both.

    Args:
        base: Contents of a snapshot; nothing of them is copied but the graph.
        part: Documents that come beside it; None: there are none.
        links: Weights by both ends and kind; None: there is to be none.
        gone: Ids of documents of the snapshot that are to be forgotten or have a newer version in the part.

    Raises:
        IndexMismatchError: The snapshot has an older format, which does not hold enough.
    """
    contents = base if part is None else _beside(base, part)
    # What is derived from what goes, goes too.
    hidden = rows_of(base.documents, gone) | derived_from(base.documents, gone)
    if hidden.any():
        more = contents.documents.num_rows - len(hidden)
        contents = replace(contents, hidden=np.concatenate([hidden, np.zeros(more, bool)]))
    return _linked(contents, links) if links else contents


def rows_of(documents: pa.Table, ids: frozenset[str]) -> "NDArray[np.bool_]":
    """Which documents have one of some ids, bool `(D,)`."""
    if not ids:
        return np.zeros(documents.num_rows, bool)
    there = pc.is_in(documents.column("document_id"), value_set=pa.array(sorted(ids), pa.string()))
    found: NDArray[np.bool_] = there.to_numpy(zero_copy_only=False) if isinstance(there, pa.Array) else there.to_numpy()
    return found


def relinked(known: pa.Table, links: Mapping[tuple[str, str, str], float | None]) -> pa.Table:
    """A table of links with other weights for some; None: there is to be none."""
    weights = {**_weights(known), **links}
    kept = sorted((*ends, weight) for ends, weight in weights.items() if weight is not None)
    return pa.Table.from_pylist([dict(zip(LINKS.names, row, strict=True)) for row in kept], LINKS)


def _weights(links: pa.Table) -> dict[tuple[str, str, str], float | None]:
    columns = (links.column(name).to_pylist() for name in LINKS.names)
    return {(first, second, kind): weight for first, second, kind, weight in zip(*columns, strict=True)}


def _linked(contents: Contents, links: Mapping[tuple[str, str, str], float | None]) -> Contents:
    """Contents with other links: by what a weight differs is added to its edge."""
    before, graph = _weights(contents.links), contents.graph
    changes = {ends: (weight or 0.0) - (before.get(ends) or 0.0) for ends, weight in links.items()}
    keys = flat(contents.entities.column("key"))
    pairs = link_pairs(relinked(LINKS.empty_table(), changes), contents.documents, contents.chunks, keys)
    return replace(
        contents,
        links=relinked(contents.links, links),
        graph=extended(graph, graph.n_entities, graph.n_passages, pairs),
    )


def _beside(base: Contents, part: Part) -> Contents:
    """Contents of a snapshot and of documents that come after its own."""
    part = part.stored_like(base.vectors)
    tables, graph = part.tables, base.graph
    known = rows_in(tables.keys, base.tables.keys)
    new = known < 0
    entities = known.copy()
    entities[new] = graph.n_entities + np.arange(int(new.sum()))
    n_entities, n_passages = graph.n_entities + int(new.sum()), graph.n_passages + tables.chunks.num_rows
    # Of the part, entity i is node i and chunk j is node E' + j.
    nodes = np.concatenate([entities, n_entities + graph.n_passages + np.arange(tables.chunks.num_rows)])
    pairs: dict[str, Pairs] = {}
    for kind, (first, second, weights) in tables.pairs.items():
        if kind in graph.weights:
            pairs[kind] = nodes[first], nodes[second], weights
    pairs["follows"] = _follows(base, part, n_entities)
    indptr, indices = base.fact_entities
    more_indptr, more = tables.fact_entities
    moments = {
        kind: one.joined(len(base.vectors[kind]), Moments.of(part.vectors[kind]), len(part.vectors[kind]))
        for kind, one in base.moments.items()
    }
    return replace(
        base,
        documents=_joined(base.documents, tables.documents),
        chunks=_joined(base.chunks, _shifted(tables.chunks, "document", base.documents.num_rows)),
        facts=_joined(base.facts, _shifted(tables.facts, "chunk", base.chunks.num_rows)),
        entities=_entities(base, tables.entities, known),
        fact_entities=(
            np.concatenate([indptr, more_indptr[1:] + indptr[-1]]),
            np.concatenate([indices, entities[more].astype(np.int32)]),
        ),
        graph=extended(graph, n_entities, n_passages, pairs),
        moments=moments,
        mentions=None,
        fresh=part,
        ordered=graph.n_entities,
    )


def _follows(base: Contents, part: Part, n_entities: int) -> "Pairs":
    """Pairs of passages of which one follows the other and at least one is new.

    What was next to each other in the snapshot stays so until the merge, also where something new stands between.
    """
    own = part.tables
    earlier = np.flatnonzero(in_sessions(base.documents, sessions_of(own.documents)))
    documents = _joined(base.documents.take(pa.array(earlier)), own.documents)
    by_id = np.asarray(pc.sort_indices(documents.column("document_id")), np.int64)
    place = np.empty(len(by_id), np.int64)
    place[by_id] = np.arange(len(by_id))
    labels, ranks = (numbers[place] for numbers in in_sequence(documents.take(pa.array(by_id))))
    owners = base.chunks.column("document").to_numpy()
    old = np.flatnonzero(np.isin(owners, earlier))
    document = np.concatenate(
        [np.searchsorted(earlier, owners[old]), own.chunks.column("document").to_numpy() + len(earlier)]
    )
    nodes = np.concatenate([old, base.graph.n_passages + np.arange(own.chunks.num_rows)]) + n_entities
    low, high, weights = follow_pairs(document, (labels, ranks), 0, base.info.get("follow_distance", 1))
    new = high >= len(old)
    return nodes[low[new]], nodes[high[new]], weights[new]


def _joined(first: pa.Table, second: pa.Table) -> pa.Table:
    """Both tables, one after the other, without a copy."""
    return pa.concat_tables([first, second.select(first.column_names).cast(first.schema)])


def _shifted(table: pa.Table, column: str, by: int) -> pa.Table:
    """The table with a column of rows that come after others."""
    place = table.column_names.index(column)
    return table.set_column(place, column, pa.array(table.column(column).to_numpy() + np.int32(by)))


def _entities(base: Contents, own: pa.Table, known: "NDArray[np.int64]") -> pa.Table:
    """Entities of both: how many chunks mention them is counted together; names are those of the snapshot."""
    counts = base.entities.column("chunks").to_numpy().copy()
    mine = own.column("chunks").to_numpy()
    there = known >= 0
    counts[known[there]] += mine[there]
    place = base.entities.column_names.index("chunks")
    return _joined(base.entities.set_column(place, "chunks", pa.array(counts)), own.filter(pa.array(~there)))
