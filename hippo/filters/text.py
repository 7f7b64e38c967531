"""Text to a condition: sqlglot parses the tokens that were let in, and each node that comes out must be known."""

from datetime import date, datetime
from itertools import islice
from typing import cast

from sqlglot import Dialect, Token, exp

from hippo.errors import FilterError
from hippo.filters.condition import And, Between, Comparison, Condition, In, IsNull, Like, Not, Or
from hippo.filters.field import Field
from hippo.filters.tokens import ALLOWED, DIALECT, read_tokens, short
from hippo.filters.values import Value

__all__ = ["read_text"]

_SMALL = 20
"""Nodes of a syntax tree that is not shown any more."""


def read_text(where: str) -> Condition:
    """The condition that a text says.

    Raises:
        FilterError: It says anything else. `args[0]` is the piece at fault.
    """
    return _condition(_parsed(where, read_tokens(where)))


def _parsed(where: str, tokens: list[Token]) -> exp.Expression:
    try:
        found = Dialect.get_or_raise(DIALECT).parser().parse_into(exp.Condition, tokens, where)
    except RecursionError as error:
        raise FilterError(
            "where", "cannot be read from so deep in a program; Python's recursion limit is reached"
        ) from error
    except Exception as error:  # Whatever a parser stumbles over in hostile text.
        raise FilterError("where", f"is no whole condition{_place(error, where)}; {ALLOWED}") from error
    if len(found) != 1 or found[0] is None:
        raise FilterError("where", f"must be one condition, got {len(found)}")
    return cast("exp.Expression", found[0])


def _place(error: Exception, where: str) -> str:
    """Where the parser gave up, as far as it says."""
    faults = getattr(error, "errors", None) or [{}]
    line, column, piece = (faults[0].get(key) for key in ("line", "col", "highlight"))
    if not isinstance(line, int) or not isinstance(column, int) or not piece:
        return ""
    end = sum(len(text) + 1 for text in where.split("\n")[: line - 1]) + column
    return f", see {short(piece)} at character {max(1, end - len(piece) + 1)}"


_COMPARISONS: dict[type[exp.Expression], tuple[str, str]] = {
    exp.EQ: ("=", "="), exp.NEQ: ("!=", "!="),
    exp.LT: ("<", ">"), exp.LTE: ("<=", ">="), exp.GT: (">", "<"), exp.GTE: (">=", "<="),
}  # fmt: skip
"""Operator as it stands, and with the sides exchanged."""

_ARGUMENTS: dict[type[exp.Expression], set[str]] = {
    **{kind: {"this", "expression"} for kind in _COMPARISONS},
    exp.And: {"this", "expression"},
    exp.Or: {"this", "expression"},
    exp.Is: {"this", "expression"},
    exp.Escape: {"this", "expression"},
    exp.Dot: {"this", "expression"},
    exp.Like: {"this", "expression", "negate"},
    exp.ILike: {"this", "expression", "negate"},
    exp.Not: {"this"},
    exp.Paren: {"this"},
    exp.Neg: {"this"},
    exp.Boolean: {"this"},
    exp.Between: {"this", "low", "high"},
    exp.Cast: {"this", "to"},
    exp.Column: {"this", "table", "db", "catalog"},
    exp.Identifier: {"this", "quoted"},
    exp.In: {"this", "expressions", "field"},
    exp.Literal: {"this", "is_string"},
    exp.Null: set(),
}
"""All nodes that are understood, each with all that may be said in it."""


def _known(node: exp.Expression) -> exp.Expression:
    """The node out of its parentheses, if it is understood."""
    while isinstance(node, exp.Paren):
        node = node.this
    allowed = _ARGUMENTS.get(type(node))
    said = {name for name, value in node.args.items() if value not in (None, False, [])}
    if allowed is None or not said <= allowed:
        raise FilterError(_piece(node), f"is not allowed; {ALLOWED}")
    return node


def _piece(node: exp.Expression) -> str:
    """A node as text, if it is small."""
    if len(list(islice(node.walk(), _SMALL))) == _SMALL:
        return type(node).__name__.lower()
    return short(node.sql(DIALECT))


