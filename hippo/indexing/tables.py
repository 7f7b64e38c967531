"""From the store's tables to numbered ones."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.tables import Tables, flat
from hippo.indexing.published import published_tables
from hippo.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_past", "read_tables"]


def read_tables(store: Store, rules: str = "hippo") -> Tables:
    """Read the store and number its documents, chunks, entities and facts in canonical order.

    Args:
        store: The store.
        rules: `GraphConfig.rules`.
    """
    facts, mentions = store.facts_table(), store.mentions_table()
    tables = _numbered(store.documents_table(), store.chunks_table(), facts, mentions, rules)
    return replace(tables, decisions=store.decisions_table())


def read_past(store: Store, rules: str = "hippo") -> tuple[Tables, pa.Table]:
    """The same of the versions of documents that are not in force any more.

    Args:
        store: The store.
        rules: `GraphConfig.rules`.

    Returns:
        Tables, whose ids may repeat: documents are in the order of ids, then as they followed each other. And, for each
        document, when it was in force: columns started, ended, ending.
    """
    versions = store.versions_table()
    documents = versions.drop_columns(["id", "started", "ended", "ending"])
    facts, mentions = store.past_facts_table(), store.past_mentions_table()
    tables = _numbered(documents, store.past_chunks_table(), facts, mentions, rules)
    ids, chunks = flat(versions.column("id")), tables.chunks
    named = {
        "chunk_id": pc.replace_substring_regex(chunks.column("chunk_id"), r"^\d+:", ""),
        "document_id": ids.take(chunks.column("document").combine_chunks()),
    }
    for name, column in named.items():
        chunks = chunks.set_column(chunks.column_names.index(name), name, column)
    known = replace(tables, documents=documents.set_column(0, "document_id", ids), chunks=chunks)
    return known, versions.select(["started", "ended", "ending"])


def _numbered(documents: pa.Table, chunks: pa.Table, facts: pa.Table, mentions: pa.Table, rules: str) -> Tables:
    if rules == "hipporag":
        facts, mentions = published_tables(facts, mentions)
    chunk_ids = flat(chunks.column("chunk_id"))
    document_rows = _rows(chunks.column("document_id"), flat(documents.column("document_id")))
    fact_chunks = _rows(facts.column("chunk_id"), chunk_ids)
    relations = facts.column("relations").cast(pa.list_(pa.int32()))
    lists = flat(facts.column("entities"))
    sizes = np.diff(lists.offsets.to_numpy()) if len(lists) else np.empty(0, np.int64)
    keys = _sorted_unique(lists.flatten(), flat(mentions.column("key")))
    surfaces = _sorted_unique(flat(mentions.column("surface")))
    spelled = pa.array(_rows(mentions.column("surface"), surfaces))
    return Tables(
        documents,
        chunks.append_column("document", pa.array(document_rows)),
        facts.drop_columns(["chunk_id", "ordinal", "entities", "relations"])
        .append_column("relations", relations)
        .append_column("chunk", pa.array(fact_chunks)),
        pa.table(
            {
                "chunk": pa.array(_rows(mentions.column("chunk_id"), chunk_ids)),
                "entity": pa.array(_rows(mentions.column("key"), keys)),
                "surface": pa.DictionaryArray.from_arrays(spelled, surfaces),
            }
        ),
        keys,
        (np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), _rows(lists.flatten(), keys)),
    )


def _sorted_unique(*columns: pa.Array) -> pa.Array:
    keys = pc.unique(pa.concat_arrays([column.cast(pa.string()) for column in columns]))
    return keys.take(pc.sort_indices(keys))


def _rows(values: pa.ChunkedArray | pa.Array, known: pa.Array) -> "NDArray[np.int32]":
    """Position of each value among the known ones."""
    return np.asarray(pc.index_in(values, value_set=known), dtype=np.int32)
