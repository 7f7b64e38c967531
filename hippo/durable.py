"""Files that are still there after a power cut.

A rename is atomic, but what it renames and the rename itself reach the disk only when file and folder are fsynced. An
fsync that fails is fatal: the system may already have dropped the data, and trying again would report success.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hippo.errors import IndexStateError

if sys.platform != "win32":
    import fcntl

__all__ = ["discard", "keep_beside", "locked", "remove_tree", "replace_text", "sync_directory", "sync_file", "writing"]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the disk refuses is an error of the index.

    Raises:
        IndexStateError: The block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise IndexStateError(str(path), f"it could not be written: {error}") from error


def discard(path: Path) -> None:
    """Remove a file or folder that was not finished. Where the disk refuses that too, the next writer has to."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder, parts of which another process may take first.

    Raises:
        OSError: The disk refused.
    """
    while path.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(path)


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on disk.

    Raises:
        OSError: The disk refused; nothing that was written to the file may be relied upon.
    """
    # Reading is enough, and all that a read-only file allows; Windows alone wants to write.
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_beside(path: Path, kept: Path) -> None:
    """Give a file a second name, so that it stays when another takes the place of the first: it never lacks both.

    Raises:
        OSError: The disk refused.
    """
    try:
        os.link(path, kept)
    except OSError:  # A file system without links.
        shutil.copyfile(path, kept)
        sync_file(kept)


def sync_directory(path: Path) -> None:
    """Wait until the names in a folder are on disk. Does nothing on Windows, which cannot open folders.

    Raises:
        OSError: The disk refused; renames in the folder may be lost.
    """
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str) -> None:
    """Replace a small file by rename: whoever reads it sees the old text or the new one, never a part.

    Raises:
        OSError: The disk refused; the old file is still there.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        sync_file(temporary)
        temporary.replace(path)
    finally:
        discard(temporary)
    sync_directory(path.parent)


@contextmanager
def locked(folder: Path, *, exclusive: bool, unless_held: bool = False) -> Iterator[bool]:
    """Hold a lock on a folder, which ends with the process too. Gives whether it is held.

    Where folders cannot be locked (Windows, some network file systems) nobody waits.

    Args:
        folder: The folder.
        exclusive: Whether all others are kept out, not only those that want it for themselves.
        unless_held: Do not wait for who holds it exclusively.
    """
    if sys.platform == "win32":
        yield False
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Whoever needs the folder says what is wrong with it.
        yield False
        return
    try:
        yield _acquired(descriptor, exclusive=exclusive, unless_held=unless_held)
    finally:
        # A process forked meanwhile has the descriptor too: closing it here alone would not end the lock.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _acquired(descriptor: int, *, exclusive: bool, unless_held: bool) -> bool:
    if sys.platform == "win32":
        return False
    try:
        if unless_held:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
    except OSError:  # BlockingIOError too
        return False
    return True
