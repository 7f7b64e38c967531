"""Turns at the file of a store: a writer changes it in short transactions, and between two of them it may be copied.

DuckDB's own lock is held for as long as the store is open. This one, on the folder of the index, is held while the file
changes. After every transaction all is in the main file, so a copy made between two holds all that was committed. Where
folders cannot be locked (Windows, some network file systems) nobody waits, and a copy needs the store for itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hippo.durable import locked

__all__ = ["changing", "copying", "opening"]


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """The file changes. Waits for who copies it."""
    with locked(folder, exclusive=True):
        yield


@contextmanager
def copying(folder: Path) -> Iterator[bool]:
    """The file is copied. Waits for who changes it. Gives whether changes are kept out meanwhile."""
    with locked(folder, exclusive=False) as held:
        yield held


@contextmanager
def opening(folder: Path) -> Iterator[None]:
    """The file is opened, which finishes what a crash interrupted. Waits for who copies it.

    A writer in a transaction is not waited for: DuckDB then says at once that the file is in use.
    """
    with locked(folder, exclusive=True, unless_held=True):
        yield
