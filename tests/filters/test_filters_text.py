"""Text is read into the tree that it says, or refused with the piece at fault."""

from datetime import date, datetime, timedelta, timezone
from time import thread_time
from typing import cast

import pytest
from sqlglot import Dialect, exp
from sqlglot.errors import SqlglotError

from hippo.checks import within
from hippo.errors import FilterError
from hippo.filters import And, Between, Comparison, Condition, Field, In, IsNull, Like, Not, Or, parse_where
from hippo.filters.condition import MOST_CHARACTERS, MOST_CONDITIONS, MOST_LEVELS
from hippo.filters.text import _condition

A, B, C = (Field((name,)) for name in "abc")
A1, B2, C3 = Comparison(A, "=", 1), Comparison(B, "=", 2), Comparison(C, "=", 3)
ID, TIMESTAMP = Field(("id",), own=True), Field(("timestamp",), own=True)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = 1", A1),
        ("a == 1", A1),
        ("(a) = ((1))", A1),
        ("1 = a", A1),
        ("a != 1", Comparison(A, "!=", 1)),
        ("a <> 1", Comparison(A, "!=", 1)),
        ("1 < a", Comparison(A, ">", 1)),
        ("1 >= a", Comparison(A, "<=", 1)),
        ("a = -1", Comparison(A, "=", -1)),
        ("a = 1.5", Comparison(A, "=", 1.5)),
        ("a = .5e3", Comparison(A, "=", 500.0)),
        ("a = 9007199254740993", Comparison(A, "=", 9007199254740993)),
        ("a = 'it''s -- no; comment'", Comparison(A, "=", "it's -- no; comment")),
        ("a = ''", Comparison(A, "=", "")),
        ("a = 'x\\'", Comparison(A, "=", "x\\")),
        ("a = TRUE", Comparison(A, "=", True)),
        ("a >= DATE '2024-05-01'", Comparison(A, ">=", date(2024, 5, 1))),
        ("a < timestamp '2024-05-01 10:00'", Comparison(A, "<", datetime.fromisoformat("2024-05-01T10:00"))),
        (
            "a < timestamp '2024-05-01T10:00+02:00'",
            Comparison(A, "<", datetime(2024, 5, 1, 10, tzinfo=timezone(timedelta(hours=2)))),
        ),
        ("a IN (1, -2.5)", In(A, (1, -2.5))),
        ("a NOT IN ('x')", Not(In(A, ("x",)))),
        ("'x' in a", Comparison(A, "=", "x")),
        ("'x' in (a)", Comparison(A, "=", "x")),
        ("'x' not in a", Not(Comparison(A, "=", "x"))),
        ("a like 'x%'", Like(A, "x%")),
        ("a not like 'x!%' escape '!'", Not(Like(A, "x!%", "!"))),
        ("a ilike 'x'", Like(A, "x", ignore_case=True)),
        ("a not ilike 'x'", Not(Like(A, "x", ignore_case=True))),
        ("a between 1 and 2", Between(A, 1, 2)),
        ("a not between 1 and 2 and b = 2", And((Not(Between(A, 1, 2)), B2))),
        ("a is null", IsNull(A)),
        ("a IS NOT NULL", Not(IsNull(A))),
        ("a = 1 and b = 2 and c = 3", And((A1, B2, C3))),
        ("a = 1 or b = 2 or c = 3", Or((A1, B2, C3))),
        ("a = 1 or b = 2 and c = 3", Or((A1, And((B2, C3))))),
        ("a = 1 and b = 2 or c = 3", Or((And((A1, B2)), C3))),
        ("(a = 1 or b = 2) and c = 3", And((Or((A1, B2)), C3))),
        ("not a = 1 and b = 2", And((Not(A1), B2))),
        ("not (a = 1 and b = 2)", Not(And((A1, B2)))),
        ("not not a = 1", Not(Not(A1))),
        ("a\n=\t1", A1),
        ("id = 'x'", Comparison(ID, "=", "x")),
        ('"id" = \'x\'', Comparison(ID, "=", "x")),
        ("metadata.id = 5", Comparison(Field(("id",)), "=", 5)),
        ("ID = 5", Comparison(Field(("ID",)), "=", 5)),
        ("author.name.first = 'Ada'", Comparison(Field(("author", "name", "first")), "=", "Ada")),
        ("a.b.c.d.e.f = 1", Comparison(Field(tuple("abcdef")), "=", 1)),
        ("\"a.b\".\"c \"\"d\" = 1", Comparison(Field(("a.b", 'c "d')), "=", 1)),
        ("größe = 1", Comparison(Field(("größe",)), "=", 1)),
        ("timestamp >= '2024-05-01'", Comparison(TIMESTAMP, ">=", "2024-05-01")),
        ("timestamp between '2024-05-01' and DATE '2024-06-01'", Between(TIMESTAMP, "2024-05-01", date(2024, 6, 1))),
    ],
)  # fmt: skip
def test_text_is_read(text: str, tree: Condition) -> None:
    found = parse_where(text)
    assert repr(found) == repr(tree)  # which, unlike ==, tells 1 from 1.0 and True in any case
    assert found == tree
    assert repr(parse_where(str(found))) == repr(tree)
    assert repr(parse_where(found.to_dict())) == repr(tree)


