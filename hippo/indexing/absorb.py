"""What was remembered into the store: before anything else that a change does."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import IndexCorruptError
from hippo.fresh.log import FRESH, Log
from hippo.fresh.records import Said, Told, read
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
    extract: Callable[[], object] = lambda: None,
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
        extract: Extracts what is pending: a version keeps what was found in it until another one takes its place.

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
    count = 0
    for place, told in enumerate(_in_turn(said) if keep else [list(said.documents.values())]):
        if place:
            # Whoever goes on from here after a crash must not begin with what has been replaced.
            store.set_meta({**meta, FRESH: str(told[0].number)})
            extract()
        moments = {one.document.id or "": one.at for one in told if one.at is not None}
        done = ingest(store, [one.document for one in told], chunker, meta, clock, keep=keep, moments=moments)
        count += done.added + done.changed
    store.set_meta({**meta, FRESH: str(end)})
    return Absorbed(count, len(gone))


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
