"""From the store's tables to the rows and pairs of the graph."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.build import Pairs, count_pairs, distinct_pairs, follow_pairs
from hippo.indexing.published import published_tables
from hippo.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tables", "read_tables"]


@dataclass(frozen=True)
class Tables:
    """Tables of `hippo.snapshot.contents.Contents`, and the pairs of every kind of edge but synonyms."""

    documents: pa.Table
    chunks: pa.Table
    facts: pa.Table
    entities: pa.Table
    fact_entities: "tuple[NDArray[np.int64], NDArray[np.int32]]"
    pairs: dict[str, Pairs]

    @property
    def passages(self) -> list[str]:
        """What is embedded and searched of each chunk: title, newline, text."""
        titles = self.chunks.column("title").to_pylist()
        texts = self.chunks.column("text").to_pylist()
        return [f"{title}\n{text}" if title else text for title, text in zip(titles, texts, strict=True)]


def read_tables(store: Store, rules: str = "hippo") -> Tables:
    """Read the store and number its documents, chunks, entities and facts in canonical order.

    Args:
        store: The store.
        rules: `GraphConfig.rules`.
    """
    documents, chunks = store.documents_table(), store.chunks_table()
    facts, mentions = store.facts_table(), store.mentions_table()
    if rules == "hipporag":
        facts, mentions = published_tables(facts, mentions)
    chunk_ids = _flat(chunks.column("chunk_id"))
    document_rows = _rows(chunks.column("document_id"), _flat(documents.column("document_id")))
    fact_chunks = _rows(facts.column("chunk_id"), chunk_ids)
    mention_chunks = _rows(mentions.column("chunk_id"), chunk_ids)
    lists = _flat(facts.column("entities"))
    sizes = np.diff(lists.offsets.to_numpy()) if len(lists) else np.empty(0, np.int64)
    fact_keys = lists.flatten()
    keys = _sorted_unique(fact_keys, _flat(mentions.column("key")))
    fact_entities = _rows(fact_keys, keys)
    mention_entities = _rows(mentions.column("key"), keys)
    n_entities, n_nodes = len(keys), len(keys) + len(chunk_ids)
    contains = distinct_pairs(
        np.concatenate([fact_entities, mention_entities]),
        np.concatenate([np.repeat(fact_chunks, sizes), mention_chunks]) + n_entities,
        n_nodes,
    )
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Tables(
        documents,
        chunks.append_column("document", pa.array(document_rows.astype(np.int32))),
        facts.drop_columns(["chunk_id", "ordinal", "entities", "relations"]).append_column(
            "chunk", pa.array(fact_chunks.astype(np.int32))
        ),
        pa.table(
            {
                "key": keys,
                "name": _commonest(mentions, keys),
                "chunks": pa.array(np.bincount(contains[0], minlength=n_entities).astype(np.int32)),
            }
        ),
        (indptr, fact_entities.astype(np.int32)),
        {
            "relation": _relations(_flat(facts.column("relations")), indptr, fact_entities, n_nodes),
            "contains": contains,
            "follows": follow_pairs(document_rows, n_entities),
        },
    )


def _relations(lists: pa.Array, indptr: "NDArray[np.int64]", fact_entities: "NDArray[np.int64]", n_nodes: int) -> Pairs:
    """Pairs of entities that facts relate, counted by fact."""
    sizes = np.diff(lists.offsets.to_numpy()) if len(lists) else np.empty(0, np.int64)
    positions = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    entities = fact_entities[positions + np.repeat(indptr[:-1], sizes)] if len(positions) else positions
    return count_pairs(entities[0::2], entities[1::2], n_nodes)


def _commonest(mentions: pa.Table, keys: pa.Array) -> pa.Array:
    """The commonest spelling of each key (ties: first in code point order); the key itself where nothing spells it."""
    counted = mentions.group_by(["key", "surface"]).aggregate([([], "count_all")])
    ordered = counted.sort_by([("key", "ascending"), ("count_all", "descending"), ("surface", "ascending")])
    found, surfaces = _flat(ordered.column("key")), _flat(ordered.column("surface"))
    first = np.flatnonzero(np.append(True, pc.not_equal(found[1:], found[:-1]).to_numpy(zero_copy_only=False)))
    places = pc.index_in(keys, value_set=found.take(pa.array(first[: len(found)])))
    return pc.coalesce(surfaces.take(pa.array(first[: len(found)])).take(places), keys)


def _sorted_unique(*columns: pa.Array) -> pa.Array:
    keys = pc.unique(pa.concat_arrays([column.cast(pa.string()) for column in columns]))
    return keys.take(pc.sort_indices(keys))


def _rows(values: pa.ChunkedArray | pa.Array, known: pa.Array) -> "NDArray[np.int64]":
    """Position of each value among the known ones."""
    return np.asarray(pc.index_in(values, value_set=known), dtype=np.int64)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    """One contiguous array without offset."""
    array = column.combine_chunks()
    return pa.concat_arrays([array]) if not isinstance(array, pa.ChunkedArray) else pa.concat_arrays(array.chunks)
