"""Any text or tree: what is read is written and read again, and matches as a plain evaluation in Python does."""

import json
import string
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from operator import eq, ge, gt, le, lt
from time import perf_counter
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hippo.errors import FilterError
from hippo.filters import (
    And,
    Between,
    Comparison,
    Condition,
    Field,
    In,
    IsNull,
    Like,
    Not,
    Or,
    matching,
    parse_where,
)

Documents = Callable[[Sequence[dict[str, Any]]], pa.Table]
Truth = bool | None
"""None is unknown."""

ZONES = [None, UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=3, minutes=30))]
OPERATORS = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


def trees(leaves: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    def deeper(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(inner.map(Not), several.map(And), several.map(Or))

    return st.recursive(leaves, deeper, max_leaves=8)


# Any tree at all can be written and read.

texts = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.one_of(st.integers(), st.integers(-(10**300), 10**300), st.floats(allow_nan=False, allow_infinity=False))
times = st.one_of(
    st.dates(),
    st.datetimes(
        datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-28"), timezones=st.sampled_from(ZONES)
    ).map(
        lambda time: time.replace(fold=0)  # which no text tells
    ),
)
kinds = [texts, numbers, st.booleans(), times]
names = st.one_of(st.sampled_from("a year in select timestamp metadata".split()), texts.filter(bool))
fields = st.one_of(
    st.lists(names, min_size=1, max_size=3).map(lambda parts: Field(tuple(parts))),
    st.sampled_from([Field((name,), own=True) for name in ("id", "title", "source", "timestamp")]),
)


@st.composite
def any_leaf(draw: st.DrawFn) -> Condition:
    field, values = draw(fields), draw(st.sampled_from(kinds))
    try:
        return draw(
            st.one_of(
                st.builds(Comparison, st.just(field), st.sampled_from([*OPERATORS, "!="]), values),
                st.builds(In, st.just(field), st.lists(values, min_size=1, max_size=4).map(tuple)),
                st.builds(Between, st.just(field), values, values),
                st.builds(IsNull, st.just(field)),
                st.builds(
                    Like,
                    st.just(field),
                    texts,
                    st.one_of(st.none(), st.characters(max_codepoint=127)),
                    st.booleans(),
                ),
            )
        )
    except FilterError:
        assume(False)
        raise


@given(tree=trees(any_leaf()))
@settings(max_examples=50, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_text_and_mappings_round_trip(tree: Condition) -> None:
    try:
        assert parse_where(tree) is tree
    except FilterError:
        assume(False)  # too many levels
    for form in (str(tree), json.loads(json.dumps(tree.to_dict()))):
        again = parse_where(form)
        assert repr(again) == repr(tree)
        assert again == tree
        assert hash(again) == hash(tree)


# Trees over few fields and values, so that much matches, against an evaluation in plain Python.

FEW_TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "a%b",
    "x_y",
    "é",
    "it's",
    "\0",
    "2024-05-01",
    "2024-05-01T10:00:00+02:00",
    "9999-99-99",
]
FEW_NUMBERS = [0, 1, -1, 0.5, 1.0, -0.0, 2**53, 2**53 + 1, float(2**53), 10**30, 1e30]
FEW_TIMES = [
    date(2024, 5, 1),
    datetime.fromisoformat("2024-05-01T08:00"),
    datetime.fromisoformat("2024-05-01T12:00+04:00"),
    datetime.fromisoformat("2024-04-30T22:00-02:00"),
]
POOLS: list[list[Any]] = [FEW_TEXTS, FEW_NUMBERS, [True, False], FEW_TIMES]
PATHS = [("a",), ("b",), ("b", "a"), ("id",)]
PATTERNS = ["", "%", "_", "a%", "%b", "a!%b", "%!_%", "_%_", "!!", "A", "2024%", "%%a%%"]

values = st.sampled_from([*FEW_TEXTS, *FEW_NUMBERS, True, False, None])
nested = st.recursive(
    values,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=4,
)
rows = st.fixed_dictionaries(
    {"id": st.sampled_from(FEW_TEXTS), "metadata": st.dictionaries(st.sampled_from(["a", "b", "id"]), nested)},
    optional={
        "title": st.sampled_from(FEW_TEXTS),
        "timestamp": st.sampled_from(["2024-05-01T00:00:00+00:00", "2024-05-01T10:00:00+02:00", None]),
    },
)


@st.composite
def leaves(draw: st.DrawFn) -> Condition:
    own = draw(st.sampled_from([None, None, "id", "title", "timestamp"]))
    field = Field((own,), own=True) if own else Field(draw(st.sampled_from(PATHS)))
    pool = draw(st.sampled_from(POOLS)) if not own else FEW_TIMES if own == "timestamp" else FEW_TEXTS
    value = st.sampled_from(pool)
    shape = draw(st.integers(0, 4))
    if shape == 0 and own != "timestamp":
        return Like(field, draw(st.sampled_from(PATTERNS)), "!", draw(st.booleans()))
    if shape == 1:
        return In(field, tuple(draw(st.lists(value, min_size=1, max_size=3))))
    if shape == 2:
        return Between(field, draw(value), draw(value))
    if shape == 3:
        return IsNull(field)
    return Comparison(field, draw(st.sampled_from([*OPERATORS, "!="])), draw(value))


def found(node: Any, path: Sequence[str]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from found(item, path)
    elif path:
        if isinstance(node, dict):
            yield from found(node.get(path[0]), path[1:])
    elif node is not None:
        yield node


def instant(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if len(value) >= 10 else None
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def comparable(value: Any, with_: Any) -> Any:
    """A document's value as it is compared with a condition's, None if it is not."""
    if isinstance(with_, date):
        return instant(value)
    if isinstance(with_, bool) or isinstance(value, bool):
        return value if type(value) is type(with_) else None
    if isinstance(with_, str):
        return value if isinstance(value, str) else None
    return value if isinstance(value, int | float) else None


def compared(value: Any) -> Any:
    return instant(value) if isinstance(value, date) else value


def like(text: str, pattern: list[tuple[str, bool | None]]) -> bool:
    if not pattern:
        return not text
    (character, literal), rest = pattern[0], pattern[1:]
    if not literal and character == "%":
        return any(like(text[start:], rest) for start in range(len(text) + 1))
    return bool(text) and (text[0] == character if literal else True) and like(text[1:], rest)


def holds(condition: Condition, row: dict[str, Any]) -> Truth:
    match condition:
        case And(parts):
            truths = [holds(part, row) for part in parts]
            return False if False in truths else None if None in truths else True
        case Or(parts):
            truths = [holds(part, row) for part in parts]
            return True if True in truths else None if None in truths else False
        case Not(part):
            truth = holds(part, row)
            return None if truth is None else not truth
        case Comparison(field, "!=", value):
            return holds(Not(Comparison(field, "=", value)), row)
    field: Field = condition.field  # type: ignore[attr-defined]
    seen = [*found(row.get(field.path[0]) if field.own else row["metadata"], () if field.own else field.path)]
    match condition:
        case IsNull():
            return not seen
        case Comparison(_, operator, value):
            tests = [OPERATORS[operator](x, compared(value)) for v in seen if (x := comparable(v, value)) is not None]
        case In(_, members):
            kind = members[0]
            wanted = [compared(member) for member in members]
            tests = [x in wanted for v in seen if (x := comparable(v, kind)) is not None]
        case Between(_, low, high):
            tests = [compared(low) <= x <= compared(high) for v in seen if (x := comparable(v, low)) is not None]
        case Like(_, _, _, ignore_case):
            fold = str.upper if ignore_case else str
            folded = [(fold(character), literal) for character, literal in condition.characters()]
            tests = [like(fold(v), folded) for v in seen if isinstance(v, str)]
    return any(tests) if tests else None


@given(tree=trees(leaves()), rows=st.lists(rows, min_size=1, max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_documents_match_as_in_plain_python(documents: Documents, tree: Condition, rows: list[dict[str, Any]]) -> None:
    expected = [holds(tree, row) is True for row in rows]
    assert matching(tree, documents(rows)).tolist() == expected


def test_a_wrong_answer_would_be_seen(documents: Documents) -> None:
    rows = [{"id": "x", "metadata": {"a": value}} for value in (1, True, "1", None, [1, 2], [])]
    for text, truths in {
        "a = 1": [True, None, None, None, True, None],
        "a != 1": [False, None, None, None, False, None],
        "a > 1": [False, None, None, None, True, None],
        "a is null": [False, False, False, True, False, True],
    }.items():
        assert [holds(parse_where(text), row) for row in rows] == truths
        assert matching(parse_where(text), documents(rows)).tolist() == [truth is True for truth in truths]


# Any text at all is read or refused.

SOUP = [
    *"a b id timestamp metadata . , ( ) = == != <> < <= > >= - and or not in like ilike escape between is null".split(),
    *"true false date timestamp select from ; -- /* */ :: [ ] { } ? $1 @ * + / % | & ! ~ ' \" $$ \\ interval".split(),
    *(
        "'x'",
        '"y"',
        "1",
        "2.5",
        "'2024-05-01'",
        "'%'",
        "1e5",
        "e'x'",
        "x'1f'",
        "case",
        "end",
        "cast",
        "as",
        "over",
        "row",
    ),
]


def check_read_or_refused(text: str) -> None:
    start = perf_counter()
    try:
        condition = parse_where(text)
    except FilterError as error:
        assert isinstance(error.args[0], str)  # noqa: PT017
    else:
        assert repr(parse_where(str(condition))) == repr(condition)
        assert repr(parse_where(condition.to_dict())) == repr(condition)
    assert perf_counter() - start < 10


@given(text=st.one_of(st.text(), st.text(string.printable)))
@settings(max_examples=50)
def test_any_text_is_read_or_refused(text: str) -> None:
    check_read_or_refused(text)
    check_read_or_refused(f"a = {text}")
    check_read_or_refused(f"a = '{text}")
    check_read_or_refused(f'"{text}" = 1')


@given(words=st.lists(st.sampled_from(SOUP), max_size=25), gap=st.sampled_from(["", " ", "\n"]))
@settings(max_examples=50)
def test_any_words_are_read_or_refused(words: list[str], gap: str) -> None:
    check_read_or_refused(gap.join(words))


@given(tree=trees(leaves()), place=st.integers(0, 10_000), piece=st.sampled_from([*SOUP, ""]), length=st.integers(0, 3))
@settings(max_examples=60)
def test_nearly_right_text_is_read_or_refused(tree: Condition, place: int, piece: str, length: int) -> None:
    text = str(tree)
    place %= len(text) + 1
    check_read_or_refused(f"{text[:place]}{piece}{text[place + length :]}")


@given(data=st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from("a.b x $and $or $not $eq $in $like $escape $exists $between $date $ne".split()) | st.text(),
            inner,
            max_size=3,
        ),
    ),
))  # fmt: skip
@settings(max_examples=60)
def test_any_json_is_read_or_refused(data: Any) -> None:
    check_read_or_refused({"a": data, "$or": [data, data]} if not isinstance(data, dict) else data)  # type: ignore[arg-type]
