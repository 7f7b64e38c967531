"""Where an export goes: under a temporary name until it is complete, then renamed."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hippo.durable import discard, sync_directory, sync_file
from hippo.errors import InputError
from hippo.types import to_dict

__all__ = ["Export", "new_file", "new_folder"]


@dataclass(frozen=True, slots=True)
class Export:
    """What was written.

    Attributes:
        path: The file or folder.
        rows: Rows by table: nodes and edges of a GraphML file, rows of each file of a folder.
        removed: Characters that the format cannot hold and that were left out, by reason.
    """

    path: str
    rows: Mapping[str, int]
    removed: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for `json.dumps`."""
        data: dict[str, Any] = to_dict(self)
        return data


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A file to write, which becomes `path` once the block has ended without an error.

    Raises:
        InputError: There is something at `path`, its folder does not exist, or the disk refused.
    """
    path = _named(path)
    temporary = _temporary(path)
    with _writing(path):
        _check_free(path, path.exists())
        try:
            yield temporary
            sync_file(temporary)
            temporary.rename(path)
            sync_directory(path.parent)
        finally:
            discard(temporary)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` once the block has ended without an error.

    Raises:
        InputError: There is something at `path` other than an empty folder, its parent does not exist, or the disk
            refused.
    """
    path = _named(path)
    temporary = _temporary(path)
    with _writing(path):
        _check_free(path, path.exists() and not (path.is_dir() and not any(path.iterdir())))
        try:
            temporary.mkdir()
            yield temporary
            for item in sorted(temporary.rglob("*")):
                sync_directory(item) if item.is_dir() else sync_file(item)
            sync_directory(temporary)
            if path.is_dir():
                path.rmdir()
            temporary.rename(path)
            sync_directory(path.parent)
        finally:
            discard(temporary)


def _named(path: Path) -> Path:
    """The whole path, which also the working folder has: "." and "" have no name to be written under."""
    whole = path.absolute()
    if whole.name in ("", ".."):
        raise InputError(f"{path}: give the name of a file or folder that does not exist")
    return whole


def _check_free(path: Path, taken: bool) -> None:
    if taken:
        raise InputError(f"{path}: exists already; remove it or choose another name")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {str(path.parent)!r} to write it into")


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
