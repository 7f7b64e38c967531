"""From tables that name what they refer to, to numbered ones."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.published_facts import published_tables
from hippo.graph.tables import Tables, flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["numbered", "with_ids"]


def numbered(documents: pa.Table, chunks: pa.Table, facts: pa.Table, mentions: pa.Table, rules: str) -> Tables:
    """Number documents, chunks, entities and facts.

    Args:
        documents: As `Store.documents_table` gives them, and so are the next three, in their canonical order.
        chunks: Of these documents.
        facts: Of these chunks.
        mentions: In these chunks.
        rules: `GraphConfig.rules`.
    """
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


def with_ids(tables: Tables, ids: pa.Array) -> Tables:
    """Tables of versions that were numbered under ids of their own, with the ids that these have, which may repeat.

    Args:
        tables: Ids of chunks begin with a number and a colon.
        ids: Of the documents, in their order.
    """
    chunks = tables.chunks
    named = {
        "chunk_id": pc.replace_substring_regex(chunks.column("chunk_id"), r"^\d+:", ""),
        "document_id": ids.take(chunks.column("document").combine_chunks()),
    }
    for name, column in named.items():
        chunks = chunks.set_column(chunks.column_names.index(name), name, column)
    return replace(tables, documents=tables.documents.set_column(0, "document_id", ids), chunks=chunks)


def _sorted_unique(*columns: pa.Array) -> pa.Array:
    keys = pc.unique(pa.concat_arrays([column.cast(pa.string()) for column in columns]))
    return keys.take(pc.sort_indices(keys))


def _rows(values: pa.ChunkedArray | pa.Array, known: pa.Array) -> "NDArray[np.int32]":
    """Position of each value among the known ones."""
    return np.asarray(pc.index_in(values, value_set=known), dtype=np.int32)
