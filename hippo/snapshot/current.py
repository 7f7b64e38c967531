"""Where snapshots are, and which of them is the newest."""

import re
from pathlib import Path

from hippo.durable import replace_text
from hippo.errors import IndexCorruptError, IndexPathError

__all__ = ["TEMPORARY", "announce", "check_root", "current", "folder", "names"]

TEMPORARY = ".tmp-"
"""Prefix of snapshots being built or removed."""

_NAME = re.compile(r"\d{6,20}", re.ASCII)
_NONE = "none"
_NEW = "Make an index with `hippo index` or `Hippo.add`"


def folder(root: Path) -> Path:
    """Where the snapshots of an index are."""
    return root / "snapshots"


def names(root: Path) -> list[str]:
    """Names of the complete snapshots, oldest first."""
    if not folder(root).is_dir():
        return []
    return sorted((item.name for item in folder(root).iterdir() if _NAME.fullmatch(item.name)), key=int)


def current(root: Path) -> str | None:
    """Name of the newest published snapshot; None before the first.

    Raises:
        IndexCorruptError: `CURRENT` is missing though there are snapshots, or names none of them.
    """
    path = root / "CURRENT"
    name = _read(root)
    while name is not None and not (_NAME.fullmatch(name) and (folder(root) / name).is_dir()):
        before, name = name, _read(root)
        if name == before:  # otherwise a newer one was published and this one removed between the two steps
            raise IndexCorruptError(str(path), f"it names {name[:40]!r}, which is no snapshot. {_remedy(root)}")
    return name


def _read(root: Path) -> str | None:
    path = root / "CURRENT"
    try:
        name = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        if not names(root):
            return None
        raise IndexCorruptError(str(path), f"it is missing. {_remedy(root)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise IndexCorruptError(str(path), f"it cannot be read: {error}. {_remedy(root)}") from error
    return None if name == _NONE else name


def _remedy(root: Path) -> str:
    known = names(root)
    if known:
        return f"Write the name of the newest snapshot, {known[-1]}, into it, or run `hippo index` again"
    return "Run `hippo index` again"


def announce(root: Path, name: str | None) -> None:
    """Make a snapshot the one that readers open. None: say that there is none yet, so that a lost file is noticed."""
    replace_text(root / "CURRENT", f"{name or _NONE}\n")


def check_root(root: Path) -> None:
    """Refuse a folder that is no index.

    Raises:
        IndexPathError: There is no folder, or nothing of an index in it.
    """
    if not root.is_dir():
        problem = "an index is a folder, and this is a file" if root.exists() else f"no such folder. {_NEW}"
        raise IndexPathError(str(root), problem)
    if not any((root / name).exists() for name in ("store.duckdb", "snapshots", "CURRENT", "fresh")):
        raise IndexPathError(str(root), f"there is no index in this folder. {_NEW}")
