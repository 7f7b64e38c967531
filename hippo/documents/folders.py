"""Walk a folder in a fixed order and report what is not followed."""

from collections.abc import Iterator
from pathlib import Path

from hippo.errors import DocumentError
from hippo.types import Skipped

__all__ = ["find_files", "has_file"]

_INDEX_FILE = "store.duckdb"
"""File by which the folder of an index is known: one that lies among its own documents must not become one of them."""


def find_files(folder: Path) -> Iterator[tuple[Path, str] | Skipped]:
    """Files of a folder and its subfolders, in the order of names.

    Hidden files and folders, links out of the folder, links to folders (their files are found where they are), indexes
    of hippo, names that are not UTF-8 or hold a backslash or a line break, and what is no regular file are left out. So
    the path of a file below the folder, which becomes its id, never leads out of it.

    Args:
        folder: Where to begin.

    Yields:
        Path and path relative to `folder`, with forward slashes; a `Skipped` for what is left out.

    Raises:
        DocumentError: The folder itself is an index.
    """
    root = folder.resolve()
    if _is_index(folder):
        raise DocumentError(str(folder), "is an index of hippo, not a folder of documents")
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
                yield Skipped(str(path), _unreadable(error))
        else:
            yield path, path.relative_to(folder).as_posix()


def _is_index(folder: Path) -> bool:
    try:
        return (folder / _INDEX_FILE).is_file()
    except PermissionError:
        # Listing the folder then fails too, and is reported there.
        return False


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _reason(path: Path, root: Path) -> str | None:
    """Why a path is not followed; None if it is."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        # Two such names may become one when they are written as text, so neither can be an id.
        return "name is not UTF-8"
    if any(sign in path.name for sign in "\\\r\n"):
        # Such a name would be another path elsewhere, or several lines.
        return "name holds a backslash or a line break"
    try:
        return _kind(path, root)
    except OSError as error:
        return _unreadable(error)


def _kind(path: Path, root: Path) -> str | None:
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
        return "an index of hippo" if _is_index(path) else None
    return None if path.is_file() else "no regular file"


def has_file(folder: Path, suffixes: frozenset[str]) -> bool:
    """Whether a folder holds, at any depth, a file that `find_files` yields with one of some suffixes.

    Raises:
        DocumentError: The folder itself is an index.
    """
    return any(not isinstance(item, Skipped) and item[0].suffix.lower() in suffixes for item in find_files(folder))
