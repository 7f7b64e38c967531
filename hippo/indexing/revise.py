"""Versions of documents: what tells two of them apart, and a new one where only a part of it is given."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from hippo.documents.turns import said_at
from hippo.errors import DocumentError
from hippo.ids import text_hash
from hippo.protocols import Chunker
from hippo.store import Store
from hippo.types import Chunk, Document

__all__ = ["Revision", "content_hash", "revise"]


def content_hash(document: Document) -> str:
    """Hash of everything that a new version of a document may change: title, text, metadata, timestamp.

    Raises:
        DocumentError: The timestamp cannot be told in UTC.
    """
    return text_hash("\x00".join([*_about(document), document.text]))


def _about(document: Document) -> list[str]:
    """Title, metadata and timestamp in the one way in which each of them is written."""
    metadata = json.dumps(dict(document.metadata), sort_keys=True, ensure_ascii=False, default=str)
    time = document.timestamp
    if time is not None:
        try:
            time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        except OverflowError as error:
            problem = f"timestamp {time} is not within the years 1 to 9999 in UTC"
            raise DocumentError(document.source or document.id or "document", problem) from error
    return [document.title or "", metadata, time.isoformat() if time else ""]


@dataclass(frozen=True, slots=True)
class Revision:
    """What is new of a document.

    Attributes:
        id: Its id.
        changes: New values of `text`, `title`, `metadata`, `timestamp`; what is not named stays.
    """

    id: str
    changes: Mapping[str, Any]


def revise(store: Store, revision: Revision, chunker: Chunker) -> tuple[Document, str, list[Chunk]] | None:
    """The new version of a document, the hash of its content and its chunks; None where nothing of it changes.

    Without a new text the chunks are those that it has.

    Raises:
        DocumentError: The index holds no such document, or a new title came without the text.
    """
    stored = store.document(revision.id)
    if stored is None:
        raise DocumentError(revision.id, "the index holds no document of this id; add it")
    document, known_hash = stored
    if "text" in revision.changes:
        new = replace(document, **revision.changes)
        hashed = content_hash(new)
        return None if hashed == known_hash else (new, hashed, chunker.chunk(new))
    new = replace(document, **revision.changes)
    if _about(new) == _about(document):
        return None
    if new.title != document.title:
        raise DocumentError(revision.id, "a new title needs the text too: passages are cut so that both fit in")
    # The whole text is not stored; a hash that no text has makes the next `add` of it a change.
    chunks = [replace(chunk, said=said_at(new)) for chunk in store.chunks_of(revision.id)]
    return new, text_hash("\x00".join([known_hash, *_about(new)])), chunks
