"""Removing snapshots that nobody needs any more."""

import errno
import secrets
from pathlib import Path

from hippo.durable import remove_tree, sync_directory
from hippo.errors import IndexStateError, InputError
from hippo.snapshot.current import TEMPORARY, current, folder, names
from hippo.snapshot.lock import lock
from hippo.snapshot.manifest import MANIFEST

__all__ = ["remove_old"]


def remove_old(root: Path, keep: int = 1, *, before: str | None = None) -> list[str]:
    """Remove snapshots older than the newest that no reader holds, and what writers that died left behind.

    Where files cannot be locked nobody can tell whether a reader holds a snapshot, and all are kept.

    Args:
        root: Folder of the index.
        keep: Number of newest snapshots to keep in any case, at least 1.
        before: Snapshots older than this one are not kept, however many there are. None: `keep` alone counts.

    Returns:
        Names of the removed snapshots, oldest first.

    Raises:
        IndexCorruptError: `CURRENT` is damaged.
        IndexStateError: The disk refused.
        InputError: `keep` is less than 1.
    """
    if keep < 1:
        raise InputError(f"keep must be at least 1, got {keep}")
    newest = current(root)
    old = [name for name in names(root) if newest is not None and int(name) <= int(newest)]
    old = [name for name in old[:-1] if name not in old[-keep:] or (before and int(name) < int(before))]
    try:
        removed = [name for name in old if _remove(folder(root) / name)]
        for path in sorted(folder(root).glob(f"{TEMPORARY}*")):
            _remove(path)
        if removed:
            sync_directory(folder(root))
    except OSError as error:
        raise IndexStateError(str(folder(root)), f"an old snapshot could not be removed: {error}") from error
    return removed


def _remove(path: Path) -> bool:
    """Remove a snapshot's folder unless someone holds its manifest. Renamed first: it is there whole, or not at all.

    Returns:
        Whether this call did so; another one may be removing it too.
    """
    try:
        file = (path / MANIFEST).open("rb+")
    except FileNotFoundError:
        # No manifest: a writer or remover died; a writer makes its manifest at once after its folder.
        was_there = path.is_dir()
        _remove_unused(path)
        return was_there
    with file:
        if not lock(file, exclusive=True):
            return False
        gone = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        try:
            path.rename(gone)
        except FileNotFoundError:
            return False
        _remove_unused(gone)
    return True


def _remove_unused(path: Path) -> None:
    """Remove a leftover; where the file system keeps a file of it that is open or mapped, the next sweep does."""
    try:
        remove_tree(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EBUSY):
            raise
