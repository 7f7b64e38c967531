"""What was remembered into the store: before anything else that a change does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import IndexCorruptError
from hippo.fresh.log import FRESH, Log
from hippo.fresh.records import Said, read
from hippo.indexing.clock import Clock
from hippo.indexing.ingest import ingest
from hippo.indexing.sweep import FORGETTING
from hippo.protocols import Chunker, Encoder
from hippo.store import Store

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["Absorbed", "absorb"]


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Numbers of documents that came out of the log, and of those that it says are to be forgotten."""

    remembered: int = 0
    forgotten: int = 0


def absorb(
    root: Path,
    store: Store,
    chunker: Chunker,
    encoder: Encoder | None,
    meta: Mapping[str, str],
    clock: Clock,
    keep: bool = True,
) -> Absorbed:
    """Bring what was remembered until now into the store. What is there already is left.

    Args:
        root: Folder of the index.
        store: Its store.
        chunker: Cuts documents.
        encoder: Whose vectors the log holds; None: none.
        meta: Stored before the first document is; it says that nothing is published of the store.
        clock: For progress.
        keep: Whether versions that are replaced are kept.

    Raises:
        IndexCorruptError: A record is damaged or missing.
    """
    log = Log(root)
    end, merged = log.close_file(), int(store.meta().get(FRESH, 0))
    if end <= merged:
        return Absorbed()
    records = log.since(merged)
    if records is None:
        problem = f"the records from number {merged} on are missing. Run `hippo doctor --repair`"
        raise IndexCorruptError(str(log.folder), problem)
    said = Said()
    read([one for one in records if one.number < end], said)
    if encoder is not None and said.vectors:
        vectors: Float32 = np.stack(list(said.vectors.values()))
        store.put_embeddings(encoder.fingerprint, list(said.vectors), vectors)
    asked = list(dict.fromkeys(said.gone))
    known = {*store.content_hashes(asked), *store.known_once(asked)}
    gone = [one for one in asked if one in known]
    if asked:
        # Also what is only in the log has left vectors.
        store.set_meta({FORGETTING: "yes"})
    if gone:
        ingest(store, (), chunker, meta, clock, gone, forget=True)
    if said.links:
        store.set_meta(meta)
        store.put_links(said.links)
    done = ingest(store, list(said.documents.values()), chunker, meta, clock, keep=keep)
    store.set_meta({**meta, FRESH: str(end)})
    return Absorbed(done.added + done.changed, len(gone))
