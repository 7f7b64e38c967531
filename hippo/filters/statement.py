"""A condition as one SELECT, whose text is made of constants of this module alone: all values are parameters."""

from collections.abc import Iterator, Mapping
from typing import Any

from hippo.filters.condition import And, Between, Comparison, Condition, In, IsNull, Like, Not, Or
from hippo.filters.field import Field
from hippo.filters.values import Kind, Value, moment

__all__ = ["Select", "compared"]

_OPERATORS = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TYPES: dict[Kind, str] = {"text": "VARCHAR", "number": "BIGINT", "flag": "BOOLEAN", "moment": "TIMESTAMP"}
_SPECIAL = frozenset("\\.+*?()|[]{}^$")


def compared(condition: Condition) -> Iterator[tuple[Field, Kind | None, tuple[Value, ...]]]:
    """Each field that is looked at, as what, and the values that it is compared with, from left to right."""
    match condition:
        case Comparison(field, _, value):
            yield field, field.kind_of(value), (value,)
        case In(field, values):
            yield field, field.kind_of(values[0]), values
        case Between(field, low, high):
            yield field, field.kind_of(low), (low, high)
        case Like(field):
            yield field, "text", ()
        case IsNull(field):
            yield field, None, ()
        case _:
            for part in condition.parts:
                yield from compared(part)


class Select:
    """The rows of cells (see `hippo.filters.cells`) whose documents satisfy a condition.

    A condition holds for a document when it does for one of the field's values of its kind. `bool_or` says just that:
    it is null, unknown, where there is none.

    Attributes:
        text: The statement. It depends on the shape of the condition, never on what is in it.
        parameters: A value for each of its question marks.
    """

    def __init__(self, condition: Condition, fields: Mapping[Field, int], ranks: Mapping[float, int]) -> None:
        """Write it.

        Args:
            condition: What must hold.
            fields: Index of each field.
            ranks: Rank of each number.
        """
        self._fields = fields
        self._ranks = ranks
        self.parameters: list[Any] = []
        self.text = f'SELECT "row" FROM cells GROUP BY "row" HAVING {self._test(condition)}'  # noqa: S608

    def _test(self, condition: Condition) -> str:
        match condition:
            case And(conditions):
                return f"({' AND '.join(map(self._test, conditions))})"
            case Or(conditions):
                return f"({' OR '.join(map(self._test, conditions))})"
            case Not(negated):
                return f"(NOT {self._test(negated)})"
            case IsNull(field):
                return f"(count(*) FILTER (WHERE field = {self._fields[field]:d}) = 0)"
            case Comparison(field, "!=", value):
                return f"(NOT {self._test(Comparison(field, '=', value))})"
            case Comparison(field, operator, value):
                return self._one(field, f"{field.kind_of(value)} {_OPERATORS[operator]} {self._bound(field, value)}")
            case In(field, values):
                kind = field.kind_of(values[0])
                self.parameters.append([self._comparable(kind, value) for value in values])
                return self._one(field, f"{kind} IN (SELECT unnest(CAST(? AS {_TYPES[kind]}[])))")
            case Between(field, low, high):
                marks = f"{self._bound(field, low)} AND {self._bound(field, high)}"
                return self._one(field, f"{field.kind_of(low)} BETWEEN {marks}")
            case Like(field):
                self.parameters.append(_expression(condition))
                options = "'si'" if condition.ignore_case else "'s'"
                return self._one(field, f"regexp_full_match(text, ?, {options})")
        raise TypeError(f"no condition: {type(condition).__name__}")

    def _one(self, field: Field, test: str) -> str:
        return f"(bool_or({test}) FILTER (WHERE field = {self._fields[field]:d}))"

    def _bound(self, field: Field, value: Value) -> str:
        """The mark of a parameter."""
        self.parameters.append(self._comparable(field.kind_of(value), value))
        return "?"

    def _comparable(self, kind: Kind, value: Any) -> Any:
        """A value as cells have it."""
        if kind == "number":
            return self._ranks[value]
        return moment(value) if kind == "moment" else value


def _expression(like: Like) -> str:
    """A pattern as a regular expression, which DuckDB matches in linear time; its LIKE goes back at every `%`.

    Examples:
        >>> from hippo.filters.field import Field
        >>> _expression(Like(Field(("title",), own=True), "50!% of_%%", escape="!"))
        '50% of..*'
    """
    parts: list[str] = []
    for character, literal in like.characters():
        if literal:
            parts.append(f"\\{character}" if character in _SPECIAL else character)
        elif character == "_":
            parts.append(".")
        elif parts[-1:] != [".*"]:
            parts.append(".*")
    return "".join(parts)
