"""Shards into store and snapshot: the part of indexing that one process does. Nothing is extracted or embedded again.

Shards are read a few at a time, so memory does not grow with the corpus before the snapshot is built.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hippo.config import Config
from hippo.documents import check_unique
from hippo.execution.shards import chunks_of, documents_of, extracted_of, read_shard, vectors_of
from hippo.execution.stage import Row
from hippo.identity import Identity
from hippo.indexing.absorb import absorb
from hippo.indexing.changes import PUBLISHED, Published, publish_changes
from hippo.indexing.clock import Clock
from hippo.indexing.extract import extract_pending
from hippo.indexing.ingest import ingest
from hippo.indexing.turn import open_in_turn
from hippo.parts import make_chunker
from hippo.protocols import Encoder, Extractor
from hippo.storage import Folder
from hippo.store import Store
from hippo.store.columns import strings
from hippo.store.extracted import Extracted
from hippo.types import Chunk, Document, Skipped

__all__ = ["Assembled", "assemble"]

_DOCUMENTS = 2048
"""Documents that are stored in one transaction, about."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """What came of it.

    Attributes:
        published: The snapshot.
        added: Documents that were new.
        changed: Documents whose older version was replaced.
        unchanged: Documents that the index held already.
        repeated: Documents that were left out since another one of the same id and content came before.
        dropped: What extraction threw away, by reason; of the passages that were stored now.
    """

    published: Published
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: list[Skipped] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


class _Cut:
    """A chunker that knows the chunks of some documents."""

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks: dict[str, list[Chunk]] = {}
        for one in chunks:
            self._chunks.setdefault(one.document_id, []).append(one)

    def chunk(self, document: Document) -> list[Chunk]:
        """Its chunks."""
        return self._chunks.get(document.id or "", [])


def assemble(
    root: Path,
    work: Folder,
    parts: Sequence[Row],
    names: Sequence[Row],
    *,
    extractor: Extractor,
    encoder: Encoder | None,
    config: Config,
    identity: Identity,
    clock: Clock,
) -> Assembled:
    """Bring parts into an index and publish it.

    Args:
        root: Folder of the index; made if it does not exist.
        work: Folder of the shards.
        parts: Rows that the stages have made, in the order in which their documents count.
        names: Rows of the stage that embeds entities.
        extractor: What was extracted with; it is not asked.
        encoder: What was embedded with; asked for nothing but what the shards lack, such as older versions.
        config: The configuration.
        identity: What the index is made with.
        clock: For progress.

    Raises:
        DuplicateDocumentError: Two documents have one id.
        IndexBusyError: Another process is writing to the index.
        IndexMismatchError: The index was made with another encoder or chunking.
    """
    added = changed = unchanged = 0
    repeated: list[Skipped] = []
    dropped: Counter[str] = Counter()
    with clock.waiting() as tell:
        store = open_in_turn(root, wait=config.indexing.wait_seconds, tell=tell)
    with store:
        stored = Identity.from_meta(store.meta())
        if stored is not None:
            stored.check(str(root), identity)
        identity.write(root)
        meta = {**identity.to_meta(), PUBLISHED: ""}
        absorbed = absorb(root, store, make_chunker(config, encoder), encoder, meta, clock)
        seen = 0
        for group in _groups(work, parts, repeated):
            documents = [one for part in group for one in part.documents]
            chunks = [one for part in group for one in part.chunks(work)]
            with clock.stage("store"):  # whose progress is told by parts
                ingested = ingest(store, documents, _Cut(chunks), meta, Clock(), keep=config.indexing.keep_versions)
                added, changed = added + ingested.added, changed + ingested.changed
                unchanged += ingested.unchanged
                dropped += _put(store, work, group, chunks, extractor, encoder, meta)
            seen += len(group)
            clock.tell("store", seen, len(parts))
        if encoder is not None:
            with clock.stage("store"):
                for row in names:
                    hashes, vectors = vectors_of(read_shard(work, f"embed/{row['embed']}.parquet"))
                    store.put_embeddings(encoder.fingerprint, hashes, vectors)
        if absorbed.remembered:  # which no worker has seen
            extract_pending(store, extractor, batch=config.indexing.batch_chunks, clock=clock)
        published = publish_changes(store, root, encoder, extractor, config, identity, clock)
    return Assembled(published, added, changed, unchanged, repeated, dropped)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part, and those of its documents that did not come before."""

    row: Row
    documents: list[Document]

    def chunks(self, work: Folder) -> list[Chunk]:
        kept = {one.id for one in self.documents}
        found = chunks_of(read_shard(work, f"chunk/{self.row['chunk']}.parquet"))
        return [one for one in found if one.document_id in kept]


def _groups(work: Folder, rows: Sequence[Row], repeated: list[Skipped]) -> Iterator[list[_Part]]:
    """Parts, several at a time; documents that came before go into a list."""
    read = (one for row in rows for one in documents_of(read_shard(work, row["read"])))
    unique = check_unique(read)  # gives one item for each document
    group: list[_Part] = []
    for row in rows:
        documents = []
        for _ in range(row["documents"]):
            one = next(unique)
            if isinstance(one, Skipped):
                repeated.append(one)
            else:
                documents.append(one)
        group.append(_Part(row, documents))
        if sum(len(part.documents) for part in group) >= _DOCUMENTS:
            yield group
            group = []
    if group:
        yield group


def _put(
    store: Store,
    work: Folder,
    group: Sequence[_Part],
    chunks: Sequence[Chunk],
    extractor: Extractor,
    encoder: Encoder | None,
    meta: dict[str, str],
) -> Counter[str]:
    """Store outcomes that the store lacks, and vectors; what extraction threw away of the former."""
    open_ = store.undone(extractor.fingerprint, strings([one.id for one in chunks]))
    dropped: Counter[str] = Counter()
    if len(open_):
        # A chunk of a document that came before may be in a part again: the first one counts.
        found = [_outcomes(work, part, open_) for part in group]
        lacking = Extracted.joined(found)
        dropped = lacking.dropped()
        store.set_meta(meta)
        store.put_extracted(lacking, extractor.fingerprint)
    if encoder is not None:
        for part in group:
            hashes, vectors = vectors_of(read_shard(work, f"embed/{part.row['embed']}.parquet"))
            store.put_embeddings(encoder.fingerprint, hashes, vectors)
    return dropped


def _outcomes(work: Folder, part: _Part, open_: pa.Array) -> Extracted:
    """Those outcomes of a part that the store lacks."""
    own = strings([one.id for one in part.chunks(work)])
    wanted = own.filter(pc.is_in(own, value_set=open_))
    return extracted_of(read_shard(work, f"extract/{part.row['extract']}.parquet")).only(wanted)
