"""Adding documents: every stage in turn, from input to published snapshot."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType

from hippo.config import Config
from hippo.encoding import checked
from hippo.errors import IndexCorruptError, IndexEmptyError
from hippo.fresh.log import FRESH, Log
from hippo.graph.model import KINDS
from hippo.identity import Identity
from hippo.indexing.absorb import absorb
from hippo.indexing.batches import fill_cache
from hippo.indexing.clock import Clock
from hippo.indexing.extract import Extracted, extract_pending
from hippo.indexing.ingest import ingest, read_all
from hippo.indexing.publish import manifest_info, publish
from hippo.indexing.remove import Doomed
from hippo.indexing.revise import Revision
from hippo.indexing.sweep import FORGETTING, finish_forgetting
from hippo.indexing.turn import open_in_turn
from hippo.llm import Caller
from hippo.protocols import Chunker, DialogueExtractor, Encoder, Extractor, ProgressCallback
from hippo.snapshot import FORMAT, Snapshot
from hippo.store import STORE_FILE, Store
from hippo.types import ChangeReport, Document, ExtractionFailure, Skipped

__all__ = ["PUBLISHED", "add_documents"]

PUBLISHED = "published"
"""What the newest snapshot was made of; emptied before the store changes. While it holds, nothing is published."""


def add_documents(
    root: Path,
    items: Iterable[Document | Skipped],
    *,
    chunker: Chunker,
    extractor: Extractor | None,
    encoder: Encoder | None,
    config: Config,
    identity: Identity,
    caller: Caller | None = None,
    doomed: Doomed | None = None,
    revisions: Sequence[Revision] = (),
    forget: bool = False,
    decisions: Mapping[tuple[str, str], str | None] = MappingProxyType({}),
    progress: ProgressCallback | None = None,
) -> ChangeReport:
    """Store documents, delete others, extract and embed what is new, and publish a snapshot.

    What was remembered until now (`hippo.fresh`) comes first, as if it had been added before.

    Work that was committed before a crash or an error is found again by the next call. Where nothing changes, nothing
    is published. What is to be forgotten, now or since a change that was broken off, is off the disk at the end.

    Args:
        root: Folder of the index; made if it does not exist.
        items: Documents with unique ids, and what was left out of the input.
        chunker: Cuts documents.
        extractor: Finds facts; None: nothing is extracted, what is pending stays so.
        encoder: Makes vectors; None: an index without any.
        config: Batch sizes, graph options, how long to wait for another writer.
        identity: What the index is made with.
        caller: The language model that a `DialogueExtractor` is led with.
        doomed: Which documents go; None: none.
        revisions: What is new of documents that the index holds.
        forget: Whether documents that go go with all their versions, the older ones too.
        decisions: About synonyms: "accepted", "rejected" or None, for none any more, by pair of keys.
        progress: Is told of every step.
    """
    clock = Clock(progress)
    documents, skipped = read_all(items, clock)
    if encoder is not None and not (root / STORE_FILE).exists():
        # An encoder that cannot work must not leave an index behind.
        checked(encoder, encoder.encode(["hippo"]), 1)
    with clock.waiting() as tell:
        store = open_in_turn(root, wait=config.indexing.wait_seconds, tell=tell)
    with store:
        stored = Identity.from_meta(store.meta())
        if stored is not None:
            stored.check(str(root), identity)
        identity.write(root)
        meta = identity.to_meta()
        fresh, keep = {**meta, PUBLISHED: ""}, config.indexing.keep_versions
        absorbed = absorb(root, store, chunker, encoder, fresh, clock)
        deleting = doomed(store) if doomed else ()
        if forget:
            store.set_meta({FORGETTING: "yes"})
        ingested = ingest(store, documents, chunker, fresh, clock, deleting, revisions, keep=keep, forget=forget)
        if decided := store.changed_decisions(decisions):
            store.set_meta({PUBLISHED: ""})
            store.put_decisions(decided)
        if extractor is not None and store.count_pending(extractor.fingerprint):
            store.set_meta({PUBLISHED: ""})
        extracted = _extract(store, extractor, caller, config, clock) if extractor else Extracted({})
        failed = tuple(ExtractionFailure(chunk_id, reason) for chunk_id, reason, _ in store.failures())
        name, known = _sound_snapshot(root)
        embedded = 0
        fingerprint = extractor.fingerprint if extractor else known
        shape = json.dumps([FORMAT, KINDS, meta, asdict(config.graph), fingerprint], sort_keys=True)
        if name is None or store.meta().get(PUBLISHED) != f"{name} {shape}":
            info = manifest_info(store, identity, fingerprint)
            batch = config.indexing.batch_texts
            name, embedded = publish(
                store, root, encoder, graph=config.graph, batch=batch, previous=name, info=info, clock=clock
            )
            store.set_meta({**meta, PUBLISHED: f"{name} {shape}"})
        with Snapshot.open(root, name, verify=False) as snapshot:
            counts = snapshot.info
        pending = store.count_pending(fingerprint) - len(failed)
        Log(root).drop(counts.get(FRESH, 0))
        finish_forgetting(root, store, name)
    return ChangeReport(
        ingested.added,
        ingested.changed,
        ingested.unchanged,
        tuple(skipped),
        failed,
        counts["chunks"],
        counts["facts"],
        counts["entities"],
        embedded,
        extracted.dropped,
        clock.seconds,
        name,
        {"extraction": caller.usage} if caller else {},
        pending,
        extracted.stopped,
        extracted.outage,
        ingested.deleted,
        ingested.forgotten + absorbed.forgotten,
        absorbed.remembered,
    )


def _extract(store: Store, extractor: Extractor, caller: Caller | None, config: Config, clock: Clock) -> Extracted:
    """Extract what is pending; through batches first, if the configuration says so."""
    batch, stopped = config.indexing.batch_chunks, None
    if caller is not None and caller.settings.batch and isinstance(extractor, DialogueExtractor):
        stopped = fill_cache(store, extractor, caller, batch=batch, clock=clock)
    extracted = extract_pending(store, extractor, batch=batch, clock=clock, caller=caller)
    return replace(extracted, stopped=extracted.stopped or stopped)


def _sound_snapshot(root: Path) -> tuple[str | None, str | None]:
    """Name of the newest snapshot and fingerprint of its extractor.

    Both are None where there is none or it is damaged, for the store can make it again.
    """
    try:
        with Snapshot.open(root) as snapshot:
            return snapshot.name, snapshot.info.get("extractor")
    except (IndexCorruptError, IndexEmptyError):
        return None, None
