"""What records of the log say: documents that were remembered, ids of documents to be forgotten, links."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import IndexCorruptError
from hippo.fresh.log import Record
from hippo.types import Document

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["Said", "Told", "forgetting", "linking", "read", "remembering"]


@dataclass(frozen=True, slots=True)
class Told:
    """A document as a record has it.

    Attributes:
        document: The document, with its id.
        at: When it was remembered, UTC; None: the record does not say.
        number: Number of the record.
    """

    document: Document
    at: datetime | None
    number: int


@dataclass(slots=True)
class Said:
    """What some records come to.

    Attributes:
        documents: By id, what was remembered and not forgotten again: its newest version.
        older: By id, versions that a newer one has replaced, oldest first.
        vectors: Vectors that came with them, by hash of their text, each float32 `(d,)`.
        gone: Ids of documents that are to be forgotten: they may be in the snapshot.
        links: Weights by both ends and kind; None: there is to be none.
    """

    documents: dict[str, Told] = field(default_factory=dict)
    older: dict[str, list[Told]] = field(default_factory=dict)
    vectors: "dict[str, Float32]" = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    links: dict[tuple[str, str, str], float | None] = field(default_factory=dict)


def remembering(documents: Sequence[Document], vectors: "Mapping[str, Float32]", at: datetime) -> dict[str, Any]:
    """The record of some documents.

    Args:
        documents: With ids; their metadata are JSON.
        vectors: By hash of the text.
        at: The moment, UTC.
    """
    return {
        "at": at.isoformat(),
        "documents": [
            {
                "id": one.id,
                "title": one.title,
                "text": one.text,
                "metadata": dict(one.metadata),
                "timestamp": one.timestamp and one.timestamp.isoformat(),
            }
            for one in documents
        ],
        "vectors": {key: base64.b64encode(np.asarray(one, "<f4").tobytes()).decode() for key, one in vectors.items()},
    }


def forgetting(ids: Sequence[str]) -> dict[str, Any]:
    """The record of ids of documents that are to be forgotten."""
    return {"forget": list(ids)}


def linking(links: Mapping[tuple[str, str, str], float | None]) -> dict[str, Any]:
    """The record of links: weights by both ends and kind; None: there is to be none."""
    return {"links": [[*ends, weight] for ends, weight in links.items()]}


def read(records: Sequence[Record], said: Said) -> None:
    """Add what records say to what those before them came to.

    Raises:
        IndexCorruptError: One says nothing that is known here.
    """
    for record in records:
        body = record.body
        try:
            if "documents" in body:
                for one in body["documents"]:
                    _put(said, Told(_document(one), _time(body.get("at")), record.number))
                for key, text in body["vectors"].items():
                    said.vectors[key] = np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32, copy=False)
            elif "forget" in body:
                for key in body["forget"]:
                    said.documents.pop(key, None)
                    said.older.pop(key, None)
                    said.links = {ends: weight for ends, weight in said.links.items() if key not in ends}
                said.gone += body["forget"]
            elif "links" in body:
                said.links |= {(first, second, kind): weight for first, second, kind, weight in body["links"]}
            elif "lost" not in body:
                raise KeyError(f"none of documents, forget, links in {sorted(body)}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"record {record.number} cannot be understood ({error}). Upgrade the package hippo-memory"
            raise IndexCorruptError("the log of what was remembered", problem) from error


def _put(said: Said, told: Told) -> None:
    key = told.document.id or ""
    known = said.documents.get(key)
    if known is not None and known.document == told.document:
        return  # It was said before, and holds since then.
    if known is not None:
        said.older.setdefault(key, []).append(known)
    said.documents[key] = told


def _document(row: Mapping[str, Any]) -> Document:
    return Document(row["text"], row["id"], row["title"], row["metadata"], _time(row["timestamp"]))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
