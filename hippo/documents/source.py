"""What a reader is told about the file that it reads."""

from dataclasses import dataclass
from pathlib import Path

from hippo.documents.records import Columns, clean
from hippo.types import Skipped

__all__ = ["FileInput"]

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
