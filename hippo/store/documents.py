"""Documents and their chunks."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hippo.errors import DocumentError, DuplicateDocumentError, InputError
from hippo.scratch import Scratch
from hippo.store import journal
from hippo.store.columns import bad_text, strings
from hippo.store.derived import derived_kind
from hippo.store.links import Links
from hippo.store.versions import Versions
from hippo.types import Chunk, Document

__all__ = ["DOCUMENTS", "EXTRACTION", "Documents", "chunk_columns", "document_row"]

EXTRACTION = "extraction"
"""The stage whose work the ledger follows chunk by chunk."""


class Documents(Versions, Links):
    """The tables `documents` and `chunks`."""

    def content_hashes(self, document_ids: Sequence[str]) -> dict[str, str]:
        """Content hashes of those of the ids that the store knows.

        Raises:
            InputError: An id holds a lone surrogate.
        """
        asked = pa.table({"key": strings(document_ids)})
        query = "SELECT id, content_hash FROM documents WHERE id IN (SELECT key FROM asked)"
        return dict(self._connection.rows(query, asked=asked))

    def sources(self, document_ids: Sequence[str]) -> dict[str, str]:
        """Where those of the documents that the store knows were read from, as far as that is known."""
        asked = pa.table({"key": strings(document_ids)})
        query = "SELECT id, source FROM documents WHERE source IS NOT NULL AND id IN (SELECT key FROM asked)"
        return dict(self._connection.rows(query, asked=asked))

    def all_sources(self) -> list[tuple[str, str]]:
        """Id and source of all documents whose source is known, by id."""
        return self._connection.rows("SELECT id, source FROM documents WHERE source IS NOT NULL ORDER BY id")

    def document(self, document_id: str) -> tuple[Document, str] | None:
        """A document without its text, which is stored in chunks alone, and the hash of its content."""
        if bad_text(document_id):
            return None
        query = "SELECT title, metadata, timestamp, source, content_hash FROM documents WHERE id = ?"
        rows = self._connection.rows(query, [document_id])
        if not rows:
            return None
        [(title, metadata, timestamp, source, content_hash)] = rows
        time = timestamp.replace(tzinfo=UTC) if timestamp else None
        return Document("", document_id, title, json.loads(metadata), time, source), content_hash

    def chunks_of(self, document_id: str) -> list[Chunk]:
        """Chunks of a document, in order."""
        query = (
            'SELECT id, document_id, position, text, "start", "end", title, said FROM chunks '
            "WHERE document_id = ? ORDER BY position"
        )
        return [Chunk(*row) for row in self._connection.rows(query, [document_id])]

    def put_documents(
        self,
        documents: Sequence[tuple[Document, str, Sequence[Chunk]]],
        *,
        replacing: Sequence[str] = (),
        deleting: Sequence[str] = (),
        moved: Mapping[str, str] = MappingProxyType({}),
        forgetting: Sequence[str] = (),
        keep: bool = False,
        now: datetime | None = None,
        moments: Mapping[str, datetime] = MappingProxyType({}),
    ) -> int:
        """Store documents with their chunks, which then wait for extraction, and delete others. One transaction.

        Args:
            documents: Document, hash of its content, and its chunks. Ids are set, and new but for those replaced. A
                timestamp without a time zone is taken as UTC.
            replacing: Ids of documents whose older version goes, with all that came from it but what was extracted from
                chunks that the new version has too.
            deleting: Ids of documents that go, with all that came from them. Unknown ones are passed over.
            moved: By id of a document that stays as it is, where it was read from now.
            forgetting: Ids of documents that go with all their versions, older ones too. Unknown ones are passed over.
            keep: Whether replaced and deleted versions are kept; see `hippo.store.versions`.
            now: The moment of the change; None: by the clock.
            moments: By id of a document, when it came in, if that was another moment.

        Returns:
            Number of deleted documents.

        Raises:
            DocumentError: Metadata that is no JSON object, text that is no Unicode, or a time out of range.
            DuplicateDocumentError: Two of them share an id.
            InputError: An id is missing or known already; delete the old version first.
        """
        rows = [document_row(document, content_hash) for document, content_hash, _ in documents]
        _check_unique([document for document, _, _ in documents])
        if known := set(self.content_hashes([row["id"] for row in rows])).difference(replacing):
            raise InputError(f"the index already holds {min(known)!r}; replace or delete it")
        chunks = [chunk for _, _, chunks in documents for chunk in chunks]
        for chunk in chunks:
            if problem := bad_text(chunk.id, chunk.document_id, chunk.title, chunk.text):
                raise DocumentError(chunk.document_id, problem)
        given, now = pa.Table.from_pylist(rows, DOCUMENTS), now or datetime.now(UTC)
        with self._connection.transaction():
            starts = self._starts(given, now, moments)
            if keep and deleting:
                self._archive(deleting, now, "deleted")
            if keep and replacing:
                self._archive(replacing, now, "replaced", starts)
            if forgetting:
                self._forget_versions(self._versions_of(forgetting))
                self._forget_links(self._names_of(forgetting))
            deleted = self._delete([*deleting, *forgetting]) if deleting or forgetting else 0
            if moved:
                self._move(moved)
            same = self._same(replacing, chunks) if replacing else set()
            if replacing:
                self._delete(replacing, keeping=same)
            journal.insert(self._connection, "documents", _with_starts(given, starts))
            journal.insert(self._connection, "chunks", chunk_columns(chunks))
            journal.insert(self._connection, "ledger", _ledger_columns([one for one in chunks if one.id not in same]))
        return deleted

    def stale_derived(self) -> list[str]:
        """Ids of derived documents (`hippo.snapshot.derived`) of which a passage that they are from is gone."""
        rows = self._connection.rows("SELECT id, metadata FROM documents WHERE contains(metadata, '\"derived\"')")
        needed: list[tuple[str, str]] = []
        for key, raw in rows:
            values = json.loads(raw)
            if derived_kind(values) is not None:
                needed += [(key, str(one)) for one in values["passages"]]
        if not needed:
            return []
        asked = pa.table({"id": strings([key for key, _ in needed]), "key": strings([one for _, one in needed])})
        query = "SELECT DISTINCT a.id FROM asked a ANTI JOIN chunks c ON c.id = a.key ORDER BY a.id"
        return [key for (key,) in self._connection.rows(query, asked=asked)]

    def _names_of(self, document_ids: Sequence[str]) -> pa.Table:
        """Ids of documents and of their chunks, as the column `key`."""
        asked = pa.table({"key": strings(document_ids)})
        query = "SELECT key FROM asked UNION SELECT id FROM chunks WHERE document_id IN (SELECT key FROM asked)"
        return self._connection.table(query, asked=asked)

    def _move(self, sources: Mapping[str, str]) -> None:
        """Set the sources of documents; must run in a transaction."""
        moved = pa.table({"key": strings(list(sources)), "place": strings(list(sources.values()))})
        self._connection.run("UPDATE documents SET source = place FROM moved WHERE documents.id = key", moved=moved)

    def _same(self, document_ids: Sequence[str], chunks: Sequence[Chunk]) -> set[str]:
        """Ids of the chunks that documents have already, with the same text and title, said at the same time."""
        given = chunk_columns(chunks).select(["id", "title", "said"])
        asked = pa.table({"key": strings(document_ids)})
        query = (
            "SELECT c.id FROM chunks c JOIN given g ON g.id = c.id AND g.title IS NOT DISTINCT FROM c.title "
            "AND g.said IS NOT DISTINCT FROM c.said "
            "WHERE c.document_id IN (SELECT key FROM asked)"
        )
        return {key for (key,) in self._connection.rows(query, given=given, asked=asked)}

    def delete_documents(self, document_ids: Sequence[str]) -> int:
        """Delete documents and all that came from their chunks. One transaction. Unknown ids are passed over.

        Embeddings and replies stay: they are keyed by content, and paid for.

        Returns:
            Number of deleted documents.
        """
        with self._connection.transaction():
            return self._delete(document_ids)

    def _delete(self, document_ids: Sequence[str], keeping: Collection[str] = ()) -> int:
        """`delete_documents` inside a transaction. No table has a key or an index, so a row may come back in it.

        Args:
            document_ids: The documents.
            keeping: Chunks whose extraction stays, because they come back.
        """
        asked, kept = pa.table({"key": strings(document_ids)}), pa.table({"key": strings(sorted(keeping))})
        query = "SELECT id AS key FROM chunks WHERE document_id IN (SELECT key FROM asked) AND id NOT IN (FROM kept)"
        chunks = self._connection.table(query, asked=asked, kept=kept)
        for name in ("facts", "mentions", "ledger"):
            journal.delete(self._connection, name, "chunk_id", chunks)
        journal.delete(self._connection, "chunks", "document_id", asked)
        return journal.delete(self._connection, "documents", "id", asked)

    def documents_table(self, scratch: Scratch | None = None) -> pa.Table:
        """All documents, ordered by id.

        Args:
            scratch: Where a large table is put; None: in memory.

        Returns:
            document_id string, title string (nullable), metadata string (JSON), timestamp timestamp[us, UTC]
            (nullable), source string (nullable).
        """
        query = "SELECT id AS document_id, title, metadata, timestamp, source FROM documents ORDER BY id"
        table = self._connection.table(query, scratch=scratch)
        place = table.schema.get_field_index("timestamp")
        return table.set_column(place, "timestamp", table["timestamp"].cast(pa.timestamp("us", "UTC")))

    def chunks_table(self, scratch: Scratch | None = None) -> pa.Table:
        """All chunks in canonical order: by document id, then position.

        Args:
            scratch: Where a large table is put; None: in memory.

        Returns:
            chunk_id string, document_id string, position int32, title string (nullable), text string, start int32,
            end int32 (characters in the document's text), said timestamp[us] (nullable, UTC).
        """
        return self._connection.table(
            'SELECT id AS chunk_id, document_id, position, title, text, "start", "end", said FROM chunks '
            "ORDER BY document_id, position",
            scratch=scratch,
        )


DOCUMENTS = pa.schema(
    {
        "id": pa.string(),
        "title": pa.string(),
        "metadata": pa.string(),
        "timestamp": pa.timestamp("us"),
        "source": pa.string(),
        "content_hash": pa.string(),
    }
)


def _with_starts(documents: pa.Table, starts: pa.Table) -> pa.Table:
    places = pc.index_in(documents.column("id"), value_set=starts.column("key"))
    return documents.append_column("started", starts.column("started").cast(pa.timestamp("us")).take(places))


def document_row(document: Document, content_hash: str) -> dict[str, Any]:
    """A row of the table `documents`."""
    if document.id is None:
        raise InputError(f"a document needs an id before it is stored, got none ({document.source or document.title})")
    name = document.source or document.id
    metadata = _metadata(name, document.metadata)
    if problem := bad_text(document.id, document.title, metadata, document.source, content_hash):
        raise DocumentError(name, problem)
    return {
        "id": document.id,
        "title": document.title,
        "metadata": metadata,
        "timestamp": _naive_utc(name, document.timestamp),
        "source": document.source,
        "content_hash": content_hash,
    }


def _metadata(name: str, metadata: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(metadata), sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError(name, f"metadata is not a JSON object: {error}") from error


def _naive_utc(name: str, timestamp: datetime | None) -> datetime | None:
    if timestamp is None or timestamp.tzinfo is None:
        return timestamp
    try:
        return timestamp.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise DocumentError(name, f"timestamp {timestamp} is not within the years 1 to 9999 in UTC") from error


def _check_unique(documents: Sequence[Document]) -> None:
    seen: dict[str | None, Document] = {}
    for document in documents:
        first = seen.setdefault(document.id, document)
        if first is not document:
            raise DuplicateDocumentError(document.id, first.source or "no source", document.source or "no source")


def chunk_columns(chunks: Sequence[Chunk]) -> pa.Table:
    """Rows of the table `chunks`."""
    return pa.table(
        {
            "id": strings([chunk.id for chunk in chunks]),
            "document_id": strings([chunk.document_id for chunk in chunks]),
            "position": pa.array([chunk.position for chunk in chunks], pa.int32()),
            "title": strings([chunk.title for chunk in chunks]),
            "text": strings([chunk.text for chunk in chunks]),
            "start": pa.array([chunk.start for chunk in chunks], pa.int32()),
            "end": pa.array([chunk.end for chunk in chunks], pa.int32()),
            "said": pa.array([chunk.said for chunk in chunks], pa.timestamp("us")),
        }
    )


def _ledger_columns(chunks: Sequence[Chunk]) -> pa.Table:
    count = len(chunks)
    return pa.table(
        {
            "chunk_id": strings([chunk.id for chunk in chunks]),
            "stage": strings([EXTRACTION] * count),
            "state": strings(["pending"] * count),
            "fingerprint": strings([None] * count),
            "reason": strings([None] * count),
            "attempts": pa.array([0] * count, pa.int32()),
        }
    )
