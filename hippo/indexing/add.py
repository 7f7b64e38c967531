"""Adding documents: every stage in turn, from input to published snapshot."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from hippo.config import Config
from hippo.identity import Identity
from hippo.indexing.clock import Clock
from hippo.indexing.extract import extract_pending
from hippo.indexing.ingest import ingest
from hippo.indexing.publish import publish
from hippo.protocols import Chunker, Encoder, Extractor, ProgressCallback
from hippo.snapshot import remove_old
from hippo.store import Store
from hippo.types import AddReport, Document, ExtractionFailure, Skipped

__all__ = ["add_documents"]


def add_documents(
    root: Path,
    items: Iterable[Document | Skipped],
    *,
    chunker: Chunker,
    extractor: Extractor,
    encoder: Encoder | None,
    config: Config,
    identity: Identity,
    progress: ProgressCallback | None = None,
) -> AddReport:
    """Store documents, extract and embed what is new, and publish a snapshot.

    Work that was committed before a crash or an error is found again by the next call.

    Args:
        root: Folder of the index; made if it does not exist.
        items: Documents with unique ids, and what was left out of the input.
        chunker: Cuts documents.
        extractor: Finds facts.
        encoder: Makes vectors; None: an index without any.
        config: Batch sizes and graph options.
        identity: What the index is made with.
        progress: Is told of every step.
    """
    clock = Clock(progress)
    with Store.open(root, create=True) as store:
        stored = Identity.from_meta(store.meta())
        if stored is not None:
            stored.check(str(root), identity)
        ingested = ingest(store, items, chunker, identity.to_meta(), clock)
        dropped = extract_pending(store, extractor, batch=config.indexing.batch_chunks, clock=clock)
        failed = tuple(ExtractionFailure(chunk_id, reason) for chunk_id, reason, _ in store.failures())
        name, contents, embedded = publish(
            store,
            root,
            encoder,
            graph=config.graph,
            batch=config.indexing.batch_texts,
            info={
                **identity.to_info(),
                "extractor": extractor.fingerprint,
                "failed": dict(Counter(failure.reason for failure in failed)),
            },
            clock=clock,
        )
        remove_old(root, keep=1 + config.indexing.keep_snapshots)
    return AddReport(
        ingested.added,
        ingested.changed,
        ingested.unchanged,
        ingested.skipped,
        failed,
        contents.info["chunks"],
        contents.info["facts"],
        contents.info["entities"],
        embedded,
        dropped,
        clock.seconds,
        name,
    )
