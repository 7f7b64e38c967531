"""Plain data to a condition: `{"year": {"$gte": 2020}, "lang": "en"}`, as stores of vectors take it."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from numbers import Integral, Real
from typing import Any

from hippo.errors import FilterError
from hippo.filters.condition import (
    MOST_LEVELS,
    OPERATORS,
    And,
    Between,
    Comparison,
    Condition,
    In,
    IsNull,
    Like,
    Not,
    Or,
    check_size,
)
from hippo.filters.field import Field
from hippo.filters.values import Value

__all__ = ["read_mapping"]

_COMPARISONS = {name: operator for operator, name in OPERATORS.items()}
_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_KNOWN = "$eq $ne $lt $lte $gt $gte $in $nin $between $like $ilike $escape $exists $not"


def read_mapping(where: Mapping[Any, Any], levels: int = 2 * MOST_LEVELS) -> Condition:
    """The condition that a mapping says: all of its entries.

    Args:
        where: Fields with what they must be, and `$and`, `$or`, `$not` with more mappings.
        levels: Most mappings within one another.

    Raises:
        FilterError: It says anything else. `args[0]` is the piece at fault.
    """
    if not isinstance(where, Mapping):
        raise FilterError(_shown(where), "must be a mapping of fields to values")
    if levels == 0:
        raise FilterError("where", f"conditions nest deeper than {MOST_LEVELS} levels")
    condition = _all([_entry(key, value, levels - 1) for key, value in where.items()])
    check_size(condition)  # Here, since mappings that share their parts can be far larger as trees.
    return condition


def _shown(value: object) -> str:
    return type(value).__name__ if not isinstance(value, str) else repr(value if len(value) <= 40 else f"{value[:39]}…")


def _all(conditions: Sequence[Condition]) -> Condition:
    if not conditions:
        raise FilterError("{}", "is empty; say what must hold, or leave the filter out")
    return conditions[0] if len(conditions) == 1 else And(tuple(conditions))


def _entry(key: object, value: Any, levels: int) -> Condition:
    if not isinstance(key, str):
        raise FilterError(_shown(key), "a field's name must be text")
    if key in ("$and", "$or"):
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise FilterError(key, f"takes a list of mappings, got {type(value).__name__}")
        parts = [read_mapping(part, levels) for part in value]
        return Or(tuple(parts)) if key == "$or" and len(parts) > 1 else _all(parts)
    if key == "$not":
        return Not(read_mapping(value, levels))
    if key.startswith("$"):
        raise FilterError(_shown(key), f"is unknown. Known: $and $or $not; in a field: {_KNOWN}")
    return _field_entry(Field.named(*_names(key)), value, levels)


def _names(key: str) -> list[str]:
    """Keys of a dotted path; a part in double quotes may have dots."""
    names, place = [], 0
    while found := _PART.match(key, place):
        names.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        place = found.end()
        if place == len(key):
            return names
        if key[place] != ".":
            break
        place += 1
    raise FilterError(_shown(key), 'is no field; keys are joined by dots, and those with dots or " stand in " and "')


def _field_entry(field: Field, value: Any, levels: int) -> Condition:
    """All that is said of one field."""
    if levels == 0:
        raise FilterError("where", f"conditions nest deeper than {MOST_LEVELS} levels")
    if not isinstance(value, Mapping) or set(value) == {"$date"}:
        return _comparison(field, "=", value)
    if "$escape" in value and not {"$like", "$ilike"} & set(value):
        raise FilterError("$escape", "belongs to $like and $ilike")
    escape = value.get("$escape")
    return _all([_test(field, name, given, escape, levels) for name, given in value.items() if name != "$escape"])


def _test(field: Field, name: object, given: Any, escape: Any, levels: int) -> Condition:
    if name in _COMPARISONS:
        return _comparison(field, _COMPARISONS[name], given)
    if name in ("$like", "$ilike"):
        return Like(field, _value(field, given), escape, name == "$ilike")  # type: ignore[arg-type]  # checked there
    if name == "$not":
        if not isinstance(given, Mapping):
            raise FilterError(f"{field} $not", 'takes a mapping; to say that it differs use {"$ne": …}')
        return Not(_field_entry(field, given, levels - 1))
    if name == "$exists":
        if not isinstance(given, bool):
            raise FilterError(f"{field} $exists", f"takes true or false, got {_shown(given)}")
        return Not(IsNull(field)) if given else IsNull(field)
    if isinstance(name, str) and name in _LISTS:
        if not isinstance(given, Sequence) or isinstance(given, str | bytes):
            raise FilterError(f"{field} {name}", f"takes a list, got {type(given).__name__}")
        return _LISTS[name](field, tuple(_value(field, item) for item in given))
    hint = "; a key within it is written with a dot" if isinstance(name, str) and not name.startswith("$") else ""
    raise FilterError(f"{field} {_shown(name)}", f"is unknown{hint}. Known: {_KNOWN}")


def _between(field: Field, values: tuple[Value, ...]) -> Condition:
    if len(values) != 2:
        raise FilterError(f"{field} $between", f"takes two values, got {len(values)}")
    return Between(field, *values)


_LISTS: dict[str, Callable[[Field, tuple[Value, ...]], Condition]] = {
    "$in": In,
    "$nin": lambda field, values: Not(In(field, values)),
    "$between": _between,
}


def _comparison(field: Field, operator: str, given: Any) -> Condition:
    if given is None and operator in ("=", "!="):
        return IsNull(field) if operator == "=" else Not(IsNull(field))
    return Comparison(field, operator, _value(field, given))


def _value(field: Field, given: Any) -> Value:
    """A value in its plainest type; numbers of other libraries become Python's."""
    if isinstance(given, Mapping) and set(given) == {"$date"}:
        return _date(field, given["$date"])
    if isinstance(given, date):
        return _date(field, given.isoformat())
    if isinstance(given, str):
        return str.__str__(given)
    if isinstance(given, bool):
        return given
    if isinstance(given, Real):
        return int(given) if isinstance(given, Integral) else float(given)
    if isinstance(given, Sequence | Mapping):
        raise FilterError(str(field), f'is compared with one value, got a {type(given).__name__}; see {{"$in": […]}}')
    field.kind_of(given)
    raise FilterError(str(field), f"cannot be compared with a {type(given).__name__}")


def _date(field: Field, text: Any) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise FilterError(f"{field} $date", f"{_shown(text)} is no time in ISO 8601, such as 2024-05-01") from error
