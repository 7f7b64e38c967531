"""The turn of one writer among several: at once or not at all, or as soon as the one before has ended."""

import asyncio
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TypeVar

from hippo.background import run
from hippo.errors import IndexBusyError, InputError
from hippo.snapshot.current import folder
from hippo.store import Store

if sys.platform != "win32":
    import fcntl

__all__ = ["Waiting", "in_turn", "open_in_turn"]

T = TypeVar("T")

Waiting = Callable[[str, float], None]
"""Is told for whom a writer waits, and for how many seconds so far."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


def open_in_turn(root: Path, *, wait: float = 0.0, create: bool = True, tell: Waiting | None = None) -> Store:
    """Open the store of an index for writing.

    Args:
        root: Folder of the index.
        wait: Seconds to wait for another writer; 0: not at all, `math.inf`: as long as it takes.
        create: Make a new index where there is none.
        tell: Is told of the wait.

    Raises:
        IndexBusyError: Another writer is still at work. See also `Store.open`.
        InputError: `wait` is negative or no number.
    """
    return in_turn(root, lambda: Store.open(root, create=create), wait=wait, tell=tell)


def in_turn(root: Path, begin: Callable[[], T], *, wait: float, tell: Waiting | None = None) -> T:
    """Begin what only one process at a time can do with the store of an index.

    Of several that wait, one looks whether the store is free and the others whether its place is; so whoever asks later
    does not come before those that wait, also a writer that ends and begins again at once. The wait ends with Ctrl-C,
    and with the task that awaits it.

    Args:
        root: Folder of the index.
        begin: Raises an `IndexBusyError` while another process has the store.
        wait: Seconds to wait for it, as in `open_in_turn`.
        tell: Is told of the wait.

    Returns:
        What `begin` returned.

    Raises:
        IndexBusyError: Another process still has the store.
        InputError: `wait` is negative or no number.
    """
    if not wait >= 0:
        raise InputError(f"wait must be 0 seconds or more, got {wait!r}")
    began, pause = monotonic(), _FIRST_PAUSE
    with _place(root) as first:
        while True:
            try:
                if not first():
                    raise IndexBusyError(str(root), "another process, which came first")
                return begin()
            except IndexBusyError as error:
                waited = monotonic() - began
                if waited >= wait:
                    raise
                if tell is not None:
                    tell(error.args[1], waited)
            # In the background loop, so that a cancelled task ends it too. Uneven, so that nobody keeps in step.
            run(asyncio.sleep(min(pause * random.uniform(0.5, 1.0), wait - waited)))  # noqa: S311
            pause = min(2 * pause, _LONGEST_PAUSE)


@contextmanager
def _place(root: Path) -> Iterator[Callable[[], bool]]:
    """The first place in the queue of an index: a lock on its folder of snapshots, which everybody can see.

    Where that cannot be locked (Windows, some network file systems, before the first snapshot) everybody is first.

    Yields:
        A function that tries to take the place, and says whether it is ours.
    """
    try:
        descriptor = -1 if sys.platform == "win32" else os.open(folder(root), os.O_RDONLY)
    except OSError:
        descriptor = -1

    def first() -> bool:
        if sys.platform == "win32" or descriptor < 0:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    try:
        yield first
    finally:
        if sys.platform != "win32" and descriptor >= 0:
            # A process forked meanwhile has the descriptor too: closing it here alone would not end the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)
