"""Walk a folder in a fixed order and report what is not followed."""

from collections.abc import Iterator
from pathlib import Path

from hippo.types import Skipped

__all__ = ["find_files", "has_file"]

_INDEX_FILE = "store.duckdb"
"""File by which the folder of an index is known: one that lies among its own documents must not become one of them."""


def find_files(folder: Path) -> Iterator[tuple[Path, str] | Skipped]:
    """Files of a folder and its subfolders, in the order of names.

    Hidden files and folders, links out of the folder, links to folders (their files are found where they are), indexes
    of hippo and what is no regular file are left out.

    Args:
        folder: Where to begin.

    Yields:
        Path and path relative to `folder`, with forward slashes; a `Skipped` for what is left out.
    """
    root = folder.resolve()
    # A stack, so that depth is bounded by the disk and not by the interpreter.
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        reason = None if path == folder else _reason(path, root)
        if reason is not None:
            yield Skipped(str(path), reason)
        elif path.is_dir():
            try:
                waiting.extend(sorted(path.iterdir(), key=lambda entry: entry.name, reverse=True))
            except OSError as error:
                yield Skipped(str(path), f"cannot be read: {error.strerror or error}")
        else:
            yield path, path.relative_to(folder).as_posix()


def _reason(path: Path, root: Path) -> str | None:
    """Why a path is not followed; None if it is."""
    if path.name.startswith("."):
        return "hidden"
    if path.is_symlink():
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return "broken link"
        if not target.is_relative_to(root):
            return "link out of the folder"
        if target.is_dir():
            return "link to a folder"
    if path.is_dir():
        return "an index of hippo" if (path / _INDEX_FILE).is_file() else None
    return None if path.is_file() else "no regular file"


def has_file(folder: Path, suffixes: frozenset[str]) -> bool:
    """Whether a folder holds, at any depth, a file that `find_files` yields with one of some suffixes."""
    return any(not isinstance(item, Skipped) and item[0].suffix.lower() in suffixes for item in find_files(folder))
