"""Hostile text is refused or is a harmless value: it never gets into a statement, reads a file or changes anything."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.errors import FilterError
from hippo.filters import And, Comparison, Condition, Field, In, IsNull, Like, Or, matching, parse_where
from hippo.filters.deadline import Deadline
from hippo.filters.match import _rows
from hippo.filters.statement import Select, compared
from hippo.serving import create_app

Documents = Callable[[Sequence[dict[str, Any]]], pa.Table]

CANARY = "canary.csv"
SECRET = "the canary sings"

PAYLOADS = [
    # stacked statements
    "; DROP TABLE documents", "; DELETE FROM cells", "; UPDATE cells SET text = 'x'", ";;", "; SELECT 1",
    "; CREATE TABLE t (a INTEGER)", "; COMMIT; CREATE TABLE t (a INTEGER)", "1 = 1; SET threads = 8",
    "; BEGIN; ROLLBACK", "; SET enable_external_access = true", "; RESET lock_configuration", "1; VACUUM",
    "; CHECKPOINT", "; USE other", "; EXPORT DATABASE 'out'", "; IMPORT DATABASE 'in'", "; CALL pragma_version()",
    "; EXECUTE x", "; PREPARE x AS SELECT 1",
    # comments
    "-- ", "--", "1 = 1 --", "/* */", "/*", "*/", "/*! 1 */", "# x", "// x", "1 /* /* nested */ */ = 1",
    "--\n; DROP TABLE x",
    # files and the network
    "; COPY cells TO 'canary.csv'", "; COPY (SELECT 1) TO 'canary.csv'", "; COPY cells FROM 'canary.csv'",
    "; ATTACH 'canary.csv' AS x", "; DETACH memory", "; INSTALL httpfs", "; LOAD httpfs", "; PRAGMA database_list",
    "PRAGMA enable_profiling", "(SELECT * FROM read_csv('canary.csv'))",
    "(SELECT * FROM read_csv_auto('canary.csv'))", "(SELECT content FROM read_text('canary.csv'))",
    "(SELECT content FROM read_blob('canary.csv'))", "(SELECT file FROM glob('*'))", "(SELECT * FROM 'canary.csv')",
    "(FROM 'canary.csv')", "(TABLE cells)", "(SELECT * FROM read_json('canary.csv'))",
    "(SELECT * FROM read_parquet('https://localhost/x'))", "read_text('canary.csv')", "getenv('HOME')",
    "(SELECT * FROM sniff_csv('canary.csv'))", "current_setting('threads')", "(SELECT * FROM duckdb_settings())",
    "(SELECT sql FROM sqlite_master)", "query('SELECT 1')", "query_table('cells')",
    # always true, unions, subqueries, functions, casts
    "OR 1 = 1", "OR 'a' = 'a'", "OR TRUE", "' OR '1' = '1", "' OR 1 = 1 --", "') OR ('1' = '1", "\" OR \"\" = \"",
    "1 OR 1", "UNION SELECT 1", "UNION ALL SELECT content FROM read_text('canary.csv')", "INTERSECT SELECT 1",
    "EXCEPT SELECT 1", "EXISTS (SELECT 1)", "(SELECT 1)", "ANY (SELECT 1)", "(VALUES (1))",
    "CASE WHEN 1 = 1 THEN 1 END", "sleep(5)", "random()", "count(*)", "bool_or(flag)", "sum(a) OVER ()", "x -> x + 1",
    "lambda x: x", "[x for x in range(9)]", "{'a': 1}", "MAP {1: 2}", "a::INTEGER", "CAST(a AS INTEGER)",
    "TRY_CAST(a AS INTEGER)", "a COLLATE nocase", "a AT TIME ZONE 'UTC'", "INTERVAL 1 DAY", "1 + 1", "a || 'x'",
    "a ** 2", "~a", "a & 1", "a[1]", "a.*", "*", "COLUMNS(*)", "* EXCLUDE (a)", "#1", "$1", "?", ":a", "@a", "${x}",
    "{{ a }}", "{% a %}", "%s", "%(a)s", "{0}", "{0.__class__}",
    # quotes, escapes, characters
    "'", "''", "'''", '"', '""', "`a`", "\\'", "\\\\'", "\\", "E'\\x27'", "e'\\''", "U&'\\0027'", "x'27'", "b'1'",
    "N'x'", "$$x$$", "$a$x$a$", "‘x’", "“x”", "ʼ OR 1 = 1", "＇ OR 1 = 1", "\N{FULLWIDTH SEMICOLON} DROP TABLE x",
    "\0", "\0; DROP TABLE x", "'\0'", "\ud800", "\N{RIGHT-TO-LEFT OVERRIDE}", "\ufeff", "\u200b",
    "\r\n; DROP TABLE x", "\x1b[2J", "\x08", "\N{NO-BREAK SPACE}",
    # size
    "(" * 5_000, ")" * 5_000, "((" * 12 + "a = 1" + "))" * 12, "a" * 20_000, "'" * 9_999, "NOT " * 5_000, "-" * 5_000,
    "1," * 9_000, "9" * 5_000, "1e99999", "'" + "x" * 9_000 + "'", "[" * 5_000, "a." * 5_000 + "a",
    "OR a = 1 " * 2_000, "%" * 2_000,
]  # fmt: skip
PLACES = [
    "{}",
    "a = 1 {}",
    "a = {}",
    "a = '{}",
    "a = '{}'",
    '"{}" = 1',
    "a in (1, {})",
    "a like '{}' escape '!'",
    "{} = 1",
]


def hostile() -> list[str]:
    """Each payload as it is, behind a condition, as a value, and breaking out of quotes, as far as these differ."""
    return list(dict.fromkeys(place.replace("{}", payload) for payload in PAYLOADS for place in PLACES))


VOCABULARY = frozenset(
    'SELECT "row" FROM cells GROUP BY HAVING AND OR NOT bool_or count FILTER WHERE field text number flag moment '
    "IN BETWEEN unnest CAST AS VARCHAR BIGINT BOOLEAN TIMESTAMP regexp_full_match 's' 'si' [ ] ( ) , * ? = < > <="
    " >=".split()
)


def words(statement: str) -> set[str]:
    found = re.findall(r'"row"|\'s\'|\'si\'|[A-Za-z_]+|[0-9]+|[<>]=|.', statement, flags=re.DOTALL)
    return {word for word in found if not word.isdecimal() and word != " "}


def statement(condition: Condition) -> Select:
    fields: dict[Field, int] = {}
    ranks: dict[Any, int] = {}
    for field, kind, values in compared(condition):
        fields.setdefault(field, len(fields))
        if kind == "number":
            ranks.update(dict.fromkeys(values, 0))  # type: ignore[misc]
    return Select(condition, fields, ranks)


def test_there_are_many() -> None:
    assert len(hostile()) >= 300


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload[:30]))
def test_hostile_text_is_refused_or_harmless(
    payload: str, documents: Documents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / CANARY
    canary.write_text(f"a\n{SECRET}\n")
    table = documents([{"id": "one", "a": 1}, {"id": "two", "a": "x"}])
    copy = table.slice(0).to_pylist()
    harmless, said = [], []
    for place in PLACES:
        try:
            condition = parse_where(place.replace("{}", payload))
        except FilterError as error:
            said.append(str(error))
        else:
            assert words(statement(condition).text) <= VOCABULARY
            harmless.append(condition)
    assert all(SECRET not in text and len(text) < 1_500 for text in said)
    if harmless:
        assert matching(Or((parse_where("a = 1"), *harmless)), table)[0]
    assert table.to_pylist() == copy
    assert [path.name for path in tmp_path.iterdir()] == [CANARY]
    assert canary.read_text() == f"a\n{SECRET}\n"


@pytest.mark.parametrize(
    "text",
    [
        text
        for text in hostile()
        if text.startswith(("a = 1 ;", "a = 1 UNION", "a = 1 --", "a = 1 /*", "; ")) or re.match("[^'\"]*read_", text)
    ],
    ids=lambda text: ascii(text[:40]),
)
def test_statements_comments_and_functions_are_always_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse_where(text)


@pytest.mark.parametrize("payload", [payload for payload in PAYLOADS if "\ud800" not in payload and len(payload) < 900])
def test_a_statement_does_not_depend_on_what_is_said(payload: str, documents: Documents) -> None:
    """Names, values, patterns and lists leave no trace in the text; values are found again as they are."""
    said, plain = payload or "x", "x"
    for make in (
        lambda text: Comparison(Field((text,)), "=", text),
        lambda text: Comparison(Field(("metadata", text, text)), "<", 1),
        lambda text: In(Field(("a",)), (text, "y", text)),
        lambda text: Like(Field((text,)), text),
        lambda text: IsNull(Field((text, "b"))),
        lambda text: Comparison(Field(("id",), own=True), "=", text),
    ):
        assert statement(make(said)).text == statement(make(plain)).text
    table = documents([{"id": "other", payload: "y"}, {"id": payload, payload: payload}])
    condition = And((parse_where({"id": payload}), Comparison(Field((payload,)), "=", payload)))
    assert matching(condition, table).tolist() == [False, True]


def test_the_locked_settings_alone_would_not_be_enough(tmp_path: Path) -> None:
    """What a database that is locked like ours still does, if it gets a stacked statement: so it must never get one."""
    table = pa.table({"row": [1, 2]})
    stacked = "SELECT row FROM cells; COMMIT; CREATE TABLE t AS SELECT 3 AS row; SELECT row FROM t"
    assert _rows(stacked, [], table, Deadline(10)).tolist() == [3]
    with pytest.raises(duckdb.Error, match="read-only"):
        _rows("SELECT row FROM cells; CREATE TABLE t (a INTEGER)", [], table, Deadline(10))
    with pytest.raises(FilterError, match="; at character 6: is not allowed"):
        parse_where("a = 1; COMMIT; CREATE TABLE t AS SELECT 3")
    for text in (f"a = '{stacked}'", f'"{stacked}" = 1', f"a like '{stacked}'", f"a in ('{stacked}')"):
        assert ";" not in statement(parse_where(text)).text


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two documents, beside a file that nothing may read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / CANARY).write_text(f"a\n{SECRET}\n")
    rows = [{"id": "one", "text": "Ada met Bob.", "year": 1}, {"id": "two", "text": "Bob was born.", "year": 2}]
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        memory.add(rows)
    return tmp_path / "index"


def untouched(index: Path) -> None:
    assert sorted(path.name for path in index.parent.iterdir()) == [CANARY, index.name]
    assert (index.parent / CANARY).read_text() == f"a\n{SECRET}\n"
    with Hippo.open(index) as memory:
        assert [document.id for document in memory.documents()] == ["one", "two"]
        assert memory.status().snapshot == memory.snapshot
        assert [hit.document_id for hit in memory.retrieve("Ada", where="year = 1").hits] == ["one"]


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except FilterError as error:
        return SECRET not in str(error) or pytest.fail(str(error))
    return False


def test_nothing_hostile_finds_or_deletes(index: Path) -> None:
    """Through the facade: no document has a key that they name, so what is accepted chooses none."""
    chosen = hostile()[::4]
    assert len(chosen) >= 300
    accepted = 0
    with Hippo.open(index) as memory:
        for text in chosen:
            if refused(lambda text=text: memory.retrieve("Who met Bob?", where=text)):
                assert refused(lambda text=text: memory.delete(where=text))
                continue
            assert memory.retrieve("Who met Bob?", where=text).hits == ()
            if accepted % 8 == 0:  # each opens the store
                assert memory.delete(where=text).deleted == 0
            accepted += 1
    assert accepted > 30
    untouched(index)


HEADERS = {"Content-Type": "application/json"}


def test_nothing_hostile_gets_through_the_server(index: Path) -> None:
    """As JSON, in the body of a request for passages, and of one that deletes: a part of them, of every kind."""
    chosen = hostile()[1::11]

    async def main(memory: Hippo) -> tuple[Counter[int], Counter[int]]:
        app = create_app(memory)
        turns = asyncio.Semaphore(8)
        asked = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", timeout=300)
        async with app.router.lifespan_context(app), asked as client:

            async def post(path: str, **body: str) -> httpx.Response:
                async with turns:
                    answer = await client.post(path, content=json.dumps(body), headers=HEADERS)
                assert SECRET not in answer.text
                if answer.status_code == 422:
                    assert answer.json()["error"]["type"] == "FilterError"
                return answer

            found = await asyncio.gather(*[post("/retrieve", question="Who met Bob?", where=text) for text in chosen])
            assert [one.json()["hits"] for one in found if one.status_code == 200 and one.json()["hits"]] == []
            gone = await asyncio.gather(*[post("/documents/delete", where=text) for text in chosen[::8]])
            assert [one.json()["deleted"] for one in gone if one.status_code == 200 and one.json()["deleted"]] == []
            return Counter(one.status_code for one in found), Counter(one.status_code for one in gone)

    with Hippo.open(index) as memory:
        found, gone = asyncio.run(main(memory))
    assert found.keys() == gone.keys() == {200, 422}
    assert found[200] > 10
    untouched(index)


def test_nothing_hostile_gets_through_the_command_line(index: Path) -> None:
    codes = set()
    for payload in PAYLOADS[::9]:
        for command in (["query", str(index), "Who met Bob?"], ["delete", str(index)]):
            done = CliRunner().invoke(app, [*command, f"--where=year = 9 {payload}"])
            assert done.exception is None or isinstance(done.exception, SystemExit), (payload, done.exception)
            assert SECRET not in done.output
            codes.add(done.exit_code)
    assert codes <= {0, 1, 2}
    assert 1 in codes
    untouched(index)
