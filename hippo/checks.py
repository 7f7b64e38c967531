"""Arguments that several methods of a memory take, checked in one place."""

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

from hippo.errors import QuestionError

if TYPE_CHECKING:
    from hippo.filters import Condition

__all__ = ["Where", "condition", "whole"]

Where = str | Mapping[str, Any] | None
"""A condition on the metadata of documents, as text or as a mapping; None: all documents."""


def condition(where: Where) -> "Condition | None":
    """The condition that a text or mapping says.

    Raises:
        FilterError: It is wrong.
    """
    if where is None:
        return None
    from hippo.filters import parse_where

    return parse_where(where)


def whole(name: str, value: object) -> int:
    """A whole number of at least 1.

    Raises:
        QuestionError: It is none.
    """
    if type(value) is bool or not isinstance(value, Integral) or int(value) < 1:
        raise QuestionError(f"{name} must be a whole number of at least 1", value)
    return int(value)
