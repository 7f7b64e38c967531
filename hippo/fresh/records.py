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

__all__ = ["Said", "forgetting", "linking", "read", "remembering"]


@dataclass(slots=True)
class Said:
    """What some records come to.

    Attributes:
        documents: By id, what was remembered and not forgotten again.
        vectors: Vectors that came with them, by hash of their text, each float32 `(d,)`.
        gone: Ids of documents that are to be forgotten: they may be in the snapshot.
        links: Weights by both ends and kind; None: there is to be none.
    """

    documents: dict[str, Document] = field(default_factory=dict)
    vectors: "dict[str, Float32]" = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    links: dict[tuple[str, str, str], float | None] = field(default_factory=dict)


def remembering(documents: Sequence[Document], vectors: "Mapping[str, Float32]") -> dict[str, Any]:
    """The record of some documents.

    Args:
        documents: With ids; their metadata are JSON.
        vectors: By hash of the text.
    """
    return {
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
                    said.documents[one["id"]] = _document(one)
                for key, text in body["vectors"].items():
                    said.vectors[key] = np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32, copy=False)
            elif "forget" in body:
                for key in body["forget"]:
                    said.documents.pop(key, None)
                    said.links = {ends: weight for ends, weight in said.links.items() if key not in ends}
                said.gone += body["forget"]
            elif "links" in body:
                said.links |= {(first, second, kind): weight for first, second, kind, weight in body["links"]}
            elif "lost" not in body:
                raise KeyError(f"none of documents, forget, links in {sorted(body)}")
        except (KeyError, TypeError, ValueError) as error:
            problem = f"record {record.number} cannot be understood ({error}). Upgrade the package hippo-memory"
            raise IndexCorruptError("the log of what was remembered", problem) from error


def _document(row: Mapping[str, Any]) -> Document:
    time = row["timestamp"]
    return Document(row["text"], row["id"], row["title"], row["metadata"], time and datetime.fromisoformat(time))
