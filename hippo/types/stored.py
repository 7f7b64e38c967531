"""What an index holds of a document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hippo.types.documents import Chunk, Fact
from hippo.types.plain import Plain

__all__ = ["DocumentEntry", "StoredDocument"]


@dataclass(frozen=True, slots=True)
class DocumentEntry(Plain):
    """A document in a list.

    Attributes:
        id: Its id.
        title: Its title.
        metadata: A JSON object.
        timestamp: When it was true or said; None: unknown.
        source: Where it was read from, as far as that is known.
        passages: Number of its chunks.
        characters: Length of its text, as far as it is in chunks.
    """

    id: str
    title: str | None
    metadata: Mapping[str, Any]
    timestamp: datetime | None
    source: str | None
    passages: int
    characters: int


@dataclass(frozen=True, slots=True)
class StoredDocument(Plain):
    """A document with all that the index knows from it.

    Attributes:
        id: Its id.
        title: Its title.
        metadata: A JSON object.
        timestamp: When it was true or said; None: unknown.
        source: Where it was read from, as far as that is known.
        text: Its text, put together from its chunks; spaces stand where a chunker left something out.
        chunks: Its chunks, in order.
        facts: What each chunk says, by its id; a chunk without facts is not in it.
    """

    id: str
    title: str | None
    metadata: Mapping[str, Any]
    timestamp: datetime | None
    source: str | None
    text: str
    chunks: tuple[Chunk, ...]
    facts: Mapping[str, tuple[Fact, ...]]
