"""Arguments that several methods of a memory take, checked in one place."""

from collections.abc import Mapping
from datetime import date, datetime
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias

from hippo.errors import QuestionError

if TYPE_CHECKING:
    from hippo.filters import Condition

__all__ = ["AsOf", "Where", "condition", "moment", "whole", "within"]

Where: TypeAlias = "str | Mapping[str, Any] | Condition | None"
"""A condition on the metadata of documents, as text or as a mapping; None: all documents."""

AsOf = datetime | date | str | None
"""A time: a datetime (UTC without a zone), a date (its first moment) or ISO 8601 text; None: the present documents."""


def condition(where: Where) -> "Condition | None":
    """The condition that a text or mapping says.

    Raises:
        FilterError: It is wrong.
    """
    if where is None:
        return None
    from hippo.filters import parse_where

    return parse_where(where)


def within(session: str | None, where: Where) -> "Condition | None":
    """A condition that holds within a session alone.

    Args:
        session: Name of a session; None: all.
        where: A condition; None: there is none.

    Raises:
        FilterError: The condition is wrong.

    Examples:
        >>> str(within("chat-7", "year > 2020"))
        "session = 'chat-7' and year > 2020"
    """
    asked = condition(where)
    if session is None:
        return asked
    from hippo.filters import And

    one = condition({"session": session})
    return one if asked is None or one is None else And((one, asked))


def moment(as_of: AsOf) -> datetime | None:
    """A time in UTC, without its zone.

    Raises:
        QuestionError: It is no time.
    """
    if as_of is None:
        return None
    from hippo.filters.values import moment as parsed

    found = parsed(as_of)
    if found is None:
        problem = "as_of must be a datetime, a date or their ISO 8601 text, such as 2024-05-01 or 2024-05-01T10:00:00Z"
        raise QuestionError(problem, as_of)
    return found


def whole(name: str, value: object) -> int:
    """A whole number of at least 1.

    Raises:
        QuestionError: It is none.
    """
    if type(value) is bool or not isinstance(value, Integral) or int(value) < 1:
        raise QuestionError(f"{name} must be a whole number of at least 1", value)
    return int(value)
