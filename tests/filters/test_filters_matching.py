"""Conditions match the documents that they should, within their time, in a database that can do nothing else."""

import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from hippo.errors import DocumentError, FilterError
from hippo.filters import Comparison, Condition, Field, Not, matching, parse_where
from hippo.filters.deadline import Deadline
from hippo.filters.match import _CONFIG, _rows

Documents = Callable[[Sequence[dict[str, Any]]], pa.Table]

ROWS: list[dict[str, Any]] = [
    {
        "id": "ada", "title": "Ada Lovelace", "source": "lives/ada.txt", "timestamp": "2024-05-01T10:00:00+00:00",
        "year": 1815, "tags": ["math", "poetry"], "author": {"name": "Ada", "age": 36}, "draft": False, "score": 0.5,
        "published": "2024-05-01", "mixed": [1, "one", None, True], "big": 9007199254740993,
    },
    {
        "id": "bab", "title": "Charles Babbage", "timestamp": "2024-06-01T00:00:00+02:00",
        "year": "1791", "tags": [], "author": [{"name": "Charles"}, {"name": "Mary"}], "draft": True, "score": 2,
        "published": "2024-05-01T08:00:00+02:00", "mixed": "one", "big": 9007199254740992.0,
    },
    {"id": "50%_off", "year": None, "tags": "math", "author": "Anon", "big": 10**30, "id2": {"id": 1}, "score": 1},
    {"id": "none"},
    {"id": "odd", "metadata": {"id": 5, "title": "t", "a.b": 1, "a": {"b": 2}, "select": 3, "Year": 1, "é": "É"}},
]  # fmt: skip
ALL = ["ada", "bab", "50%_off", "none", "odd"]