WORDS = """select from where group order by limit case when end cast union all any some exists date timestamp interval
current_date current_timestamp user array struct map row table create drop set copy attach pragma load install with
values default int text json year desc left lambda if distinct on offset using window glob similar metadata_
""".split()


@pytest.mark.parametrize("word", [word for word in WORDS if word != "timestamp"])
def test_words_of_sql_are_names(word: str) -> None:
    for text in (f"{word} = 1", f"1 = {word}", f"x.{word} = 1 and {word}.x = 1", f"{word} in (1)", f"{word} is null"):
        found = parse_where(text)
        assert str(parse_where(str(found))) == str(found)
    assert parse_where(f"{word} = 1") == Comparison(Field((word,)), "=", 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "where: is empty"),
        (" \n", "where: is empty"),
        ("count(*) > 1", "( at character 6: calls a function, which is not allowed; allowed are names"),
        ("a = (select 1)", "1 at character 13: an operator is missing before it"),
        ("a = 1::int", ":: at character 6: is not allowed"),
        ("cast(a as int) = 1", "( at character 5: calls a function"),
        ("a + 1 = 2", "+ at character 3: is not allowed"),
        ("a - 1 = 2", "- at character 3: is arithmetic, which is not allowed; a name with - goes in double quotes"),
        ("a = 1; drop table x", "; at character 6: is not allowed"),
        ("a = 1 -- x", "1 at character 5: a comment stands beside it, which is not allowed"),
        ("a = 1 /* x */", "1 at character 5: a comment stands beside it"),
        ("a = ?", "? at character 5: is not allowed"),
        ("a = $1", "$ at character 5: is not allowed"),
        ("a = :x", ": at character 5: is not allowed"),
        ("a[1] = 2", "[ at character 2: is not allowed"),
        ("* = 1", "* at character 1: is not allowed"),
        ("a.* = 1", "* at character 3: is not allowed"),
        ("a.1 = 2", '1: is no name; other keys go in double quotes: "1"'),
        ("sum(a) over () = 1", "( at character 4: calls a function"),
        ("a = 'x", "where: cannot be read; is a quote or a comment not closed?"),
        ("a = e'x'", "e'x' at character 5: is not allowed"),
        ("a = $$x$$", "$$x$$ at character 5: is not allowed"),
        ("a = “x”", "“x” at character 5: is not allowed"),
        ('a = "x"', "compares two fields; text goes in single quotes: 'x'"),
        ("a = x", "compares two fields; text goes in single quotes: 'x'"),
        ("a in (x, 1)", "is no value; text goes in single quotes: 'x'"),
        ("1 = 1", "1: is no field; a condition has its field on one side and a value on the other"),
        ("a", "is no condition; compare a field with a value, such as year >= 2020 or draft = true"),
        ("a and b", "is no condition"),
        ("true", "is no condition"),
        ("a is true", "is no condition"),
        ("a = null", "null: is compared with is null and is not null"),
        ("a in (null)", "null: is compared with is null"),
        ("a in ()", "a in: the list is empty"),
        ("a in 'x'", "the list goes in parentheses: in (1, 2)"),
        ("a in (1, 'x')", "a in: the list mixes kinds of values; join two lists with or"),
        ("a in (1, true)", "a in: the list mixes kinds of values"),
        ("a between 1 and 'x'", "a between: the two values are of different kinds"),
        ("a like 5", "5: like and escape take text in single quotes"),
        ("a like 'x!' escape '!'", "a like: the pattern ends with its escape character; write it twice"),
        ("a like 'x' escape '!!'", "a like: escape is one ASCII character, got '!!'"),
        ("a = 1 escape 'x'", "where: is no whole condition, see escape at character 7"),
        ("a b", "b at character 3: an operator is missing before it"),
        ("a = 'x' 'y'", "'y' at character 9: an operator is missing before it"),
        ("a = int '1'", "'1' at character 9: an operator is missing before it"),
        ("a = interval '1' day", "'1' at character 14: an operator is missing before it"),
        ("a =", "where: is no whole condition, see = at character 3"),
        ("a = 1 and\n b =", "where: is no whole condition, see = at character 14"),
        ("(a = 1", "where: is no whole condition, see 1 at character 6"),
        ("a = 1)", "where: is no whole condition, see ) at character 6"),
        ("(a, b) = (1, 2)", "is not allowed"),
        ("a = 1e999", "a: a number must be finite and below 1.8e308"),
        ("a = 1" + "0" * 400, "a: a number must be finite and below 1.8e308"),
        ("a = " + "9" * 5000, "is no number that can be read"),
        ("a = - -5", "is no value"),
        ("a = date '2024-13-01'", "2024-13-01: is no time in ISO 8601, such as 2024-05-01"),
        ("a = timestamp 'x'", "x: is no time in ISO 8601, such as 2024-05-01 10:00:00"),
        ("a = timestamp '0001-01-01 00:00+05:00'", "is not within the years 1 to 9999 in UTC"),
        ("id = 5", "id: is text; write '5' in quotes"),
        ("title = true", "title: is text; write 'True' in quotes"),
        ("timestamp = 2024", "compared with a time in ISO 8601, such as '2024-05-01' or '2024-05-01T10:00', got 2024"),
        ("timestamp >= 'May'", "timestamp: is compared with a time in ISO 8601"),
        ("timestamp like '2024%'", "timestamp like: compares text with a text in quotes"),
        ("metadata = 1", "metadata: is no field; name a key of it, such as metadata.year"),
        ("source.name = 'x'", "source.name: source is a document's own and has no parts; for metadata write metadata."),
        ('"" = 1', '"" at character 1: is not allowed'),
        ("a\0b = 1", "a\\x00b at character 1: is not allowed"),
        ("a = 'x\ud800'", "where: holds a lone surrogate at character 7"),
        ("a = '\x1b[2J' '", "where: cannot be read"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_where(text)
    shown, said = caught.value.args
    assert problem in said
    assert text.startswith(shown.removesuffix("…"))
    assert said.isprintable()


@pytest.mark.parametrize(
    "sql",
    [
        "count(*) > 1", "f(a) = 1", "a = (select 1)", "a in (select 1)", "exists (select 1)", "a::int = 1",
        "a = 1::int", "a = '1'::int", "a + 1 = 2", "a = 1 + 1", "a = -b", "a = ?", "a = $1", "a = :x", "a[1] = 2",
        "* = 1", "a.* = 1", "sum(a) over () = 1", "a = interval '1' day", "a = [1]", "a = {'x': 1}",
        "case when a then b end", "a || 'x' = 'y'", "a between symmetric 1 and 2", "a like any ('x')", "a = all (1)",
        "a <=> 1", "a is distinct from 1", "a is true", "a ~ 'x'", "a glob 'x'", "a similar to 'x'",
        "a = current_date", "a = b'1'", "a = x -> x", "(a, b) = (1, 2)", "a collate nocase = 'x'",
        "a at time zone 'UTC' = 1", "a = e'x'", "a = $$x$$", "a = n'x'", "a = json '1'", "a xor b",
    ],
)  # fmt: skip
def test_the_tree_is_checked_even_if_tokens_were_not(sql: str) -> None:
    """Whatever a future parser makes of what was let in, only known nodes come out."""
    try:
        trees = Dialect.get_or_raise("duckdb").parse_into(exp.Condition, sql)
    except SqlglotError:
        return
    with pytest.raises(FilterError):
        _condition(cast("exp.Expression", trees[0]))


@pytest.mark.parametrize("where", [None, 5, b"a = 1", ["a = 1"]])
def test_other_types_are_refused(where: object) -> None:
    with pytest.raises(FilterError, match="must be text or a mapping, got"):
        parse_where(where)  # type: ignore[arg-type]


def test_a_condition_comes_back() -> None:
    assert parse_where(A1) is A1


def test_1_and_true_are_different_conditions() -> None:
    conditions = {parse_where(f"a = {value}") for value in ("1", "1.0", "true", "'1'")}
    assert len(conditions) == 4
    assert parse_where("a=1") in conditions
    assert parse_where("a = 1") != "a = 1"


def nested(levels: int) -> str:
    """As many levels as that, alternating so that none can be joined with the one above."""
    text = "a = 1"
    for level in range(levels - 1):
        text = f"b = 2 {'and' if level % 2 else 'or'} ({text})"
    return text


def test_levels_are_bounded() -> None:
    assert str(parse_where(nested(MOST_LEVELS))).count("(") == MOST_LEVELS - 2
    with pytest.raises(FilterError, match="conditions nest deeper than 12 levels"):
        parse_where(nested(MOST_LEVELS + 1))
    for text in (
        "(" * 27 + "a = 1" + ")" * 27,
        "not " * 27 + "a = 1",
        "a = " + "- " * 27 + "1",
        "not (" * 5000,
        "a = not " * 27 + "a = 1",
    ):
        with pytest.raises(FilterError, match="nests deeper than 26 levels"):
            parse_where(text)


@pytest.mark.parametrize("where", [nested(MOST_LEVELS), " and ".join(["a = 1"] * (MOST_CONDITIONS - 1))])
def test_a_condition_of_any_size_holds_within_a_session(where: str) -> None:
    joined, session = cast("Condition", within("it's", where)), Comparison(Field(("session",)), "=", "it's")
    assert parse_where(joined) == And((session, parse_where(where)))


def test_the_deepest_condition_can_be_written_and_read() -> None:
    tree: Condition = In(A, (-1, 2))
    for _ in range(MOST_LEVELS - 2):
        tree = Not(And((tree, B2))) if isinstance(tree, In) else Not(tree)
    assert parse_where(str(tree)) == tree


def test_prefixes_beside_one_another_are_not_nested() -> None:
    text = " and ".join(f"not x{number} = -1" for number in range(200))
    assert parse_where(text) == And(tuple(Not(Comparison(Field((f"x{number}",)), "=", -1)) for number in range(200)))


def test_size_is_bounded() -> None:
    at_most = " and ".join(["a = 1"] * (MOST_CONDITIONS - 1))
    assert len(parse_where(at_most).parts) == MOST_CONDITIONS - 1
    with pytest.raises(FilterError, match=r"has more than 500 conditions; a list in \(…\) is one"):
        parse_where(f"{at_most} and a = 1")
    with pytest.raises(FilterError, match=r"has 100,001 characters, at most 100,000 are read"):
        parse_where("a".ljust(MOST_CHARACTERS + 1))
    values = ", ".join(f"'{number:020}'" for number in range(4000))
    assert parse_where(f"a in ({values})") == In(A, tuple(f"{number:020}" for number in range(4000)))


PARTS = [
    "(", "a in (", "not ", "- ", "f(", "case ", "a.", "a = ", "a < ", "a in ", "a like ", "a between ", "a and ",
    "a = 1 and ", "'", '"', "date '", "/*", "--", ";", "interval ", "a = 1 or (", "{", "[", "array<",
]  # fmt: skip


def hostile_texts(characters: int) -> list[str]:
    """Texts of so many characters that repeat what a parser may choke on."""
    again = [part * ((characters - 1) // len(part)) for part in PARTS]
    return [
        *again,
        "a in (1" + ", 1" * (characters // 3 - 3) + ")",
        "a.b" + ".c" * (characters // 2 - 9) + " = 1",
        "1 = " * (characters // 4 - 1) + "a",
        "a = '" + "x" * (characters - 9) + "'",
    ]


@pytest.mark.parametrize("text", hostile_texts(MOST_CHARACTERS // 4), ids=lambda text: text[:9])
def test_hostile_text_takes_no_time(text: str) -> None:
    takes_no_time(text, 5)  # Far below a quarter of a second on an idle machine.


@pytest.mark.slow
@pytest.mark.parametrize("text", hostile_texts(MOST_CHARACTERS), ids=lambda text: text[:9])
def test_hostile_text_of_any_length_takes_no_time(text: str) -> None:
    takes_no_time(text, 20)


def takes_no_time(text: str, seconds: float) -> None:
    start = thread_time()
    try:
        said = str(parse_where(text))[:1]
    except FilterError as error:
        said = str(error)
    assert len(said) < 1_000
    assert thread_time() - start < seconds


def test_a_text_is_read_from_deep_in_a_program() -> None:
    def deep(levels: int) -> Condition:
        return deep(levels - 1) if levels else parse_where("(" * 10 + "a = 1" + ")" * 10)

    assert deep(400) == A1
    with pytest.raises(FilterError, match="cannot be read from so deep in a program"):
        deep(850)


@pytest.mark.parametrize("name", "call EXECUTE fetch rename explain prepare vacuum reset show".split())
def test_the_commands_of_other_languages_are_names(name: str) -> None:
    assert str(parse_where(f"{name} = 1 and x = 2")) == f"{name} = 1 and x = 2"
    assert str(parse_where({name: 1})) == f"{name} = 1"
