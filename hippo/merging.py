"""What was remembered comes into the index: when somebody asks for it, and by itself in the background."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

from hippo.changing import Changing
from hippo.deferred import in_thread_of
from hippo.errors import HippoError, IndexBusyError, IndexClosedError
from hippo.protocols import ProgressCallback
from hippo.renewing import Renewing
from hippo.types import BackgroundWork, ChangeReport

__all__ = ["Merging"]

_LOG = logging.getLogger("hippo.merging")
_SHARE = 50
"""A merge does not begin by itself before a fiftieth of the documents is new: its work grows with the whole index, so
that what it costs for each document does not."""


class Merging(Renewing, Changing):
    """Merges. One thread at a time does them in the background, and then what a memory does after a merge."""

    _merging: threading.Thread | None = None
    _again = False
    """Whether something was forgotten while a change was under way that may have come too early to take it along."""
    _changes = 0
    """Changes under way; meanwhile no merge begins in the background."""
    _closing = False
    """Whether what may be put off is left to the next one who opens the index."""
    _work: dict[str, BackgroundWork]
    merge_error: Exception | None = None
    """Why the last merge in the background failed; what was remembered waits in the log. None: it did not."""

    def merge(self, *, progress: ProgressCallback | None = None) -> ChangeReport:
        """Bring what was remembered and forgotten into the index, and publish it.

        What comes of it is what adding the same documents would have made; of an id that
        was remembered several times, one version after the other: where older versions are kept, all of them are, else
        the last one. `add`, `update`, `delete` and `sync` do so too, before anything else.

        Args:
            progress: Is told of every step.

        Raises:
            IndexBusyError: Another process is changing the index.
        """
        report = self._change((), progress, "merge")
        self.merge_error = None
        return report

    def finish_forgetting(self, *, progress: ProgressCallback | None = None) -> ChangeReport:
        """Take what was forgotten off the disk, and publish the index: as `merge`, but no language model is needed.

        What was remembered, too, comes into the index; passages that wait for a model go on waiting.

        Args:
            progress: Is told of every step.

        Raises:
            IndexBusyError: Another process is changing the index.
        """
        return self._change((), progress, "forget", extracting=False)

    amerge = in_thread_of(merge)
    """`merge` without blocking the event loop."""
    afinish_forgetting = in_thread_of(finish_forgetting)
    """`finish_forgetting` without blocking the event loop."""

    @property
    def waiting(self) -> int:
        """What was remembered or forgotten and is not merged yet: number of documents, as far as this memory knows."""
        fresh = self._beside()
        return 0 if fresh is None else fresh.version - self._merged

    @property
    def background_work(self) -> dict[str, BackgroundWork]:
        """What this memory has done by itself since it was opened, by kind: "merge" and "consolidate".

        A kind that it has not begun yet is not there. What found another process at work, or was called off because the
        memory was closed or somebody changed it, does not count.
        """
        return dict(self._work)

    def _merge_if_due(self, *, now: bool = False) -> None:
        """Begin a merge in the background, unless one is under way."""
        after = self.config.indexing.merge_after
        if not after or self._closed or self._closing:
            return
        if not now and self._log().log.end - self._merged < self._worthwhile(after, _SHARE):
            return
        with self._lock:
            if self._changes or (self._merging is not None and self._merging.is_alive()):
                self._again |= now
            else:
                self._merging = threading.Thread(target=self._merge_behind, name="hippo-merge", daemon=True)
                self._merging.start()

    def _worthwhile(self, after: int, share: int) -> int:
        """How many documents work waits for that grows with the index: so many, or a share of the index if more."""
        documents = int(self._snapshot.info.get("documents", 0)) if self._snapshot else 0
        return max(after, documents // share)

    def _merge_behind(self) -> None:
        while True:
            error, busy = self._behind("merge", self.merge)
            if busy:
                return  # Who is at work takes it along, or the next one does.
            self.merge_error = error
            if error is None:
                self._after_merge()
            elif isinstance(error, HippoError):
                self._forget_without_model()
            with self._lock:
                if not self._again:
                    self._merging = None
                    return
                self._again = False

    def _after_merge(self) -> None:
        """What a memory does in the background once it has merged."""

    def _behind(self, kind: str, work: Callable[[], object]) -> tuple[Exception | None, bool]:
        """Do some work in the background, and count it.

        Args:
            kind: Of `background_work`.
            work: The work; None from it says that it was called off.

        Returns:
            Why it failed, and whether it was not done: others were at work, the memory is closed, or it was called off.
        """
        began, before = perf_counter(), self._work.get(kind, BackgroundWork())
        try:
            if work() is None:
                return None, True
        except (IndexBusyError, IndexClosedError):
            return None, True
        except Exception as error:
            seconds = perf_counter() - began
            self._work[kind] = replace(before, failed=before.failed + 1, seconds=seconds, problem=str(error))
            if str(error) != before.problem:
                # Texts of errors may name documents: who may see them asks the memory.
                fields = {"work": kind, "error": type(error).__name__}
                _LOG.warning("work in the background failed; it is tried again", extra={"fields": fields})
            return error, False
        seconds = perf_counter() - began
        self._work[kind] = replace(before, done=before.done + 1, seconds=seconds, problem=None)
        _LOG.info("work in the background is done", extra={"fields": {"work": kind, "seconds": round(seconds, 3)}})
        return None, False

    def _forget_without_model(self) -> None:
        """Bring what is to be forgotten off the disk, though the model that extracts cannot be asked."""
        try:
            fresh = self._beside()
            if fresh is not None and fresh.gone:
                self.finish_forgetting()
        except (IndexBusyError, IndexClosedError):
            return  # As above.
        except Exception as error:
            self.merge_error = error

    def _change(self, *arguments: Any, **options: Any) -> ChangeReport:
        with self._lock:
            self._changes += 1
        try:
            self._end_merging()
            return super()._change(*arguments, **options)
        finally:
            with self._lock:
                self._changes -= 1
                # The merge in the background looks for itself whether it has to go on.
                again = self._again and not self._changes and threading.current_thread() is not self._merging
                self._again &= not again
            if again:
                self._merge_if_due(now=True)

    def _end_merging(self) -> None:
        """Wait for a merge in the background."""
        merging = self._merging
        if merging is not None and merging is not threading.current_thread():
            merging.join()
            self._merging = None
