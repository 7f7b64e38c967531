"""Removing what nothing needs any more."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from hippo.durable import discard
from hippo.errors import InputError
from hippo.filters.values import moment
from hippo.indexing.changes import PUBLISHED
from hippo.indexing.sweep import drop_vectors, finish_forgetting
from hippo.indexing.turn import open_in_turn
from hippo.llm import REPLIES_FILE
from hippo.place import sizes
from hippo.snapshot import Snapshot, SnapshotWriter, current, remove_old
from hippo.snapshot.contents import read_contents, write_contents
from hippo.snapshot.current import check_root
from hippo.snapshot.history import read_history
from hippo.store import STORE_FILE, Store
from hippo.store.compact import compact
from hippo.types import Pruned

__all__ = ["prune"]


def prune(
    path: str | Path, *, keep: int = 1, history: datetime | date | str | None = None, wait: float = 0.0
) -> Pruned:
    """Remove old snapshots, vectors of texts that the index no longer holds, gaps that deletes left, unfinished files.

    Snapshots that a reader holds stay, and so do the replies of language models: those were paid for. Older versions of
    documents stay unless a time is given before which nobody asks any more. A `delete` with `forget=True` that was
    broken off is finished, and that takes the replies too.

    Args:
        path: Folder of the index.
        keep: Number of newest snapshots to keep in any case, at least 1.
        history: Also remove versions that ended at this time or before it: a datetime (UTC without a zone), a date (its
            first moment), ISO 8601 text; or "all" of them.
        wait: Seconds to wait for a writer.

    Raises:
        IndexBusyError: A writer is at work.
        IndexPathError: There is no index.
        InputError: `keep` is less than 1, or `history` is no time.
    """
    root = Path(path)
    check_root(root)
    if keep < 1:
        raise InputError(f"keep must be at least 1, got {keep}")
    limit = _limit(history)
    before = sizes(root)
    with open_in_turn(root, wait=wait, create=False) as store:
        versions = 0 if history is None else _drop_versions(root, store, limit)
        dropped = drop_vectors(store)
        for leftover in root.glob(f".{REPLIES_FILE}-*"):
            discard(leftover)
        name = store.meta().get(PUBLISHED, "").partition(" ")[0]
        sound = bool(name) and name == current(root)
        forgotten = finish_forgetting(root, store, name) if sound else []
    removed = [*forgotten, *(remove_old(root, keep) if current(root) else [])]
    compact(root / STORE_FILE)
    for leftover in root.glob(".store-*"):
        discard(leftover)
    return Pruned(tuple(removed), dropped, before, sizes(root), versions)


def _limit(history: datetime | date | str | None) -> datetime | None:
    """When versions have to have ended; None: at any time."""
    if history is None or history == "all":
        return None
    found = moment(history)
    if found is None:
        raise InputError(f"history must be a time, a date, their ISO 8601 text or 'all', got {history!r}")
    return found


def _drop_versions(root: Path, store: Store, limit: datetime | None) -> int:
    """Remove versions from the store, and publish what readers have without them."""
    if not store.count_versions():
        return 0
    name, _, shape = store.meta().get(PUBLISHED, "").partition(" ")
    # Should this not come to its end, the next run publishes.
    store.set_meta({PUBLISHED: ""})
    dropped = store.prune_versions(limit)
    if dropped and name and name == current(root):
        name = _publish_without(root, name, limit)
    if not dropped or name:
        store.set_meta({PUBLISHED: f"{name} {shape}".rstrip()})
    return dropped


def _publish_without(root: Path, name: str, limit: datetime | None) -> str:
    """A snapshot like the one before, without versions that had ended at a time; "" where that cannot be told."""
    with Snapshot.open(root, name) as snapshot:
        contents, history = read_contents(snapshot), read_history(snapshot)
        if history is None or history.past is None:
            return ""
        ended = history.past.bounds[1]
        kept = np.zeros(len(ended), bool) if limit is None else ended > np.datetime64(limit, "us").astype(np.int64)
        info = {key: value for key, value in contents.info.items() if key != "versions"}
        if kept.any():
            left = replace(history, past=history.past.restrict(kept, contents.entities.column("key").combine_chunks()))
            info["versions"] = int(kept.sum())
        else:
            left = replace(history, past=None)
        with SnapshotWriter(root) as writer:
            return write_contents(writer, replace(contents, info=info), left)
