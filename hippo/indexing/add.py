"""Adding documents: every stage in turn, from input to published snapshot."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from hippo.config import Config
from hippo.encoding import checked
from hippo.fresh.log import CONSOLIDATED
from hippo.identity import Identity
from hippo.indexing.absorb import absorb
from hippo.indexing.ahead import embedding_ahead
from hippo.indexing.batches import fill_cache
from hippo.indexing.changes import PUBLISHED, publish_changes
from hippo.indexing.clock import Clock
from hippo.indexing.extract import Extracted, extract_pending
from hippo.indexing.ingest import ingest, read_all
from hippo.indexing.remove import Doomed
from hippo.indexing.revise import Revision
from hippo.indexing.sweep import FORGETTING
from hippo.indexing.turn import open_in_turn
from hippo.llm import Caller
from hippo.protocols import Chunker, DialogueExtractor, Encoder, Extractor, ProgressCallback
from hippo.store import STORE_FILE, Store
from hippo.types import ChangeReport, Document, Skipped

__all__ = ["add_documents"]


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
    unasking: Callable[[], Extractor] | None = None,
    doomed: Doomed | None = None,
    revisions: Sequence[Revision] = (),
    forget: bool = False,
    decisions: Mapping[tuple[str, str], str | None] = MappingProxyType({}),
    outdated: Sequence[str] = (),
    consolidated: int | None = None,
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
        extractor: Finds facts; None: nothing is extracted but from what was remembered, what is pending stays so.
        encoder: Makes vectors; None: an index without any.
        config: Batch sizes, graph options, how long to wait for another writer.
        identity: What the index is made with.
        caller: The language model that a `DialogueExtractor` is led with.
        unasking: Makes what extracts from documents that were remembered, without an extractor; it asks no model.
        doomed: Which documents go; None: none.
        revisions: What is new of documents that the index holds.
        forget: Whether documents that go go with all their versions, the older ones too.
        outdated: Ids of derived documents that go, with all that is left of them.
        consolidated: Up to which number of what was remembered the documents say what follows; None: they do not.
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
        fresh, keep = {**identity.to_meta(), PUBLISHED: ""}, config.indexing.keep_versions

        def extract() -> Extracted:
            return _extract(store, extractor, encoder, caller, config, clock) if extractor else Extracted({})

        absorbed = absorb(root, store, chunker, encoder, fresh, clock, config, extract, unasking)
        deleting = doomed(store) if doomed else ()
        if forget:
            store.set_meta({FORGETTING: "yes"})
        ingested = ingest(store, documents, chunker, fresh, clock, deleting, revisions, keep=keep, forget=forget)
        if stale := sorted({*store.stale_derived(), *outdated}):
            ingest(store, (), chunker, fresh, clock, stale, forget=True)
        if consolidated is not None:
            store.set_meta({CONSOLIDATED: str(consolidated)})
        if decided := store.changed_decisions(decisions):
            store.set_meta({PUBLISHED: ""})
            store.put_decisions(decided)
        if extractor is not None and store.count_pending(extractor.fingerprint):
            store.set_meta({PUBLISHED: ""})
        extracted = extract()
        published = publish_changes(store, root, encoder, extractor, config, identity, clock)
    return ChangeReport(
        ingested.added,
        ingested.changed,
        ingested.unchanged,
        tuple(skipped),
        published.failed,
        published.counts["chunks"],
        published.counts["facts"],
        published.counts["entities"],
        published.embedded + clock.ahead.get("embed", 0),
        {**absorbed.dropped, **extracted.dropped},
        clock.seconds,
        published.snapshot,
        {"extraction": caller.usage} if caller else {},
        published.pending,
        extracted.stopped,
        extracted.outage,
        ingested.deleted,
        ingested.forgotten + absorbed.forgotten,
        absorbed.remembered,
        clock.beside,
    )


def _extract(
    store: Store, extractor: Extractor, encoder: Encoder | None, caller: Caller | None, config: Config, clock: Clock
) -> Extracted:
    """Extract what is pending; through batches first, if the configuration says so. What can be, is embedded beside."""
    batch, stopped = config.indexing.batch_chunks, None
    with embedding_ahead(store, encoder, extractor, caller, config, clock) as ahead:
        if caller is not None and caller.settings.batch and isinstance(extractor, DialogueExtractor):
            watch = {} if ahead is None else {"broken": lambda: ahead.broken}
            stopped = fill_cache(store, extractor, caller, batch=batch, clock=clock, **watch)
        extracted = extract_pending(store, extractor, batch=batch, clock=clock, caller=caller, ahead=ahead)
    return replace(extracted, stopped=extracted.stopped or stopped)