def _condition(node: exp.Expression) -> Condition:
    node = _known(node)
    if isinstance(node, exp.And | exp.Or):
        parts = tuple(_condition(part) for part in _chain(node))
        return And(parts) if isinstance(node, exp.And) else Or(parts)
    if isinstance(node, exp.Not):
        return Not(_condition(node.this))
    if type(node) in _COMPARISONS:
        return _comparison(node)
    if isinstance(node, exp.In):
        return _membership(node)
    if isinstance(node, exp.Escape | exp.Like | exp.ILike):
        return _like(node)
    if isinstance(node, exp.Between):
        return Between(_field(node.this), _value(node.args["low"]), _value(node.args["high"]))
    if isinstance(node, exp.Is) and isinstance(_known(node.expression), exp.Null):
        return IsNull(_field(node.this))
    problem = "is no condition; compare a field with a value, such as year >= 2020 or draft = true"
    raise FilterError(_piece(node), problem)


def _chain(node: exp.Expression) -> list[exp.Expression]:
    """Operands of `a and b and c`, which the parser nests to the left, one level each."""
    kind, operands = type(node), []
    while type(node) is kind:
        operands.append(_known(node).expression)
        node = node.this
    return [node, *reversed(operands)]


def _comparison(node: exp.Expression) -> Condition:
    left, right = _known(node.this), _known(node.expression)
    operator, exchanged = _COMPARISONS[type(node)]
    if _names(left) and _names(right):
        hint = f"compares two fields; text goes in single quotes: '{right.name}'"
        raise FilterError(_piece(node), hint)
    if _names(right):
        return Comparison(_field(right), exchanged, _value(left))
    return Comparison(_field(left), operator, _value(right))


def _membership(node: exp.In) -> Condition:
    """`field in (values)`, or `value in field`, which asks the same as `field = value`."""
    members = node.expressions
    container = node.args.get("field") or (members[0] if len(members) == 1 else None)
    if container is not None and _names(_known(container)) and not _names(_known(node.this)):
        return Comparison(_field(container), "=", _value(node.this))
    if node.args.get("field"):
        raise FilterError(_piece(node), "the list goes in parentheses: in (1, 2)")
    return In(_field(node.this), tuple(_value(member) for member in members))


def _like(node: exp.Expression) -> Condition:
    escape = None
    if isinstance(node, exp.Escape):
        escape, node = _text(node.expression), _known(node.this)
        if not isinstance(node, exp.Like | exp.ILike):
            raise FilterError("escape", "belongs to like and ilike")
    found = Like(_field(node.this), _text(node.expression), escape, isinstance(node, exp.ILike))
    return Not(found) if node.args.get("negate") else found


def _text(node: exp.Expression) -> str:
    node = _known(node)
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise FilterError(_piece(node), "like and escape take text in single quotes")
    return str(node.this)


def _names(node: exp.Expression) -> bool:
    return isinstance(node, exp.Column | exp.Dot)


def _field(node: exp.Expression) -> Field:
    node = _known(node)
    names: list[exp.Expression] = []
    while isinstance(node, exp.Dot):
        names.insert(0, _known(node.expression))
        node = _known(node.this)
    if not isinstance(node, exp.Column):
        raise FilterError(_piece(node), "is no field; a condition has its field on one side and a value on the other")
    names = [*(node.args[key] for key in ("catalog", "db", "table", "this") if node.args.get(key)), *names]
    for name in names:
        if not isinstance(name, exp.Identifier):
            raise FilterError(_piece(name), f'is no name; other keys go in double quotes: "{name.name}"')
    return Field.named(*(name.this for name in names))


def _value(node: exp.Expression) -> Value:
    node = _known(node)
    if isinstance(node, exp.Literal):
        return _text(node) if node.is_string else _number(node.this)
    if isinstance(node, exp.Neg) and isinstance(literal := _known(node.this), exp.Literal) and not literal.is_string:
        return -_number(literal.this)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string:
        return _time(node.this.this, node.to.this.name)
    if isinstance(node, exp.Null):
        raise FilterError("null", "is compared with is null and is not null")
    hint = f"; text goes in single quotes: '{node.name}'" if _names(node) else ""
    raise FilterError(_piece(node), f"is no value{hint}")


def _number(text: str) -> int | float:
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError as error:
        raise FilterError(short(text), "is no number that can be read") from error


def _time(text: str, kind: str) -> date:
    try:
        if kind == "DATE":
            return date.fromisoformat(text)
        if kind.startswith("TIMESTAMP"):
            return datetime.fromisoformat(text)
    except ValueError as error:
        example = "2024-05-01" if kind == "DATE" else "2024-05-01 10:00:00"
        raise FilterError(short(text), f"is no time in ISO 8601, such as {example}") from error
    raise FilterError(short(text), f"{kind} is not allowed; {ALLOWED}")
