"""Documents as a snapshot holds them: a list of them, or one with its chunks and facts."""

import json
from typing import TYPE_CHECKING, Any

from hippo.errors import DocumentError
from hippo.snapshot.contents import Contents
from hippo.types import Chunk, DocumentEntry, Fact, StoredDocument, Triple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo.filters import Condition

__all__ = ["list_documents", "stored_document"]

_CHUNK = ("document_id", "position", "text", "start", "end", "title", "said")
_COLUMNS = ["document_id", "title", "metadata", "timestamp", "source"]


def list_documents(contents: Contents, condition: "Condition | None" = None) -> list[DocumentEntry]:
    """Documents that satisfy a condition, by id.

    Raises:
        FilterError: The condition takes too long, or compares what cannot be compared.
    """
    import numpy as np
    import pyarrow as pa

    rows = np.ones(contents.documents.num_rows, bool)
    if condition is not None:
        from hippo.filters import matching

        rows = matching(condition, contents.documents)
    if contents.hidden is not None:
        rows = rows & ~contents.hidden
    owner = _numbers(contents, "document")
    counts = np.bincount(owner, minlength=len(rows))
    lengths = np.zeros(len(rows), np.int64)
    np.maximum.at(lengths, owner, _numbers(contents, "end"))
    chosen = contents.documents.select(_COLUMNS).filter(pa.array(rows))
    numbers = zip(counts[rows].tolist(), lengths[rows].tolist(), strict=True)
    values = zip(*(chosen.column(name).to_pylist() for name in _COLUMNS), strict=True)
    found = [
        DocumentEntry(key, title, json.loads(metadata), timestamp, source, passages, characters)
        for (key, title, metadata, timestamp, source), (passages, characters) in zip(values, numbers, strict=True)
    ]
    # What lies beside a snapshot comes after it.
    return found if contents.fresh is None else sorted(found, key=lambda one: one.id)


def stored_document(contents: Contents, document_id: str) -> StoredDocument:
    """A document with its text, chunks and facts.

    Raises:
        DocumentError: The snapshot holds no document of this id.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        there = pc.equal(contents.documents.column("document_id"), document_id).to_numpy()
    except (TypeError, ValueError, UnicodeError, pa.ArrowException):  # No text, or a lone surrogate: ids are neither.
        there = np.zeros(contents.documents.num_rows, bool)
    rows = np.flatnonzero(there if contents.hidden is None else there & ~contents.hidden)
    row = int(rows[0]) if len(rows) else -1
    if row < 0:
        raise DocumentError(
            str(document_id), "the index holds no document of this id; `hippo list` shows what it holds"
        )
    [(key, title, metadata, timestamp, source)] = zip(
        *(contents.documents.column(name).slice(row, 1).to_pylist() for name in _COLUMNS), strict=True
    )
    first, last = np.searchsorted(_numbers(contents, "document"), [row, row + 1])
    part = contents.chunks.slice(first, last - first).to_pylist()
    chunks = tuple(Chunk(one["chunk_id"], **{name: one.get(name) for name in _CHUNK}) for one in part)
    facts = {chunk.id: found for at, chunk in enumerate(chunks, first) if (found := _facts(contents, at))}
    return StoredDocument(key, title, json.loads(metadata), timestamp, source, _text(chunks), chunks, facts)


def _text(chunks: tuple[Chunk, ...]) -> str:
    """Texts of chunks, each at its place."""
    parts, length = [], 0
    for chunk in chunks:
        parts += [" " * (chunk.start - length), chunk.text[max(0, length - chunk.start) :]]
        length = max(length, chunk.end)
    return "".join(parts)


def _facts(contents: Contents, chunk: int) -> tuple[Fact, ...]:
    """Facts of one chunk, in order."""
    import numpy as np

    first, last = np.searchsorted(contents.facts.column("chunk").to_numpy(), [chunk, chunk + 1])
    indptr, indices = contents.fact_entities
    keys = contents.entities.column("key")
    found = []
    for row, fact in enumerate(contents.facts.slice(first, last - first).to_pylist(), first):
        entities = [keys[int(entity)].as_py() for entity in indices[indptr[row] : indptr[row + 1]]]
        related = [entities[position] for position in fact.get("relations") or ()]
        triple = None if fact["subject"] is None else Triple(fact["subject"], fact["predicate"], fact["object"])
        pairs = tuple(zip(related[0::2], related[1::2], strict=True))
        found.append(Fact(fact["text"], tuple(entities), pairs, fact["start"], fact["end"], triple))
    return tuple(found)


def _numbers(contents: Contents, name: str) -> "NDArray[np.int32]":
    numbers: NDArray[Any] = contents.chunks.column(name).to_numpy()
    return numbers
