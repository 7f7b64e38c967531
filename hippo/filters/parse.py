"""What a user asks documents to satisfy, as text or as a mapping, to a condition."""

from collections.abc import Mapping
from reprlib import Repr
from typing import Any

from hippo.errors import FilterError
from hippo.filters.condition import Condition, check_size
from hippo.filters.mapping import read_mapping
from hippo.filters.text import read_text

__all__ = ["parse_where"]

_SHOWN = 120
_MOST_SAID = 600
_repr = Repr()
_repr.maxother = _repr.maxstring = 40


def parse_where(where: str | Mapping[str, Any] | Condition) -> Condition:
    """Read a condition on documents.

    Both forms say the same, and what a condition says of itself, by `str` and `to_dict`, is read as the same tree.

    Args:
        where: Text such as `year >= 2020 and lang = 'en'`, a mapping such as `{"year": {"$gte": 2020}, "lang": "en"}`,
            or a condition, which comes back. See `hippo.filters` for what can be said.

    Returns:
        A tree of at most `MOST_CONDITIONS` conditions on `MOST_LEVELS` levels, beside what joins a condition to it.

    Raises:
        FilterError: It is anything else; the message names the piece, its place in a text, and what is allowed.

    Examples:
        >>> str(parse_where("lang='en' AND NOT year<2020"))
        "lang = 'en' and not (year < 2020)"
        >>> str(parse_where({"tags": {"$in": ["a", "b"]}, "author.name": {"$exists": True}}))
        "tags in ('a', 'b') and author.name is not null"
        >>> parse_where("year >= 2020").to_dict()
        {'year': {'$gte': 2020}}
    """
    try:
        condition = _read(where)
        # Who puts two conditions together, each of which may be read, need not count.
        check_size(condition, spare=isinstance(where, Condition))
    except FilterError as error:
        piece, problem = error.args
        said = f"{_short(_printable(piece))}: {_short(_printable(problem), _MOST_SAID)}"
        raise FilterError(_shown(where), said) from error
    return condition


def _read(where: object) -> Condition:
    if isinstance(where, Condition):
        return where
    if isinstance(where, str):
        return read_text(where)
    if isinstance(where, Mapping):
        return read_mapping(where)
    raise FilterError("where", f"must be text or a mapping, got {type(where).__name__}")


def _shown(where: object) -> str:
    return _short(where if isinstance(where, str) else _repr.repr(where))


def _short(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _printable(text: str) -> str:
    """Text that does no harm on a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
