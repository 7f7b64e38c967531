"""What was remembered into the store: before anything else that a change does."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hippo.config import Config
from hippo.errors import IndexCorruptError
from hippo.fresh.log import FRESH, Log
from hippo.fresh.records import Said, Told, read
from hippo.indexing.clock import Clock
from hippo.indexing.extract import extract_untried
from hippo.indexing.ingest import ingest
from hippo.indexing.sweep import FORGETTING
from hippo.protocols import Chunker, Encoder, Extractor
from hippo.store import Store

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["Absorbed", "absorb", "unmerged"]


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What came out of the log.

    Attributes:
        remembered: Number of documents.
        forgotten: Number of documents that it says are to be forgotten.
        dropped: What was thrown away of what was extracted, by reason.
    """

    remembered: int = 0
    forgotten: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)


def absorb(
    root: Path,
    store: Store,
    chunker: Chunker,
    encoder: Encoder | None,
    meta: Mapping[str, str],
    clock: Clock,
    config: Config,
    extract: Callable[[], object] = lambda: None,
    unasking: Callable[[], Extractor] | None = None,
) -> Absorbed:
    """Bring what was remembered until now into the store. What is there already is left.

    Args:
        root: Folder of the index.
        store: Its store.
        chunker: Cuts documents.
        encoder: Whose vectors the log holds; None: none.
        meta: Stored before the first document is; it says that nothing is published of the store.
        clock: For progress.
        config: Whether versions that are replaced are kept; batch sizes.
        extract: Extracts what is pending: a version keeps what was found in it until another one takes its place.
        unasking: Makes an extractor for what comes in, where nothing is extracted later: without it, facts that
            recall had of the log would be missing until something is. Where the extractor of the index asks a
            language model, this one finds facts by rules, and the passages go on waiting for the model.

    Raises:
        IndexCorruptError: A record is damaged or missing.
    """
    log = Log(root)
    end, merged = log.close_file(), int(store.meta().get(FRESH, 0))
    if end <= merged:
        return Absorbed()
    said = unmerged(log, merged, end)
    # What it lacks is said before anything is stored.
    extractor = unasking() if unasking and said.documents else None
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
    count, dropped, batch = 0, Counter[str](), config.indexing.batch_chunks
    keep = config.indexing.keep_versions
    for place, told in enumerate(_in_turn(said) if keep else [list(said.documents.values())]):
        if place:
            # Whoever goes on from here after a crash must not begin with what has been replaced.
            store.set_meta({**meta, FRESH: str(told[0].number)})
            extract()
        moments = {one.document.id or "": one.at for one in told if one.at is not None}
        done = ingest(store, [one.document for one in told], chunker, meta, clock, keep=keep, moments=moments)
        count += done.added + done.changed
        if extractor is not None:
            # Before the store says that it holds them: should this be broken off, all of it comes again.
            dropped += extract_untried(store, extractor, [one.document.id or "" for one in told], batch, clock)
    store.set_meta({**meta, FRESH: str(end)})
    return Absorbed(count, len(gone), dropped)


def _in_turn(said: Said) -> Iterator[list[Told]]:
    """Documents in the order of their records, in stretches of whole records none of which has two versions of one."""
    every = [*said.documents.values(), *(one for own in said.older.values() for one in own)]
    stretch: dict[str | None, Told] = {}
    for _, record in groupby(sorted(every, key=lambda one: one.number), key=lambda one: one.number):
        own = {one.document.id: one for one in record}
        if own.keys() & stretch.keys():
            yield list(stretch.values())
            stretch = {}
        stretch |= own
    if stretch:
        yield list(stretch.values())


def unmerged(log: Log, merged: int, end: float = math.inf) -> Said:
    """What was remembered and is not in the store.

    Args:
        log: The log.
        merged: Number up to which the store holds it.
        end: Number up to which it counts.

    Raises:
        IndexCorruptError: A record is damaged or missing.
    """
    records = log.since(merged)
    if records is None:
        problem = f"the records from number {merged} on are missing. Run `hippo doctor --repair`"
        raise IndexCorruptError(str(log.folder), problem)
    said = Said()
    read([one for one in records if one.number < end], said)
    return said
