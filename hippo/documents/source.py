"""What a reader is told about the file that it reads."""

import os.path
from dataclasses import dataclass
from pathlib import Path

from hippo.documents.records import Columns, clean
from hippo.types import Skipped

__all__ = ["HOLDS_NOTHING", "REST_UNREAD", "FileInput", "Places"]

HOLDS_NOTHING = frozenset({"no text", "empty file", "no rows", "no passages"})
"""Reasons to leave out a file or row that was read to its end: there is nothing in it."""
REST_UNREAD = "cannot be read from here on"
"""Begins the reason to leave out a row and all that come after it."""

_LONGEST_REASON = 500
"""Characters: parsers quote what they could not read."""


@dataclass(frozen=True, slots=True)
class FileInput:
    """A file to read.

    Attributes:
        path: Where it is.
        id: Id of its document, if it holds one.
        columns: Names of its columns, if it holds rows.
        max_bytes: Longest row, or most bytes that a compressed file may unpack to.
    """

    path: Path
    id: str
    columns: Columns
    max_bytes: int

    @property
    def source(self) -> str:
        """The path, for messages."""
        return clean(str(self.path))

    def skip(self, reason: str, row: int | None = None) -> Skipped:
        """This file, or one row of it (counted from 1), left out."""
        return Skipped(self.source if row is None else f"{self.source}:{row}", reason[:_LONGEST_REASON])


class Places:
    """Where sources are, whatever the working folder and the links on the way to them."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}

    def __call__(self, source: str) -> str:
        """Absolute path of a source, with its row if it has one. A link in the place of the file itself stays."""
        path = Path(source)
        if path.parent not in self._folders:
            self._folders[path.parent] = os.path.realpath(path.parent)
        return clean(str(Path(self._folders[path.parent], path.name)))
