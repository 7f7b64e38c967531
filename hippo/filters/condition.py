"""What documents must satisfy: a tree of conditions on their fields, with its text and its plain data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hippo.errors import FilterError
from hippo.filters.field import Field
from hippo.filters.values import Value, plain_value, written

__all__ = [
    "MOST_CHARACTERS",
    "MOST_CONDITIONS",
    "MOST_LEVELS",
    "OPERATORS",
    "And",
    "Between",
    "Comparison",
    "Condition",
    "In",
    "IsNull",
    "Like",
    "Not",
    "Or",
    "check_size",
]

MOST_CHARACTERS = 100_000
"""Of a condition's text."""
MOST_CONDITIONS = 500
"""Nodes of a tree."""
MOST_LEVELS = 12
"""Conditions within one another."""
_LONGEST_PATTERN = 1_000

OPERATORS = {"=": "$eq", "!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
"""Comparisons, as they are written in text and in mappings."""


class Condition:
    """Base of all conditions. `str` gives its text, which `parse_where` reads as the same tree.

    Two conditions are equal if they read the same: `x = 1` is neither `x = 1.0` nor `x = true`.
    """

    __slots__ = ()

    @property
    def parts(self) -> tuple["Condition", ...]:
        """Conditions that this one is made of."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for `json.dumps`, which `parse_where` reads as the same tree."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(Condition):
    """`field operator value`; the operator is one of `OPERATORS`."""

    field: Field
    operator: str
    value: Value

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise FilterError(f"{self.operator!r}", f"is no comparison. Known: {' '.join(OPERATORS)}")
        self.field.kind_of(self.value)

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {written(self.value)}"

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {str(self.field): {OPERATORS[self.operator]: plain_value(self.value)}}


class _Leaf(Condition):
    """A condition whose negation is written inside: `x not in (1)`."""

    __slots__ = ()

    def text(self, negation: str) -> str:
        """Its text, with a word in the place where it is negated."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.text("")


@dataclass(frozen=True, slots=True, eq=False)
class In(_Leaf):
    """`field in (values)`: it equals one of them. All are of one kind."""

    field: Field
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        kinds = {self.field.kind_of(value) for value in self.values}
        if not kinds:
            raise FilterError(f"{self.field} in", "the list is empty")
        if len(kinds) > 1:
            raise FilterError(f"{self.field} in", "the list mixes kinds of values; join two lists with or")

    def text(self, negation: str) -> str:  # noqa: D102
        return f"{self.field} {negation}in ({', '.join(map(written, self.values))})"

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {str(self.field): {"$in": [plain_value(value) for value in self.values]}}


@dataclass(frozen=True, slots=True, eq=False)
class Like(_Leaf):
    """`field like pattern`: all of the text fits, with `%` for any characters and `_` for one.

    Attributes:
        field: The field; text.
        pattern: The pattern.
        escape: ASCII character that makes the one after it in the pattern literal; None: there is none.
        ignore_case: Whether it is `ilike`.
    """

    field: Field
    pattern: str
    escape: str | None = None
    ignore_case: bool = False

    def __post_init__(self) -> None:
        piece = f"{self.field} like"
        if not isinstance(self.pattern, str) or self.field == Field(("timestamp",), own=True):
            raise FilterError(piece, "compares text with a text in quotes")
        self.field.kind_of(self.pattern)
        if len(self.pattern) > _LONGEST_PATTERN:
            raise FilterError(piece, f"a pattern has at most {_LONGEST_PATTERN} characters, got {len(self.pattern)}")
        if self.escape is not None and not (
            isinstance(self.escape, str) and len(self.escape) == 1 and self.escape.isascii()
        ):
            raise FilterError(piece, f"escape is one ASCII character, got {self.escape!r}")
        if None in (literal for _, literal in self.characters()):
            raise FilterError(piece, "the pattern ends with its escape character; write it twice")

    def characters(self) -> Iterator[tuple[str, bool | None]]:
        """Characters of the pattern, each with whether it stands for itself; None for an escape without a next one."""
        rest = iter(self.pattern)
        for character in rest:
            if character == self.escape:
                following = next(rest, None)
                yield (character, None) if following is None else (following, True)
            else:
                yield character, character not in "%_"

    def text(self, negation: str) -> str:  # noqa: D102
        escape = "" if self.escape is None else f" escape {written(self.escape)}"
        return f"{self.field} {negation}{'i' if self.ignore_case else ''}like {written(self.pattern)}{escape}"

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        data = {"$ilike" if self.ignore_case else "$like": self.pattern}
        return {str(self.field): data if self.escape is None else {**data, "$escape": self.escape}}


@dataclass(frozen=True, slots=True, eq=False)
class Between(_Leaf):
    """`field between low and high`, both included. They are of one kind."""

    field: Field
    low: Value
    high: Value

    def __post_init__(self) -> None:
        if self.field.kind_of(self.low) != self.field.kind_of(self.high):
            raise FilterError(f"{self.field} between", "the two values are of different kinds")

    def text(self, negation: str) -> str:  # noqa: D102
        return f"{self.field} {negation}between {written(self.low)} and {written(self.high)}"

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {str(self.field): {"$between": [plain_value(self.low), plain_value(self.high)]}}


@dataclass(frozen=True, slots=True, eq=False)
class IsNull(_Leaf):
    """`field is null`: it is missing or null, or a list of no more than nulls."""

    field: Field

    def text(self, negation: str) -> str:  # noqa: D102
        return f"{self.field} is {negation}null"

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {str(self.field): {"$exists": False}}


@dataclass(frozen=True, slots=True, eq=False)
class Not(Condition):
    """`not (condition)`. What is unknown stays unknown."""

    condition: Condition

    @property
    def parts(self) -> tuple[Condition, ...]:  # noqa: D102
        return (self.condition,)

    def __str__(self) -> str:
        return self.condition.text("not ") if isinstance(self.condition, _Leaf) else f"not ({self.condition})"

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"$not": self.condition.to_dict()}


