"""How long something may take."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

__all__ = ["Deadline", "Interruptible"]

_AGAIN = 0.05
"""Seconds between interruptions: one that comes before the work has begun is lost."""


class Interruptible(Protocol):
    """What stops when it is told so from another thread."""

    def interrupt(self) -> None:
        """Stop what is going on."""


class Deadline:
    """Time that is left, counted from its making."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def check(self) -> None:
        """Raise `TimeoutError` when there is none left."""
        if monotonic() > self._end:
            raise TimeoutError

    @contextmanager
    def interrupting(self, work: Interruptible) -> Iterator[None]:
        """Interrupt work when no time is left, until it has ended."""
        done = threading.Event()

        def watch() -> None:
            wait = min(max(0.0, self._end - monotonic()), threading.TIMEOUT_MAX)
            while not done.wait(wait):
                work.interrupt()
                wait = _AGAIN

        watcher = threading.Thread(target=watch, daemon=True, name="hippo-filter-deadline")
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
