"""Turns at the file of a store: a writer changes it in short transactions, and between two of them it may be copied.

DuckDB's own lock is held for as long as the store is open. This one, on the folder of the index, is held while the file
changes. After every transaction all is in the main file, so a copy made between two holds all that was committed. Where
folders cannot be locked (Windows, some network file systems) nobody waits, and a copy needs the store for itself.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

__all__ = ["changing", "copying", "opening"]


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """The file changes. Waits for who copies it."""
    with _locked(folder, exclusive=True):
        yield


@contextmanager
def copying(folder: Path) -> Iterator[bool]:
    """The file is copied. Waits for who changes it. Gives whether changes are kept out meanwhile."""
    with _locked(folder, exclusive=False) as held:
        yield held


@contextmanager
def opening(folder: Path) -> Iterator[None]:
    """The file is opened, which finishes what a crash interrupted. Waits for who copies it.

    A writer in a transaction is not waited for: DuckDB then says at once that the file is in use.
    """
    with _locked(folder, exclusive=True, unless_changing=True):
        yield


@contextmanager
def _locked(folder: Path, *, exclusive: bool, unless_changing: bool = False) -> Iterator[bool]:
    if sys.platform == "win32":
        yield False
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Whoever needs the folder says what is wrong with it.
        yield False
        return
    try:
        yield _acquired(descriptor, exclusive=exclusive, unless_changing=unless_changing)
    finally:
        # A process forked meanwhile has the descriptor too: closing it here alone would not end the lock.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _acquired(descriptor: int, *, exclusive: bool, unless_changing: bool) -> bool:
    if sys.platform == "win32":
        return False
    try:
        if unless_changing:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
    except OSError:  # BlockingIOError too
        return False
    return True
