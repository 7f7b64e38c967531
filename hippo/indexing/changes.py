"""The end of every change: a snapshot of what the store holds by now, unless the newest one is of the same."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hippo.config import Config
from hippo.errors import IndexCorruptError, IndexEmptyError
from hippo.fresh.log import FRESH, Log
from hippo.graph.model import KINDS
from hippo.identity import Identity
from hippo.indexing.clock import Clock
from hippo.indexing.publish import manifest_info, publish
from hippo.indexing.sweep import finish_forgetting
from hippo.protocols import Encoder, Extractor
from hippo.snapshot import FORMAT, Snapshot
from hippo.store import Store
from hippo.types import ExtractionFailure

__all__ = ["PUBLISHED", "Published", "publish_changes"]

PUBLISHED = "published"
"""What the newest snapshot was made of; emptied before the store changes. While it holds, nothing is published."""


@dataclass(frozen=True, slots=True)
class Published:
    """The newest snapshot, and what is left to do.

    Attributes:
        snapshot: Its name.
        counts: What it holds: the manifest's info.
        embedded: Texts that had to be encoded for it.
        failed: Chunks that could not be extracted.
        pending: Chunks that wait for extraction.
    """

    snapshot: str
    counts: Mapping[str, Any]
    embedded: int
    failed: tuple[ExtractionFailure, ...]
    pending: int


def publish_changes(
    store: Store,
    root: Path,
    encoder: Encoder | None,
    extractor: Extractor | None,
    config: Config,
    identity: Identity,
    clock: Clock,
) -> Published:
    """Publish what the store holds, if that is not what the newest snapshot was made of.

    Args:
        store: The store, open for writing.
        root: Folder of the index.
        encoder: Makes vectors that the store lacks; None: an index without any.
        extractor: What was extracted with; None: nothing was.
        config: Batch sizes and graph options.
        identity: What the index is made with.
        clock: For progress.
    """
    failed = tuple(ExtractionFailure(chunk_id, reason) for chunk_id, reason, _ in store.failures())
    name, known = _sound_snapshot(root)
    embedded, meta = 0, identity.to_meta()
    fingerprint = extractor.fingerprint if extractor else known
    shape = json.dumps([FORMAT, KINDS, meta, asdict(config.graph), fingerprint], sort_keys=True)
    if name is None or store.meta().get(PUBLISHED) != f"{name} {shape}":
        info = manifest_info(store, identity, fingerprint)
        batch = config.indexing.batch_texts
        store.limit_memory(config.indexing.memory)
        name, embedded = publish(
            store,
            root,
            encoder,
            graph=config.graph,
            batch=batch,
            previous=name,
            info=info,
            clock=clock,
            memory=config.indexing.memory,
            storage=config.encoder.storage,
        )
        store.set_meta({**meta, PUBLISHED: f"{name} {shape}"})
    with Snapshot.open(root, name, verify=False) as snapshot:
        counts = snapshot.info
    pending = store.count_pending(fingerprint) - len(failed)
    Log(root).drop(counts.get(FRESH, 0))
    finish_forgetting(root, store, name)
    return Published(name, counts, embedded, failed, pending)


def _sound_snapshot(root: Path) -> tuple[str | None, str | None]:
    """Name of the newest snapshot and fingerprint of its extractor.

    Both are None where there is none or it is damaged, for the store can make it again.
    """
    try:
        with Snapshot.open(root) as snapshot:
            return snapshot.name, snapshot.info.get("extractor")
    except (IndexCorruptError, IndexEmptyError):
        return None, None
