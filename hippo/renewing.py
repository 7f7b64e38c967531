"""What a memory answers from: a snapshot, renewed when a newer one is there, and what was remembered since."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hippo.deferred import once
from hippo.errors import IndexClosedError, IndexCorruptError, IndexEmptyError, IndexPathError
from hippo.fresh.log import FOLDER, FRESH
from hippo.fresh.state import Fresh
from hippo.identity import IDENTITY_FILE, Identity
from hippo.parts import make_tools
from hippo.protocols import PageRank
from hippo.searching import Searching
from hippo.snapshot import Snapshot, current, remove_old
from hippo.snapshot.remote import pull

if TYPE_CHECKING:
    from hippo.filters import Condition
    from hippo.fresh.desk import Desk
    from hippo.retrieval.filtered import Retrievers
    from hippo.retrieval.retrieve import Retriever
    from hippo.snapshot.contents import Contents

__all__ = ["Renewing"]

T = TypeVar("T")

_TRIES = 5
"""Times that a reader follows writers who publish while it reads."""

_SHORT = 0.05
"""Seconds of work within which both are put together whenever something new is there."""
_PAUSE = 0.5
"""Seconds after which they are in any case, and no more often where that is much work."""


@dataclass(frozen=True, slots=True)
class _Layered:
    """A snapshot and what was remembered since, put together.

    Attributes:
        base: Of the snapshot; None: there is none.
        fresh: What was remembered since.
        retrievers: Of both.
        until: Moment of `time.monotonic` before which what other processes remember may wait.
    """

    base: "Retrievers | None"
    fresh: Fresh
    retrievers: "Retrievers"
    until: float


class Renewing(Searching):
    """Holds the open snapshot. Questions read what is open; nobody waits while a newer one is opened."""

    path: Path
    _engine: PageRank
    _identity: Identity
    _lock: threading.Lock
    _refreshing: threading.RLock
    _closed: bool
    _origin: str | None
    _damage: IndexCorruptError | None
    _snapshot: Snapshot | None
    _retrievers: "Retrievers | None"
    _layered: _Layered | None
    _desk: "Desk | None"

    def refresh(self, *, prepare: bool = False) -> bool:
        """Open the newest snapshot, if another process has published one; else this does nothing.

        An index that was removed and made anew, or restored, has a newer one, whatever its name. Questions are answered
        from the older one until then, and none waits for it.

        Args:
            prepare: Read beforehand what the first question would otherwise wait for. A memory that watches does.

        Returns:
            Whether there was a newer one.

        Raises:
            StorageError: The URL of a published index cannot be read; the memory goes on with what it has.
        """
        with self._refreshing:
            if self._origin is not None:
                pull(self._origin, self.path)
            name = current(self.path) if self.path.is_dir() else None
            self._check_open()
            opened = self._snapshot
            if opened is not None and opened.name == name and opened.in_place():
                return False
            if name is None:
                return self._left_behind()
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
                if self._origin is not None:
                    remove_old(self.path)
            return True

    def _left_behind(self) -> bool:
        """Let go of a snapshot whose index was removed, if another one began in its place that has published nothing.

        Returns:
            Whether there was one.
        """
        with self._lock:
            before = self._snapshot
            if before is None or before.in_place() or not (self.path / IDENTITY_FILE).is_file():
                return False
            self._snapshot, self._retrievers, self._damage = None, None, None
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
        return self._retrievers_now().present

    def _retriever_now(
        self, where: "Condition | None" = None, as_of: datetime | None = None, *, apart: bool = False
    ) -> "Retriever":
        return self._from_newest(lambda now: now.apart(where, as_of) if apart else now.of(where, as_of))

    def _from_newest(self, read: "Callable[[Retrievers], T]") -> T:
        """What is read of the open snapshot, or of the one that took its place meanwhile."""
        while True:
            opened, retrievers = self._snapshot, self._retrievers_now()
            try:
                return read(retrievers)
            except IndexCorruptError:
                # What was before is mapped late: after a refresh its snapshot may be gone.
                if opened is self._snapshot:
                    raise

    def _retrievers_now(self) -> "Retrievers":
        """Of the open snapshot, and of what was remembered since."""
        for _ in range(_TRIES):
            with self._lock:
                self._check_open()
                if self._damage is not None:
                    raise self._damage
                if (found := self._with_fresh()) is not None:
                    return found
            # Some of what was remembered is no longer in the log, since a newer snapshot holds it.
            self.refresh()
        problem = "some of what was remembered is missing from it, and from the newest snapshot"
        raise IndexCorruptError(str(self.path / FOLDER), f"{problem}. Run `hippo doctor`")

    def _with_fresh(self) -> "Retrievers | None":
        """Retrievers of both; None: there is a newer snapshot."""
        known = self._layered
        if (
            known is not None
            and known.base is self._retrievers
            and (known.base is not None or self._snapshot is None)
            and time.monotonic() < known.until
            and self._log().may_wait(self._merged, known.fresh.version)
        ):
            return known.retrievers
        fresh = self._beside()
        if fresh is None:
            return None
        if self._retrievers is None and self._snapshot is not None:
            self._retrievers = self._make_retrievers(self._snapshot)
        base = self._retrievers
        if base is not None and not fresh:
            return base
        if base is None and fresh.version == self._merged:
            raise IndexEmptyError(str(self.path))
        if known is None or known.base is not base or known.fresh is not fresh:
            began = time.thread_time()
            retrievers = self._put_together(base, fresh)
            pause = _PAUSE if time.thread_time() - began > _SHORT else 0.0
            known = self._layered = _Layered(base, fresh, retrievers, time.monotonic() + pause)
        return known.retrievers

    def _beside(self) -> Fresh | None:
        """What was remembered since the open snapshot; None: a newer snapshot holds some of it."""
        if self._desk is None and not (self.path / FOLDER).is_dir():
            return Fresh(self._merged)
        return self._log().beside(self._merged)

    def _log(self) -> "Desk":
        """Where what is remembered is written and read."""
        if self._desk is None:
            from hippo.fresh.desk import Desk

            # No method of this memory, which would keep it from being collected.
            tools = partial(make_tools, self.config, self._encoder)
            keep = self.config.indexing.keep_versions
            self._desk = Desk(self.path, tools, self._encoder, self.config.graph.rules, keep=keep)
        return self._desk

    @property
    def _merged(self) -> int:
        """Number up to which the open snapshot holds what was remembered."""
        opened = self._snapshot
        return int(opened.info.get(FRESH, 0)) if opened else 0

    def _put_together(self, base: "Retrievers | None", fresh: Fresh) -> "Retrievers":
        from hippo.fresh.layer import layered
        from hippo.fresh.spans import history_of
        from hippo.graph.synonyms import Similar
        from hippo.retrieval.filtered import Retrievers
        from hippo.retrieval.layered import LayeredRetrievers
        from hippo.snapshot.restrict import finished

        if base is not None:
            return LayeredRetrievers(base, fresh, self._maker())
        if fresh.part is None:
            return self._put_together(None, self._log().nothing())
        settings = self.config.graph
        info = {**self._identity.to_info(), "rules": settings.rules, "synonym_max": settings.synonym_max}
        contents = finished(fresh.part, Similar.none(), info)
        if fresh.links:
            contents = layered(contents, None, fresh.links, frozenset())
        return Retrievers(contents, self._maker(), once(partial(history_of, fresh)))

    def _prepared(self, snapshot: Snapshot) -> "Retrievers":
        from hippo.retrieval.prepare import prepare

        retrievers = self._make_retrievers(snapshot)
        prepare(retrievers.whole, self._profile())
        return retrievers

    def _make_retrievers(self, snapshot: Snapshot) -> "Retrievers":
        from hippo.retrieval.filtered import Retrievers
        from hippo.snapshot.contents import ASKED, read_contents
        from hippo.snapshot.history import read_history

        snapshot.read_ahead(*ASKED)
        return Retrievers(read_contents(snapshot), self._maker(), partial(read_history, snapshot))

    def _maker(self) -> "Callable[..., Retriever]":
        """Makes the retriever of some contents."""
        from hippo.retrieval.retrieve import Retriever

        options = self.config.retrieval
        return partial(
            Retriever,
            engine=self._engine,
            tolerance=options.tolerance,
            vectors=options.vectors,
            encode=partial(self._encode, self._encoder, kind="query_to_entity") if self._encoder else None,
        )

    def _check_writable(self) -> None:
        if self._origin is not None:
            problem = "it is published for reading; change the index that it was published from, and publish that again"
            raise IndexPathError(self._origin, problem)

    def _check_open(self) -> None:
        if self._closed:
            raise IndexClosedError(str(self.path))
