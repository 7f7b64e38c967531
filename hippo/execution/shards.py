"""Results of stages as Parquet files whose names say what they were made from.

A shard's key is a hash of its input, of the settings that shape it and of the version of the stage. So whatever asks
for the same work finds it done, whoever did it and whenever, and nothing stale is ever taken for it.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hippo.errors import StorageError
from hippo.storage import Folder
from hippo.store.extracted import Extracted
from hippo.types import Chunk, Document

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = [
    "chunks_of",
    "chunks_table",
    "documents_of",
    "documents_table",
    "extracted_of",
    "extracted_table",
    "key_of",
    "read_shard",
    "vectors_of",
    "vectors_table",
    "write_shard",
]

_DOCUMENTS = pa.schema(
    {name: pa.string() for name in ("document_id", "title", "text", "metadata", "timestamp", "source")}
)
_CHUNKS = pa.schema(
    {
        "chunk_id": pa.string(),
        "document_id": pa.string(),
        "position": pa.int32(),
        "text": pa.string(),
        "start": pa.int32(),
        "end": pa.int32(),
        "title": pa.string(),
        "said": pa.timestamp("us"),
    }
)


def key_of(stage: str, version: int, *parts: Any) -> str:
    """Key of a shard: 32 hex digits.

    Args:
        stage: Name of the stage.
        version: Its version: raised whenever the same input gives something else.
        parts: Plain data: everything that the result follows from.

    Examples:
        >>> key_of("chunk", 1, "a") == key_of("chunk", 1, "a") != key_of("chunk", 2, "a")
        True
    """
    text = json.dumps([stage, version, *parts], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"shard").hexdigest()


def write_shard(folder: Folder, name: str, table: pa.Table) -> None:
    """Write a table; it is there whole or not at all."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    folder.write(name, buffer.getvalue())


def read_shard(folder: Folder, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or some columns of it.

    Raises:
        StorageError: It is not there, or no Parquet file.
    """
    data = folder.read(name)
    try:
        return pq.read_table(pa.BufferReader(data), columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        problem = f"is damaged: {error}. Remove it; the next run makes it again"
        raise StorageError(f"{folder.url}/{name}", problem) from error


def documents_table(documents: Sequence[Document]) -> pa.Table:
    """Documents with their texts."""
    rows = [
        {
            "document_id": one.id,
            "title": one.title,
            "text": one.text,
            "metadata": json.dumps(dict(one.metadata), ensure_ascii=False),
            "timestamp": one.timestamp.isoformat() if one.timestamp else None,
            "source": one.source,
        }
        for one in documents
    ]
    return pa.Table.from_pylist(rows, _DOCUMENTS)


def documents_of(table: pa.Table) -> list[Document]:
    """What `documents_table` was made from."""
    return [
        Document(
            row["text"],
            row["document_id"],
            row["title"],
            json.loads(row["metadata"]),
            datetime.fromisoformat(row["timestamp"]) if row["timestamp"] else None,
            row["source"],
        )
        for row in table.to_pylist()
    ]


def chunks_table(chunks: Sequence[Chunk]) -> pa.Table:
    """Chunks, in order."""
    names = {"chunk_id": "id"}
    columns: Mapping[str, list[Any]] = {
        name: [getattr(chunk, names.get(name, name)) for chunk in chunks] for name in _CHUNKS.names
    }
    return pa.table(columns, _CHUNKS)


def chunks_of(table: pa.Table) -> list[Chunk]:
    """What `chunks_table` was made from."""
    return [Chunk(*row) for row in zip(*(table.column(name).to_pylist() for name in _CHUNKS.names), strict=True)]


def extracted_table(extracted: Extracted) -> pa.Table:
    """Outcomes of extraction, a row per chunk: the columns of `Extracted.outcomes`, and lists `facts`, `mentions`."""
    chunk_ids = extracted.outcomes.column("chunk_id").combine_chunks()
    table = extracted.outcomes
    for name in ("facts", "mentions"):
        table = table.append_column(name, _lists(getattr(extracted, name), chunk_ids))
    return table


def extracted_of(table: pa.Table) -> Extracted:
    """What `extracted_table` was made from; facts and mentions are in the order of the chunks."""
    chunk_ids = table.column("chunk_id").combine_chunks()
    outcomes = table.select(["chunk_id", "state", "reason", "dropped"])
    return Extracted(outcomes, *(_flattened(table.column(name), chunk_ids) for name in ("facts", "mentions")))


def _lists(rows: pa.Table, chunk_ids: pa.Array) -> pa.Array:
    """Rows of a table as a list for each chunk."""
    places = np.asarray(pc.index_in(rows.column("chunk_id"), value_set=chunk_ids), np.int64)
    sorted_rows = rows.drop_columns(["chunk_id"]).take(pa.array(np.argsort(places, kind="stable"))).combine_chunks()
    offsets = np.concatenate([[0], np.cumsum(np.bincount(places, minlength=len(chunk_ids)))]).astype(np.int32)
    columns = [
        pa.concat_arrays(sorted_rows.column(field.name).chunks or [pa.array([], field.type)])
        for field in sorted_rows.schema
    ]
    values = pa.StructArray.from_arrays(columns, fields=list(sorted_rows.schema))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _flattened(column: pa.ChunkedArray, chunk_ids: pa.Array) -> pa.Table:
    """Lists as rows of a table, each with its chunk."""
    lists = column.combine_chunks()
    owners = chunk_ids.take(pc.list_parent_indices(lists))
    values = lists.flatten()
    named = {field.name: values.field(place) for place, field in enumerate(lists.type.value_type)}
    return pa.table({"chunk_id": owners, **named})


def vectors_table(hashes: Sequence[str], vectors: "Float32") -> pa.Table:
    """Vectors by the hash of their text.

    Args:
        hashes: Hashes of texts, as `hippo.encoding.text_hashes` makes them.
        vectors: float32 `(n, d)`.
    """
    values = pa.array(np.ascontiguousarray(vectors).reshape(-1), pa.float32())
    column = pa.FixedSizeListArray.from_arrays(values, vectors.shape[1])
    return pa.table({"hash": pa.array(hashes, pa.string()), "vector": column})


def vectors_of(table: pa.Table) -> "tuple[pa.Array, Float32]":
    """What `vectors_table` was made from."""
    column = table.column("vector").combine_chunks()
    width = table.schema.field("vector").type.list_size
    values: Float32 = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return table.column("hash").combine_chunks(), values