@pytest.fixture(scope="module")
def table(documents: Documents) -> pa.Table:
    return documents(ROWS)


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        # Numbers are compared with numbers, text with text; what is missing, null or of another kind is unknown.
        ("year = 1815", ["ada"]),
        ("year != 1815", []),
        ("not (year = 1815)", []),
        ("year = '1791'", ["bab"]),
        ("year > 0", ["ada"]),
        ("year is null", ["50%_off", "none", "odd"]),
        ("year is not null", ["ada", "bab"]),
        ("year = 1815 or year is null", ["ada", "50%_off", "none", "odd"]),
        ("score = 2", ["bab"]),
        ("score = 2.0", ["bab"]),
        ("score between 0.5 and 1", ["ada", "50%_off"]),
        ("score not between 0.5 and 1", ["bab"]),
        ("score in (0.5, 1)", ["ada", "50%_off"]),
        ("score not in (0.5, 1)", ["bab"]),
        ("big = 9007199254740993", ["ada"]),
        ("big = 9007199254740992", ["bab"]),
        ("big > 9007199254740992", ["ada", "50%_off"]),
        ("big >= 1e30", []),  # the float 1e30 is a little more than 10**30
        ("big < 1e30", ["ada", "bab", "50%_off"]),
        ("draft = true", ["bab"]),
        ("draft != true", ["ada"]),
        ("draft = 1", []),
        ("draft in (true, false)", ["ada", "bab"]),
        ("score = true", []),
        # Lists: one item is enough.
        ("tags = 'math'", ["ada", "50%_off"]),
        ("'math' in tags", ["ada", "50%_off"]),
        ("'math' not in tags", []),
        ("tags != 'poetry'", ["50%_off"]),
        ("tags in ('poetry', 'x')", ["ada"]),
        ("tags like 'm%'", ["ada", "50%_off"]),
        ("tags is null", ["bab", "none", "odd"]),
        ("mixed = 'one'", ["ada", "bab"]),
        ("mixed = 1", ["ada"]),
        ("mixed = true", ["ada"]),
        ("mixed != 1", []),
        ("mixed != 2", ["ada"]),
        # Paths lead through objects and lists of them.
        ("author.name = 'Ada'", ["ada"]),
        ("author.name = 'Mary'", ["bab"]),
        ("author.age = 36", ["ada"]),
        ("author = 'Anon'", ["50%_off"]),
        ("author is not null", ["ada", "bab", "50%_off"]),
        ("author.name.first is null", ALL),
        # A document's own fields, and what they hide.
        ("id = 'ada'", ["ada"]),
        ("id in ('none', 'bab', 'x')", ["bab", "none"]),
        ("id is null", []),
        ("metadata.id = 5", ["odd"]),
        ("metadata.title = 't'", ["odd"]),
        ("title is null", ["50%_off", "none", "odd"]),
        ("title like 'Ada%'", ["ada"]),
        ("source = 'lives/ada.txt'", ["ada"]),
        ("metadata.source is not null", []),
        ("Year = 1", ["odd"]),
        ("a.b = 2", ["odd"]),
        ('"a.b" = 1', ["odd"]),
        ("select = 3", ["odd"]),
        # Patterns.
        ("id like '50%'", ["50%_off"]),
        ("id like '50!%!_off' escape '!'", ["50%_off"]),
        ("id like '__!%%' escape '!'", ["50%_off"]),
        ("id like '___'", ["ada", "bab", "odd"]),
        ("id like 'ADA'", []),
        ("id ilike 'ADA'", ["ada"]),
        ("id like '.*'", []),
        ("id not like '%a%'", ["50%_off", "none", "odd"]),
        ("é like '_'", ["odd"]),
        ("é ilike 'é'", ["odd"]),
        ("title like ''", []),
        # Times.
        ("timestamp >= '2024-05-31'", ["bab"]),
        ("timestamp >= '2024-06-01'", []),
        ("timestamp = '2024-05-01T12:00:00+02:00'", ["ada"]),
        ("timestamp = TIMESTAMP '2024-05-01 10:00'", ["ada"]),
        ("timestamp < DATE '2024-05-02'", ["ada"]),
        ("timestamp in ('2024-05-01T10:00', DATE '2024-01-01')", ["ada"]),
        ("timestamp between '2024-05-01' and '2024-05-31 22:00'", ["ada", "bab"]),
        ("timestamp is null", ["50%_off", "none", "odd"]),
        ("published = DATE '2024-05-01'", ["ada"]),
        ("published < TIMESTAMP '2024-05-01 06:00:00.000001'", ["ada", "bab"]),
        ("published > TIMESTAMP '2024-05-01 00:00'", ["bab"]),
        ("published = '2024-05-01'", ["ada"]),
        ("title > DATE '2024-05-01'", None),
        # Logic.
        ("draft = true and score = 2", ["bab"]),
        ("draft = true or score = 0.5", ["ada", "bab"]),
        ("not (draft = true or score = 2)", ["ada"]),
        ("not (year = 1815 and score = 1)", ["ada", "bab"]),  # unknown and false is false
        ("not not id = 'ada'", ["ada"]),
        ("unknown = 1 or id = 'ada'", ["ada"]),
        ("unknown = 1 and id = 'ada'", []),
        ("not (unknown = 1 and id = 'none')", ["ada", "bab", "50%_off", "odd"]),
    ],
)  # fmt: skip
def test_matching(table: pa.Table, where: str, ids: list[str] | None) -> None:
    if ids is None:
        with pytest.raises(FilterError, match="is text; write"):
            parse_where(where)
        return
    found = matching(parse_where(where), table)
    assert found.dtype == np.bool_
    assert found.shape == (len(ROWS),)
    assert [row["id"] for row, keep in zip(ROWS, found, strict=True) if keep] == ids


def test_text_is_compared_by_code_points(documents: Documents) -> None:
    texts = ["", "A", "a", "nul\0 here", "it's", "é", "zz", "北京", "😀", "\\", "%", "x\ny", " lead"]
    table = documents([{"t": text} for text in texts])
    for text in texts:
        field = Field(("t",))
        assert [*matching(Comparison(field, "=", text), table)] == [other == text for other in texts]
        assert [*matching(Comparison(field, "<", text), table)] == [other < text for other in texts]
        assert [*matching(parse_where(f"t like '%{text.replace(chr(39), chr(39) * 2)}%' escape '!'"), table)] == [
            text == "%" or text in other for other in texts
        ]


def test_no_documents_and_no_metadata(documents: Documents) -> None:
    assert matching(parse_where("a = 1 or id = 'x'"), documents([])).shape == (0,)
    nothing = pa.nulls(1, pa.string())
    table = pa.table({"document_id": ["x"], "title": nothing, "metadata": nothing, "source": nothing,
                      "timestamp": pa.nulls(1, pa.timestamp("us", "UTC"))})  # fmt: skip
    assert matching(parse_where("a is null"), table).tolist() == [True]


def test_tables_in_many_pieces_and_other_string_types(documents: Documents) -> None:
    whole = documents([{"id": f"d{number}", "n": number} for number in range(5000)])
    pieces = pa.concat_tables([whole.slice(start, 700) for start in range(0, 5000, 700)])
    large = pieces.cast(
        pa.schema([f.with_type(pa.large_string()) if f.type == pa.string() else f for f in pieces.schema])
    )
    for table in (pieces, large):
        assert matching(parse_where("n >= 4990 or id = 'd3'"), table).nonzero()[0].tolist() == [3, *range(4990, 5000)]


