"""Text to numbers, booleans, dates and times, where it reads so without doubt."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from types import MappingProxyType

__all__ = ["ALL_TEXT", "Cell", "Kind", "infer_kinds", "read_cell", "read_scalar"]

Cell = str | int | float | bool | None
Kind = Callable[[str], Cell]
"""The value of a text without white space around it, or None where it does not read so."""

# Leading zeros, plus signs, spaces and more than 15 digits, which not every reader of JSON keeps, are marks of codes,
# telephone numbers and the like: no quantities.
_INTEGER = re.compile(r"-?[1-9]\d{0,14}|0", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,20}(?:[eE][-+]?\d{1,3})?|[eE][-+]\d{1,3})?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:.{2,30})?", re.ASCII)
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def _integer(text: str) -> Cell:
    return int(text) if _INTEGER.fullmatch(text) else None


def _number(text: str) -> Cell:
    value = float(text) if _NUMBER.fullmatch(text) else None
    return value if value is not None and isfinite(value) else None


def _flag(text: str) -> Cell:
    return _FLAGS.get(text)


def _moment(text: str) -> Cell:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return text if len(text) == len("2024-05-01") else value.isoformat()


_KINDS: tuple[Kind, ...] = (_integer, _number, _flag, _moment)
"""The narrower ones first: what reads as an integer also reads as a number."""
ALL_TEXT: Mapping[int, Kind | None] = MappingProxyType({})
"""No column is looked at."""


def read_scalar(text: str) -> Cell:
    """The value that a text alone reads as; the text itself if none.

    Examples:
        >>> [read_scalar(text) for text in ("42", "-1.5", "true", "2024-05-01", "007", "no")]
        [42, -1.5, True, '2024-05-01', '007', 'no']
    """
    for kind in _KINDS:
        if (value := kind(text.strip())) is not None:
            return value
    return text


def infer_kinds(rows: Iterable[Sequence[str]], columns: Collection[int]) -> Mapping[int, Kind | None]:
    """What the cells of columns are: of one kind only where every cell that is not blank reads so.

    Args:
        rows: Cells of each row.
        columns: Positions of the columns to look at.

    Returns:
        A kind, or None for text, by position. Memory grows with the columns alone.

    Examples:
        >>> kinds = infer_kinds([["1", "2", "x"], ["0.5", "", "3"]], (0, 1, 2))
        >>> [read_cell(cell, kinds[column]) for column, cell in enumerate(["1", "", "3"])]
        [1.0, None, '3']
    """
    possible = dict.fromkeys(columns, _KINDS)
    for row in rows:
        for column, kinds in list(possible.items()):
            if text := row[column].strip():
                possible[column] = tuple(kind for kind in kinds if kind(text) is not None)
                if not possible[column]:
                    del possible[column]
    return {column: possible[column][0] if column in possible else None for column in columns}


def read_cell(cell: str, kind: Kind | None) -> Cell:
    """The value of a cell, whose column is of a kind or text: a blank one is None."""
    text = cell.strip()
    if not text:
        return None
    value = kind(text) if kind else None
    # Text after all: the table has changed since its kinds were inferred.
    return cell if value is None else value
