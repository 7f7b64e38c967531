"""Older versions of documents from a snapshot, as the store keeps them."""

import numpy as np
import pyarrow as pa

from hippo.snapshot.history import Past
from hippo.store.versions import PAST_TABLES

__all__ = ["past_tables"]


def past_tables(past: Past) -> dict[str, pa.Table]:
    """Tables of the store, by name, from the versions of a snapshot.

    Hashes of whole texts and places of mentions are not known there; no question needs them.
    """
    tables = past.part.tables
    documents, chunks = tables.documents, tables.chunks
    numbers = np.arange(1, documents.num_rows + 1)
    of_chunks = numbers[chunks.column("document").to_numpy()]
    times = documents.column("timestamp").cast(pa.timestamp("us"))
    versions = documents.set_column(documents.column_names.index("timestamp"), "timestamp", times)
    for name in past.times.column_names:
        versions = versions.append_column(name, past.times.column(name))
    texts = {
        name: chunks.column(name)
        for name in ("position", "title", "text", "start", "end", "said")
        if name in chunks.column_names
    }
    made = (
        versions.append_column("version", pa.array(numbers)).append_column("content_hash", _all("", len(numbers))),
        pa.table({"version": pa.array(of_chunks), "id": chunks.column("chunk_id"), **texts}),
        _mentions(past, of_chunks),
        _facts(past, of_chunks),
    )
    return dict(zip(PAST_TABLES, made, strict=True))


def _mentions(past: Past, of_chunks: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pa.Table:
    tables = past.part.tables
    rows = tables.mentions.column("chunk").to_numpy()
    nowhere = pa.array(np.full(len(rows), -1, np.int32))
    return pa.table(
        {
            "version": pa.array(of_chunks[rows]),
            "chunk_id": tables.chunks.column("chunk_id").take(pa.array(rows)),
            "key": tables.keys.take(tables.mentions.column("entity").combine_chunks()),
            "surface": tables.mentions.column("surface").cast(pa.string()),
            "start": nowhere,
            "end": nowhere,
        }
    )


def _facts(past: Past, of_chunks: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pa.Table:
    tables = past.part.tables
    rows = tables.facts.column("chunk").to_numpy()
    indptr, indices = tables.fact_entities
    # Facts of a chunk are adjacent and in order.
    first = np.searchsorted(rows, rows)
    keys = tables.keys.take(pa.array(indices))
    columns = {name: tables.facts.column(name) for name in ("text", "start", "end", "subject", "predicate", "object")}
    return pa.table(
        {
            "version": pa.array(of_chunks[rows]),
            "chunk_id": tables.chunks.column("chunk_id").take(pa.array(rows)),
            "ordinal": pa.array((np.arange(len(rows)) - first).astype(np.int32)),
            **columns,
            "entities": pa.ListArray.from_arrays(pa.array(indptr.astype(np.int32)), keys),
            "relations": tables.facts.column("relations"),
        }
    )


def _all(value: str, count: int) -> pa.Array:
    return pa.array([value] * count, pa.string())
