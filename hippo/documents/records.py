"""A mapping (a row, a JSON object, a dict) to a document."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any
from uuid import UUID

from hippo.errors import DocumentError
from hippo.types import Document

__all__ = ["Columns", "clean", "parse_timestamp", "plain", "record_document"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_NAMES = 20
_MOST_SHOWN = 80
"""Characters of a value in a message."""
_MOST_BITS = 4096
"""Bits of a whole number; Python refuses to write out much longer ones, since that takes quadratic time."""
_MOST_LEVELS = 64
"""Mappings and lists within one another; deeper ones are a fault or an attack."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a table, or key of an object, holds what.

    Attributes:
        text: The text; must be there.
        id: The document's id; without it, or where it is empty, the id is a hash of title and text.
        title: The title; may be missing.
        timestamp: ISO 8601 date or time; may be missing.
        metadata: Columns to keep as metadata; None: all others.
        typed: Whether metadata in CSV and TSV become numbers, booleans, dates and times where all cells of a column
            read so, and null where a cell is blank, and unquoted values in front matter likewise; False: all stay text.
    """

    text: str = "text"
    id: str = "id"
    title: str = "title"
    timestamp: str = "timestamp"
    metadata: tuple[str, ...] | None = None
    typed: bool = True

    def kept(self, present: Iterable[Any]) -> list[Any]:
        """Those of a record's keys that hold metadata."""
        if self.metadata is not None:
            names = set(present)
            return [name for name in self.metadata if name in names]
        taken = {self.text, self.id, self.title, self.timestamp}
        return [name for name in present if name not in taken]

    def require(self, present: Collection[str], source: str) -> None:
        """Check the columns of a table.

        Args:
            present: Names of its columns.
            source: The table, for the message.

        Raises:
            DocumentError: A column asked for is missing: the text, metadata, or any that is not named as by default.
        """
        default = Columns()
        optional = [(self.id, default.id), (self.title, default.title), (self.timestamp, default.timestamp)]
        wanted = [self.text, *(name for name, usual in optional if name != usual), *(self.metadata or ())]
        for name in wanted:
            if name not in present:
                raise DocumentError(source, f"no column {name!r}; columns present: {_listed(present)}")


def _shown(value: Any) -> str:
    """A value for a message, which must not grow with what it is about."""
    try:
        return repr(value)[:_MOST_SHOWN]
    except ValueError:
        # Numbers of thousands of digits, which Python does not write out.
        return "(too long)"


def _listed(names: Collection[Any]) -> str:
    shown = [_shown(name) for name in islice(names, _MOST_NAMES)]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def clean(text: str) -> str:
    r"""Text with `\n` as its only line break and without what no store can hold: NUL and lone surrogates.

    Examples:
        >>> clean("a\r\nb\x00")
        'a\nb'
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\0", "")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text) if not text.isascii() else text


def parse_timestamp(value: Any, source: str) -> datetime | None:
    """A time with a zone from ISO 8601 text, a date or a time; None from nothing.

    Args:
        value: `str`, `datetime`, `date`, or None, "" and NaN for unknown. Without a zone it is UTC.
        source: Where it was found, for the message.

    Raises:
        DocumentError: The value is none of these.

    Examples:
        >>> parse_timestamp("2024-05-01T10:00:00+02:00", "row 1").isoformat()
        '2024-05-01T10:00:00+02:00'
        >>> parse_timestamp("2024-05-01", "row 1").isoformat()
        '2024-05-01T00:00:00+00:00'
    """
    if _is_missing(value):
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            problem = f"timestamp {_shown(value)} is not ISO 8601, such as 2024-05-01T10:00:00Z"
            raise DocumentError(source, problem) from error
    if not isinstance(value, datetime):
        problem = f"timestamp {_shown(value)} is a {type(value).__name__}, not ISO 8601 text or a datetime"
        raise DocumentError(source, problem)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def record_document(record: Mapping[Any, Any], columns: Columns, source: str) -> Document:
    """The document that a record describes.

    Keys that are no column go to the metadata; a mapping under the key `metadata` is merged into it. Metadata becomes
    plain JSON: dates as ISO 8601 text, NaN as null, other values as text.

    Args:
        record: The record. A text of None counts as empty.
        columns: Its keys.
        source: Where it was found.

    Raises:
        DocumentError: A value has the wrong type, metadata nest too deep, or there is no text key.
    """
    if columns.text not in record:
        raise DocumentError(source, f"no key {columns.text!r}; keys present: {_listed(record) or 'none'}")
    text = record[columns.text]
    if not isinstance(text, str) and not _is_missing(text):
        raise DocumentError(source, f"{columns.text!r} must be a string, got {type(text).__name__}")
    return Document(
        text=text if isinstance(text, str) else "",
        id=_label(record.get(columns.id), columns.id, source),
        title=_label(record.get(columns.title), columns.title, source),
        metadata=_metadata(record, columns, source),
        timestamp=parse_timestamp(record.get(columns.timestamp), source),
        source=source,
    )


def _label(value: Any, name: str, source: str) -> str | None:
    """An id or title; numbers are written out."""
    if _is_missing(value):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DocumentError(source, f"{name!r} must be a string or a number, got {type(value).__name__}")
    return str(_sized(value, source))


def _sized(value: Any, source: str) -> Any:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise DocumentError(source, f"holds a whole number of {value.bit_length()} bits, more than {_MOST_BITS}")
    return value


def _metadata(record: Mapping[Any, Any], columns: Columns, source: str) -> dict[str, Any]:
    metadata = {str(_sized(name, source)): record[name] for name in columns.kept(record)}
    if isinstance(metadata.get("metadata"), Mapping):
        nested = metadata.pop("metadata")
        metadata.update(nested)
    return {_key(name, source): plain(value, source) for name, value in metadata.items()}


def _key(name: Any, source: str) -> str:
    return clean(str(_sized(name, source)))


def plain(value: Any, source: str, levels: int = _MOST_LEVELS) -> Any:
    """A value as JSON has it: mappings, lists, strings, finite numbers, booleans and null; dates and others as text.

    Args:
        value: Any value.
        source: Where it was found, for the message.
        levels: Most mappings and lists within one another.

    Raises:
        DocumentError: There are more levels, as in a value that holds itself.

    Examples:
        >>> plain({"when": date(2024, 5, 1), "score": float("nan"), "tags": ("a", 1)}, "row 1")
        {'when': '2024-05-01', 'score': None, 'tags': ['a', 1]}
    """
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int):
        return _sized(value, source)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping | Sequence | Set) and not isinstance(value, bytes | bytearray):
        if levels == 0:
            raise DocumentError(source, f"metadata nest deeper than {_MOST_LEVELS} levels")
        if isinstance(value, Mapping):
            return {_key(name, source): plain(item, source, levels - 1) for name, item in value.items()}
        items = sorted(value, key=str) if isinstance(value, Set) else value
        return [plain(item, source, levels - 1) for item in items]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Integral):
        return _sized(int(value), source)
    if isinstance(value, Real):
        return plain(float(value), source)
    if isinstance(value, Decimal | UUID | Enum | Path | timedelta | bytes | bytearray):
        return clean(str(value))
    raise DocumentError(source, f"metadata must be JSON values, dates or numbers, got {type(value).__name__}")


def _is_missing(value: Any) -> bool:
    """None, "" and NaN, which tables use for an empty cell."""
    if isinstance(value, float | date):
        return bool(value != value)
    return value is None or (isinstance(value, str) and not value.strip())