@pytest.mark.parametrize("text", ["[1]", "5", '"x"', "{", "", '{"a": 1} x', "[" * 100_000])
def test_damaged_metadata_are_said_with_their_document(text: str) -> None:
    nothing = pa.nulls(2, pa.string())
    table = pa.table({"document_id": ["good", "bad"], "title": nothing, "metadata": ["{}", text], "source": nothing,
                      "timestamp": pa.nulls(2, pa.timestamp("us", "UTC"))})  # fmt: skip
    with pytest.raises(DocumentError, match=r"^bad: its metadata are no JSON object: "):
        matching(parse_where("a = 1"), table)
    assert matching(parse_where("id = 'bad'"), table).tolist() == [False, True]


def test_numbers_that_json_does_not_have_are_nulls() -> None:
    nothing = pa.nulls(4, pa.string())
    metadata = ['{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', '{"a": -0.0}']
    table = pa.table({"document_id": list("abcd"), "title": nothing, "metadata": metadata, "source": nothing,
                      "timestamp": pa.nulls(4, pa.timestamp("us", "UTC"))})  # fmt: skip
    assert matching(parse_where("a is null"), table).tolist() == [True, True, False, False]
    assert matching(parse_where("a > 1e308"), table).tolist() == [False, False, True, False]
    assert matching(parse_where("a = 0"), table).tolist() == [False, False, False, True]


def test_the_widest_condition(documents: Documents) -> None:
    table = documents([{f"k{number}": number} for number in range(499)])
    either = parse_where(" or ".join(f"k{number} = {number}" for number in range(499)))
    assert matching(either, table, seconds=float("inf")).all()
    many = parse_where({"id": {"$in": [f"{number:08}" for number in range(8000)] + ["7"]}})
    assert matching(many, table, seconds=float("inf")).nonzero()[0].tolist() == [7]


def test_time_can_be_unbounded(table: pa.Table) -> None:
    assert matching(parse_where("id = 'ada'"), table, seconds=float("inf")).sum() == 1


def test_a_tree_made_by_hand_is_bounded_too(table: pa.Table) -> None:
    condition: Condition = parse_where("a = 1")
    for _ in range(50):
        condition = Not(condition)
    with pytest.raises(FilterError, match="conditions nest deeper than 12 levels"):
        matching(condition, table)


def test_time_is_bounded(documents: Documents) -> None:
    table = documents([{"text": "a" * 200, "n": number} for number in range(20_000)])
    condition = parse_where(" or ".join(f"text like '%a_{number}%'" for number in range(400)))
    for seconds in (0.0, 0.3):
        threads = threading.active_count()
        start = perf_counter()
        with pytest.raises(FilterError, match=rf"took longer than {seconds:g} s; ask for less at once"):
            matching(condition, table, seconds=seconds)
        assert perf_counter() - start < seconds + 5
        assert threading.active_count() == threads


def test_a_statement_is_really_interrupted() -> None:
    """The statement would take days, and only an interruption can end it."""
    endless = "SELECT count(*) AS row FROM range(100000000) a, range(100000000) b WHERE a.range + b.range < 0"
    start = perf_counter()
    with pytest.raises(duckdb.InterruptException):
        _rows(endless, [], pa.table({"row": [1]}), Deadline(0.2))
    assert 0.2 <= perf_counter() - start < 10


def test_the_database_can_do_nothing_else(tmp_path: Any) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    table = pa.table({"row": [1]})
    for statement in (
        f"SELECT * FROM read_csv('{secret}')",
        f"SELECT * FROM read_text('{secret}')",
        f"SELECT * FROM '{secret}'",
        f"SELECT file AS row FROM glob('{tmp_path}/*')",
        f"ATTACH '{tmp_path}/other.duckdb'",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        "CREATE TABLE t (a INTEGER)",
        "INSTALL httpfs",
        "SET threads = 4",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        'SELECT "row" FROM "table"',  # a variable where it runs
    ):
        with pytest.raises(duckdb.Error):
            _rows(statement, [], table, Deadline(10))
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        names = [*_CONFIG, "allow_community_extensions"]
        rows = connection.execute("SELECT name, value FROM duckdb_settings() WHERE name IN (SELECT unnest(?))", [names])
        values = dict(rows.fetchall())
    assert {name: str(values[name]).lower() for name in _CONFIG if name not in ("memory_limit", "threads")} == {
        name: str(value) for name, value in _CONFIG.items() if name not in ("memory_limit", "threads")
    }
