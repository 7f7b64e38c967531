"""Derived documents, each with what it is about and the passages that it is from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hippo.ids import text_hash
from hippo.snapshot.contents import Contents
from hippo.snapshot.derived import DERIVED
from hippo.types import Document

__all__ = ["Derived", "document_of"]


@dataclass(frozen=True, slots=True)
class Derived:
    """Something that follows from passages.

    Attributes:
        kind: "gist", "fact" or "contradiction".
        of: What it is about: "session NAME", "entity NAME", or names.
        title: Its title, if it has one.
        text: What it says.
        chunks: Rows of the passages that it is from, without repeats.
        more: What else is to be known of it; JSON.
    """

    kind: str
    of: str
    title: str | None
    text: str
    chunks: tuple[int, ...]
    more: Mapping[str, Any] = field(default_factory=dict)


def document_of(contents: Contents, one: Derived) -> Document:
    """The document of it: its id says what it is, what it says and from where, so that there is never another version.

    Its timestamp is that of its newest source.
    """
    owners = contents.chunks.column("document")
    rows = sorted({owners[chunk].as_py() for chunk in one.chunks})
    sources = [contents.documents.column("document_id")[row].as_py() for row in rows]
    times: list[datetime] = [
        time for row in rows if (time := contents.documents.column("timestamp")[row].as_py()) is not None
    ]
    passages = sorted(_ids(contents, one.chunks))
    known = {DERIVED: one.kind, "of": one.of, "sources": sources, "passages": passages, **one.more}
    key = f"{DERIVED}/{one.kind}/{text_hash(chr(0).join([one.of, one.text, *passages]))}"
    return Document(one.text, key, one.title, known, max(times, default=None))


def _ids(contents: Contents, chunks: Iterable[int]) -> Sequence[str]:
    column = contents.chunks.column("chunk_id")
    return [column[chunk].as_py() for chunk in chunks]
