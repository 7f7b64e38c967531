"""The folder of an index, as one looks at it before opening: what is there, what is wrong with it, how large it is."""

import os
from pathlib import Path

from hippo.errors import IndexCorruptError, IndexEmptyError, IndexPathError, InputError
from hippo.fresh.log import FOLDER
from hippo.snapshot import Snapshot
from hippo.snapshot.remote import cache_of, pull
from hippo.storage import address_of
from hippo.tenants import NAMESPACES, namespace_folder

__all__ = ["checked_place", "located", "newest_snapshot", "sizes"]

_PARTS = {"store": "store.duckdb", "snapshots": "snapshots", "current": "CURRENT", "fresh": FOLDER}
_SIZED = {"store": "store.duckdb", "snapshots": "snapshots", "replies": "replies.sqlite", "fresh": FOLDER}


def located(path: object, namespace: str | None, cache: "str | os.PathLike[str] | None") -> tuple[Path, str | None]:
    """The folder of an index that is to be opened, and the URL that it is fetched from, if it is.

    Args:
        path: Path of an index, or the URL of a published one, whose newest snapshot is fetched.
        namespace: Name of a namespace of it.
        cache: Folder for the snapshots of a URL; None: one in the user's cache.
    """
    origin = address_of(path) if isinstance(path, str | os.PathLike) else None
    if origin is None:
        root = checked_place(path)
        return (root if namespace is None else namespace_folder(root, namespace)), None
    if namespace is not None:
        raise InputError("a namespace is published to a URL of its own; open that one without a namespace")
    root = cache_of(origin) if cache is None else Path(cache)
    pull(origin, root)
    return root, origin


def checked_place(path: object) -> Path:
    """The path, unless it is no index and cannot become one."""
    if not isinstance(path, str | os.PathLike):
        raise IndexPathError(repr(path), f"a path is a str or a pathlib.Path, not a {type(path).__name__}")
    if (url := address_of(path)) is not None:
        raise IndexPathError(url, "an index is written on a disk of this machine, and then published there")
    root = Path(path)
    try:
        if root.exists() and not root.is_dir():
            raise IndexPathError(str(root), "an index is a folder, and this is a file")
        if not root.is_dir() or any((root / name).exists() for name in _PARTS.values()):
            return root
        # A crash may have left a store that was being made; cached replies of another index may be brought along.
        if any(not item.name.startswith((".store-", "replies.sqlite", NAMESPACES)) for item in root.iterdir()):
            raise IndexPathError(str(root), "the folder is not empty and holds no index; choose another")
    except OSError as error:
        raise IndexPathError(str(root), f"it cannot be looked at: {error.strerror}") from error
    return root


def newest_snapshot(root: Path) -> Snapshot | IndexCorruptError | None:
    """The newest snapshot, or what is wrong with it: then questions fail, and `add` makes a sound one."""
    try:
        return Snapshot.open(root) if root.is_dir() else None
    except IndexEmptyError:
        return None
    except IndexPathError:  # An empty folder.
        return None
    except IndexCorruptError as error:
        if not (root / _PARTS["store"]).is_file():
            raise
        return error


def sizes(root: Path) -> dict[str, int]:
    """Bytes on disk by part of the index."""
    found = {}
    for part, name in _SIZED.items():
        place = root / name
        # `os.walk` passes over folders that a writer removes meanwhile.
        inside = (Path(folder) / file for folder, _, files in os.walk(place) for file in files)
        found[part] = _size(place) + sum(_size(file) for file in inside)
    return found


def _size(file: Path) -> int:
    """Bytes of a file; 0 for a folder, and for a file that a writer has removed meanwhile."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:
        return 0
