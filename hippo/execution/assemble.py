"""Shards into store and snapshot: the part of indexing that one process does. Nothing is extracted or embedded again.

Shards are read a few at a time, so memory does not grow with the corpus before the snapshot is built.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
from hippo.scratch import Scratch
from hippo.storage import Folder
from hippo.store import Store
from hippo.store.columns import strings
from hippo.store.extracted import Extracted
from hippo.store.seen import Seen
from hippo.types import Chunk, Document, Skipped

__all__ = ["Assembled", "assemble"]

_DOCUMENT = 16_384
"""Bytes that a document takes on its way into the store, with its passages and what was found in them, about."""


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
        store.limit_memory(config.indexing.memory)

        def extract() -> None:
            extract_pending(store, extractor, batch=config.indexing.batch_chunks, clock=clock)

        absorbed = absorb(root, store, make_chunker(config, encoder), encoder, meta, clock, config, extract)
        scratch = Scratch(memory=config.indexing.memory)
        vectors = _Vectors(store, work, encoder, scratch)
        done = 0
        with clock.stage("store"), store.seeing() as seen:
            for group in _groups(work, parts, repeated, scratch.rows(_DOCUMENT), seen):
                documents = [one for part in group for one in part.documents]
                chunks = [one for part in group for one in part.chunks]
                # Its progress is told by parts.
                ingested = ingest(store, documents, _Cut(chunks), meta, Clock(), keep=config.indexing.keep_versions)
                added, changed = added + ingested.added, changed + ingested.changed
                unchanged += ingested.unchanged
                dropped += _put(store, work, group, chunks, extractor, meta)
                for part in group:
                    vectors.take(part.row)
                done += len(group)
                clock.tell("store", done, len(parts))
            for row in names:
                vectors.take(row)
            vectors.put()
        if absorbed.remembered:  # which no worker has seen
            extract()
        published = publish_changes(store, root, encoder, extractor, config, identity, clock)
    return Assembled(published, added, changed, unchanged, repeated, dropped)


@dataclass(frozen=True)
class _Part:
    """A part, and those of its documents that did not come before."""

    work: Folder
    row: Row
    documents: list[Document]

    @cached_property
    def chunks(self) -> list[Chunk]:
        kept = {one.id for one in self.documents}
        found = chunks_of(read_shard(self.work, f"chunk/{self.row['chunk']}.parquet"))
        return [one for one in found if one.document_id in kept]


class _Vectors:
    """Brings vectors of shards into the store, those of many shards in one transaction."""

    def __init__(self, store: Store, work: Folder, encoder: Encoder | None, scratch: Scratch) -> None:
        self._store, self._work, self._encoder = store, work, encoder
        self._most = scratch.rows(1, 1 / 16)
        self._parts: list[pa.Table] = []
        self._held = 0

    def take(self, row: Row) -> None:
        """Add the vectors of a row."""
        if self._encoder is not None:
            table = read_shard(self._work, f"embed/{row['embed']}.parquet")
            self._parts.append(table)
            self._held += table.nbytes
            if self._held >= self._most:
                self.put()

    def put(self) -> None:
        """Store what waits."""
        if self._encoder is not None and self._parts:
            hashes, vectors = vectors_of(pa.concat_tables(self._parts))
            self._store.put_embeddings(self._encoder.fingerprint, hashes, vectors)
        self._parts, self._held = [], 0


def _groups(work: Folder, rows: Sequence[Row], repeated: list[Skipped], most: int, seen: Seen) -> Iterator[list[_Part]]:
    """Parts, several at a time, with at most so many documents or one part; those that came before go into a list."""
    for some in _batches(rows, most):
        read = [documents_of(read_shard(work, row["read"])) for row in some]
        before = seen.known([one.id or "" for documents in read for one in documents])
        here = dict(before)
        group: list[_Part] = []
        for row, documents in zip(some, read, strict=True):
            found = list(check_unique(documents, here))
            repeated += [one for one in found if isinstance(one, Skipped)]
            group.append(_Part(work, row, [one for one in found if isinstance(one, Document)]))
        seen.add({key: source for key, source in here.items() if key not in before})
        yield group


def _batches(rows: Sequence[Row], most: int) -> Iterator[list[Row]]:
    """Rows in their order, with at most so many documents together, or one row."""
    batch: list[Row] = []
    for row in rows:
        if batch and sum(one["documents"] for one in batch) + row["documents"] > most:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _put(
    store: Store,
    work: Folder,
    group: Sequence[_Part],
    chunks: Sequence[Chunk],
    extractor: Extractor,
    meta: dict[str, str],
) -> Counter[str]:
    """Store outcomes that the store lacks; what extraction threw away of them."""
    open_ = store.undone(extractor.fingerprint, strings([one.id for one in chunks]))
    if not len(open_):
        return Counter()
    # A chunk of a document that came before may be in a part again: the first one counts.
    lacking = Extracted.joined([_outcomes(work, part, open_) for part in group])
    store.set_meta(meta)
    store.put_extracted(lacking, extractor.fingerprint)
    return lacking.dropped()


def _outcomes(work: Folder, part: _Part, open_: pa.Array) -> Extracted:
    """Those outcomes of a part that the store lacks."""
    own = strings([one.id for one in part.chunks])
    wanted = own.filter(pc.is_in(own, value_set=open_))
    return extracted_of(read_shard(work, f"extract/{part.row['extract']}.parquet")).only(wanted)
