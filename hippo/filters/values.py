"""Values that a condition compares with: text, numbers, booleans, dates and times."""

import re
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any, Literal

from hippo.errors import FilterError

__all__ = ["Kind", "Value", "kind_of", "moment", "plain_value", "written"]

Value = str | int | float | bool | date
"""`datetime` is a `date`. Times without a zone are UTC, and a date is its first moment."""
Kind = Literal["text", "number", "flag", "moment"]
"""Only values of one kind are compared with each other."""

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:.*)?", re.ASCII)
_KINDS: dict[type, Kind] = {
    str: "text", int: "number", float: "number", bool: "flag", date: "moment", datetime: "moment",
}  # fmt: skip


def kind_of(value: object, piece: str) -> Kind:
    """The kind of a value.

    Args:
        value: Any value.
        piece: What it is part of, for the message.

    Raises:
        FilterError: It is no value that documents can be compared with.
    """
    kind = _KINDS.get(type(value))
    if kind is None:
        known = "text, a number, true, false, a date or a time"
        raise FilterError(piece, f"is compared with {known}, got {type(value).__name__}")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise FilterError(piece, f"the text holds a lone surrogate at character {error.start + 1}") from error
    if kind == "number" and not _in_range(value):
        raise FilterError(piece, "a number must be finite and below 1.8e308")
    if kind == "moment" and moment(value) is None:
        raise FilterError(piece, f"the time {value} is not within the years 1 to 9999 in UTC")
    return kind


def _in_range(value: Any) -> bool:
    try:
        return isfinite(float(value))
    except OverflowError:
        return False


def moment(value: object) -> datetime | None:
    """A date, a time or ISO 8601 text as a time in UTC without its zone; None for everything else.

    Examples:
        >>> moment("2024-05-01T10:00:00+02:00")
        datetime.datetime(2024, 5, 1, 8, 0)
        >>> moment(date(2024, 5, 1))
        datetime.datetime(2024, 5, 1, 0, 0)
        >>> moment("May 2024")
    """
    try:
        if isinstance(value, str):
            if not _ISO.fullmatch(value):
                return None
            value = datetime.fromisoformat(value)
        if not isinstance(value, date):
            return None
        if not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001  # UTC, as all times are here
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except (ValueError, OverflowError):
        return None


def written(value: Value) -> str:
    """A value as it is written in a condition.

    Examples:
        >>> print(written("it's"), written(True), written(-2.5), written(date(2024, 5, 1)))
        'it''s' true -2.5 DATE '2024-05-01'
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else repr(value)


def plain_value(value: Value) -> Any:
    """A value as JSON can have it: dates and times as `{"$date": …}`."""
    return {"$date": value.isoformat()} if isinstance(value, date) else value