@dataclass(frozen=True, slots=True, eq=False)
class And(Condition):
    """All of two or more conditions."""

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        _at_least_two(self.conditions, "and")

    @property
    def parts(self) -> tuple[Condition, ...]:  # noqa: D102
        return self.conditions

    def __str__(self) -> str:
        return " and ".join(map(_grouped, self.conditions))

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"$and": [condition.to_dict() for condition in self.conditions]}


@dataclass(frozen=True, slots=True, eq=False)
class Or(Condition):
    """At least one of two or more conditions."""

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        _at_least_two(self.conditions, "or")

    @property
    def parts(self) -> tuple[Condition, ...]:  # noqa: D102
        return self.conditions

    def __str__(self) -> str:
        return " or ".join(map(_grouped, self.conditions))

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {"$or": [condition.to_dict() for condition in self.conditions]}


def _at_least_two(conditions: tuple[Condition, ...], name: str) -> None:
    if len(conditions) < 2:
        raise FilterError(name, f"joins two or more conditions, got {len(conditions)}")


def _grouped(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, And | Or) else str(condition)


def check_size(condition: Condition, *, spare: bool = False) -> None:
    """Check that a tree is small enough to be walked and asked for.

    Args:
        condition: The tree.
        spare: Whether there is room for one more level that joins a condition, such as a session, to others.

    Raises:
        FilterError: It has too many conditions, too many levels, or too long a text.
    """
    count, level, row = (-2, -1, [condition]) if spare else (0, 0, [condition])
    while row:
        count, level = count + len(row), level + 1
        if level > MOST_LEVELS:
            raise FilterError("where", f"conditions nest deeper than {MOST_LEVELS} levels")
        if count > MOST_CONDITIONS:
            raise FilterError("where", f"has more than {MOST_CONDITIONS} conditions; a list in (…) is one")
        row = [part for item in row for part in item.parts]
    if (length := len(str(condition))) > MOST_CHARACTERS * (2 if spare else 1):
        raise FilterError("where", f"has {length:,} characters, at most {MOST_CHARACTERS:,} are read")
