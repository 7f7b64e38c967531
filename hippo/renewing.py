"""The snapshot that a memory answers from: opened, prepared, and renewed when a newer one is there."""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hippo.errors import IndexClosedError, IndexCorruptError, IndexEmptyError
from hippo.identity import Identity
from hippo.protocols import PageRank
from hippo.searching import Searching
from hippo.snapshot import Snapshot, current

if TYPE_CHECKING:
    from hippo.filters import Condition
    from hippo.retrieval.filtered import Retrievers
    from hippo.retrieval.retrieve import Retriever
    from hippo.snapshot.contents import Contents

__all__ = ["Renewing"]

T = TypeVar("T")


class Renewing(Searching):
    """Holds the open snapshot. Questions read what is open; nobody waits while a newer one is opened."""

    path: Path
    _engine: PageRank
    _identity: Identity
    _lock: threading.Lock
    _refreshing: threading.RLock
    _closed: bool
    _damage: IndexCorruptError | None
    _snapshot: Snapshot | None
    _retrievers: "Retrievers | None"

    def refresh(self, *, prepare: bool = False) -> bool:
        """Open the newest snapshot, if another process has published one; else this does nothing.

        Questions are answered from the older one until then, and none waits for it.

        Args:
            prepare: Read beforehand what the first question would otherwise wait for. A memory that watches does.

        Returns:
            Whether there was a newer one.
        """
        with self._refreshing:
            name = current(self.path) if self.path.is_dir() else None
            self._check_open()
            if name is None or (self._snapshot is not None and self._snapshot.name == name):
                return False
            snapshot = Snapshot.open(self.path)
            try:
                Identity.from_info(snapshot.info).check(str(self.path), self._identity)
                retrievers = self._prepared(snapshot) if prepare else None
                with self._lock:
                    self._check_open()
                    before = self._snapshot
                    self._snapshot, self._retrievers, self._damage = snapshot, retrievers, None
            except BaseException:
                snapshot.close()
                raise
            if before is not None:
                # What is being read from it stays mapped.
                before.close()
            return True

    @property
    def snapshot(self) -> str | None:
        """Name of the open snapshot; None before the first."""
        opened = self._snapshot
        return opened.name if opened else None

    def contents(self) -> "Contents":
        """Tables and arrays of the open snapshot, memory-mapped and read-only.

        Raises:
            IndexEmptyError: Nothing has been added yet.
        """
        return self._retrievers_now().whole.contents

    def _retriever_now(self, where: "Condition | None" = None, as_of: datetime | None = None) -> "Retriever":
        return self._from_newest(lambda now: now.of(where, as_of))

    def _from_newest(self, read: "Callable[[Retrievers], T]") -> T:
        """What is read of the open snapshot, or of the one that took its place meanwhile."""
        while True:
            retrievers = self._retrievers_now()
            try:
                return read(retrievers)
            except IndexCorruptError:
                # What was before is mapped late: after a refresh its snapshot may be gone.
                if retrievers is self._retrievers:
                    raise

    def _retrievers_now(self) -> "Retrievers":
        with self._lock:
            if self._retrievers is None:
                self._check_open()
                if self._damage is not None:
                    raise self._damage
                if self._snapshot is None:
                    raise IndexEmptyError(str(self.path))
                self._retrievers = self._make_retrievers(self._snapshot)
            return self._retrievers

    def _prepared(self, snapshot: Snapshot) -> "Retrievers":
        from hippo.retrieval.prepare import prepare

        retrievers = self._make_retrievers(snapshot)
        prepare(retrievers.whole, self._profile())
        return retrievers

    def _make_retrievers(self, snapshot: Snapshot) -> "Retrievers":
        from hippo.retrieval.filtered import Retrievers
        from hippo.retrieval.retrieve import Retriever
        from hippo.snapshot.contents import read_contents
        from hippo.snapshot.history import read_history

        options = self.config.retrieval
        make = partial(
            Retriever,
            engine=self._engine,
            tolerance=options.tolerance,
            vectors=options.vectors,
            encode=partial(self._encode, self._encoder, kind="query_to_entity") if self._encoder else None,
        )
        return Retrievers(read_contents(snapshot), make, partial(read_history, snapshot))

    def _check_open(self) -> None:
        if self._closed:
            raise IndexClosedError(str(self.path))
