"""Documents into the store: what is new, what has changed, what is as it was."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from hippo.errors import DuplicateDocumentError
from hippo.indexing.clock import Clock
from hippo.indexing.revise import Revision, content_hash, revise
from hippo.protocols import Chunker
from hippo.store import Store
from hippo.types import Chunk, Document, Skipped

__all__ = ["Ingested", "ingest", "read_all"]

_ROW = re.compile(r":\d+$")
"""Number of a row after the name of its file."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """Outcome of an `ingest`: numbers of documents."""

    added: int
    changed: int
    unchanged: int
    deleted: int
    forgotten: int


def read_all(items: Iterable[Document | Skipped], clock: Clock) -> tuple[list[Document], list[Skipped]]:
    """Read all input before anything is written, so that an error in it leaves the index as it was."""
    documents: list[Document] = []
    skipped: list[Skipped] = []
    with clock.stage("read"):
        for item in items:
            if isinstance(item, Skipped):
                skipped.append(item)
            else:
                documents.append(item)
                if len(documents) % 256 == 0:
                    clock.tell("read", len(documents), None)
        clock.tell("read", len(documents), len(documents))
    return documents, skipped


def ingest(
    store: Store,
    documents: Sequence[Document],
    chunker: Chunker,
    meta: Mapping[str, str],
    clock: Clock,
    deleting: Sequence[str] = (),
    revisions: Sequence[Revision] = (),
    *,
    keep: bool = True,
    forget: bool = False,
    moments: Mapping[str, datetime] = MappingProxyType({}),
) -> Ingested:
    """Store new and changed documents with their chunks, and delete others, all at once.

    Of a document that has not changed, only where it was read from is kept, unless the file that it came from is there.

    Args:
        store: The store.
        documents: Documents with unique ids.
        chunker: Cuts documents into chunks.
        meta: Stored before the first document is.
        clock: For progress.
        deleting: Ids of documents that go; none of them is among the documents.
        revisions: What is new of other documents, which the store holds.
        keep: Whether versions that are replaced or deleted are kept.
        forget: Whether documents that go go with all their versions, the older ones too.
        moments: By id of a document, when it came in; of others that is now.
    """
    with clock.stage("chunk"):
        hashes = [content_hash(document) for document in documents]
        known = store.content_hashes([document.id or "" for document in documents])
        fresh = [
            (document, new)
            for document, new in zip(documents, hashes, strict=True)
            if known.get(document.id or "") != new
        ]
        rows: list[tuple[Document, str, list[Chunk]]] = []
        for count, (document, new) in enumerate(fresh, 1):
            rows.append((document, new, chunker.chunk(document)))
            if count % 64 == 0 or count == len(fresh):
                clock.tell("chunk", count, len(fresh))
        changed = [document.id for document, _, _ in rows if document.id is not None and document.id in known]
        sources = store.sources([document.id or "" for document in documents])
        _check_sources([document for document, _, _ in rows], sources)
        same = [
            document for document, new in zip(documents, hashes, strict=True) if known.get(document.id or "") == new
        ]
        moved = {
            one.id: one.source
            for one in same
            if one.id and one.source and one.source != sources.get(one.id)
            # Of two files of one id and text, the first stays its source as long as it is there.
            if not _is_other_file(sources.get(one.id, ""), one.source)
        }
        revised = [revise(store, one, chunker) for one in revisions]
        rows += [row for row in revised if row]
        changed += [row[0].id for row in revised if row and row[0].id]
        deleted = 0
        if rows or deleting or moved:
            store.set_meta(meta)
            deleted = store.put_documents(
                rows,
                replacing=changed,
                deleting=() if forget else deleting,
                forgetting=deleting if forget else (),
                moved=moved,
                keep=keep,
                moments=moments,
            )
    added = len(rows) - len(changed)
    unchanged = len(documents) + len(revisions) - len(rows)
    return Ingested(added, len(changed), unchanged, deleted, len(deleting) if forget else 0)


def _check_sources(documents: Sequence[Document], known: Mapping[str, str]) -> None:
    """Refuse to replace a document by another file that only has the same id, while its own file still exists.

    Raises:
        DuplicateDocumentError: Two folders hold a file of the same name below them, for example.
    """
    for document in documents:
        before = known.get(document.id or "")
        if before is not None and document.source is not None and _is_other_file(before, document.source):
            raise DuplicateDocumentError(document.id, before, document.source)


def _is_other_file(before: str, now: str) -> bool:
    """Whether two sources are different files that are both there."""
    old, new = (Path(_ROW.sub("", source)) for source in (before, now))
    return old.is_file() and new.is_file() and not old.samefile(new)
