"""Versions are listed, pruned, forgotten, examined, copied and repaired, through the API and the command line."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.errors import DocumentError, IndexCorruptError, InputError
from hippo.maintenance import backup, check, prune, repair, restore
from hippo.store import SCHEMA_VERSION

HEAD = [
    ("Alice Smith leads Acme.", "2020-01-01"),
    ("Bob Jones leads Acme.", "2022-01-01"),
    ("Cleo Roy leads it.", None),
]
QUESTION = "Who leads Acme?"


def texts(memory: Hippo, time: str | None = None) -> list[str]:
    return [hit.text for hit in memory.retrieve(QUESTION, as_of=time).hits]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a document with three versions and one that was deleted."""
    root = tmp_path_factory.mktemp("history") / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add([{"id": "po", "text": "Turin lies on the Po.", "timestamp": "2019-01-01", "user": "zoe"}])
        for text, time in HEAD:
            memory.add([{"id": "head", "text": text, "title": "Acme", "timestamp": time}])
        memory.delete("po")
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(built, tmp_path / "index"))


def test_versions_are_listed(root):
    with Hippo.open(root) as memory:
        versions = memory.history()
        assert [(one.document_id, one.ending, one.passages) for one in versions] == [
            ("head", "replaced", 1),
            ("head", "replaced", 1),
            ("head", None, 1),
            ("po", "deleted", 1),
        ]
        first, second, third, gone = versions
        assert first.started == first.timestamp == datetime(2020, 1, 1, tzinfo=UTC)
        assert first.ended == second.started == datetime(2022, 1, 1, tzinfo=UTC)
        assert (second.ended, third.ended) == (third.started, None)
        assert (gone.metadata, gone.title, first.title) == ({"user": "zoe"}, None, "Acme")
        assert memory.history("po") == [gone]
        assert memory.history("unknown") == []
        assert memory.status().versions == 3
    lines = run("history", str(root), "head").splitlines()
    assert lines[0] == "head  2020-01-01 00:00:00 to 2022-01-01 00:00:00, replaced  1 passage  Acme"
    assert lines[2].endswith("to now  1 passage  Acme")
    assert [one["ending"] for one in json.loads(run("history", str(root), "--json"))] == [
        *["replaced"] * 2,
        None,
        "deleted",
    ]
    assert "older versions" in run("status", str(root))


def test_the_command_line_asks_as_of_a_time(root):
    found = json.loads(run("query", str(root), QUESTION, "--as-of", "2021-06-30", "--json"))
    assert [hit["text"] for hit in found["hits"]] == [HEAD[0][0], "Turin lies on the Po."]
    assert found["hits"][0]["timestamp"] == "2020-01-01T00:00:00+00:00"
    assert found["parameters"]["as_of"] == "2021-06-30T00:00:00"
    found = run("query", str(root), QUESTION, "--as-of", "2021-06-30", "--where", "user = 'zoe'")
    assert [name in found for name in ("2019-01-01", "Turin", "Alice")] == [True, True, False]
    answer = json.loads(run("ask", str(root), QUESTION, "--as-of", "2021-06-30", "--llm", "scripted", "--json"))
    assert answer["retrieval"]["hits"][0]["text"] == HEAD[0][0]
    result = CliRunner().invoke(app, ["query", str(root), QUESTION, "--as-of", "2000-01-01"])
    assert (result.exit_code, result.stdout.strip()) == (0, "")
    assert "nothing was known at 2000-01-01" in result.stderr


def test_versions_are_pruned(root):
    with Hippo.open(root) as memory:
        before = memory.retrieve(QUESTION, explain=True).hits
        assert len(texts(memory, "2019-06-01")) == 1
    pruned = prune(root, history="2022-01-01")
    assert (pruned.versions, pruned.embeddings > 0) == (1, True)
    assert check(root).sound
    with Hippo.open(root) as memory:
        assert texts(memory, "2021-06-01") == ["Turin lies on the Po."]
        assert len(texts(memory, "2023-06-01")) == 2
        assert memory.retrieve(QUESTION, explain=True).hits == before
        snapshot = memory.status().snapshot
        assert memory.add([]).snapshot == snapshot
    assert json.loads(run("prune", str(root), "--history", "all", "--json"))["versions"] == 2
    assert run("prune", str(root), "--history", "all").startswith("0 older versions, ")
    assert check(root).sound
    with Hippo.open(root) as memory:
        assert texts(memory, "2023-06-01") == []
        assert [one.ending for one in memory.history()] == [None]
        assert memory.status().versions == 0
        assert memory.retrieve(QUESTION, explain=True).hits == before
    for wrong in ("some day", 7):
        with pytest.raises(InputError, match="history must be a time"):
            prune(root, history=wrong)


def everything(root: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file())


def test_nothing_is_left_of_what_is_forgotten(root):
    config = {"llm": {"name": "scripted"}}
    with Hippo.open(root, config=config) as memory:
        assert memory.ask(QUESTION, as_of="2021-01-01").retrieval.hits
        memory.add([{"id": "other", "text": "Acme is old."}])
        assert b"Alice" in everything(root)
        assert b"Turin" in everything(root)
        with pytest.raises(DocumentError, match="holds no document of this id"):
            memory.delete("po")
        assert memory.select("po", forget=True) == memory.select(where="user = 'zoe'", forget=True) == ["po"]
        report = memory.delete(where="user = 'zoe'", forget=True)
        assert (report.deleted, report.forgotten) == (0, 1)
        assert b"turin" not in everything(root).lower()
        assert texts(memory, "2021-01-01") == [HEAD[0][0]]
    assert "1 deleted, 1 forgotten" in run("delete", str(root), "head", "--forget")
    left = everything(root).lower()
    assert not [name for name in (b"alice", b"bob", b"cleo", b"turin") if name in left]
    assert check(root).sound
    with Hippo.open(root) as memory:
        assert texts(memory) == ["Acme is old."]
        assert [one.document_id for one in memory.history()] == ["other"]


def test_a_backup_has_the_history_too(root, tmp_path):
    backup(root, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "again")
    with Hippo.open(root) as memory, Hippo.open(tmp_path / "again") as again:
        assert memory.history() == again.history()
        assert texts(again, "2021-06-01") == texts(memory, "2021-06-01")
        assert again.add([{"id": "new", "text": "Acme is new."}]).added == 1
        assert texts(again, "2021-06-01") == texts(memory, "2021-06-01")


@pytest.mark.parametrize("damage", ["past_facts", "versions", "store"])
def test_damaged_versions_are_taken_from_the_snapshot(root, damage):
    with Hippo.open(root) as memory:
        known, first, second = memory.history(), texts(memory, "2021-06-01"), texts(memory, "2023-06-01")
    if damage == "store":
        (root / "store.duckdb").write_bytes(b"nothing of worth" * 100)
    else:
        with duckdb.connect(str(root / "store.duckdb")) as store:
            store.execute(f"DELETE FROM {damage} WHERE version = 1")
    assert {(problem.part, problem.repair is None) for problem in check(root).problems} == {("store", False)}
    health = repair(root)
    assert health.sound
    assert any("older versions" in done for done in health.repaired)
    with Hippo.open(root) as memory:
        assert memory.history() == known
        assert (texts(memory, "2021-06-01"), texts(memory, "2023-06-01")) == (first, second)
        memory.add([{"id": "new", "text": "Rome is new.", "timestamp": "2026-01-01"}])
        assert (texts(memory, "2021-06-01"), texts(memory, "2023-06-01")) == (first, second)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE versions SET ended = '2030-01-01' WHERE ending = 'replaced'", "in force at one time with the next"),
        ("UPDATE versions SET ended = '2010-01-01' WHERE ending = 'deleted'", "versions that end before they start"),
        ("UPDATE versions SET version = 2", "versions that share a number"),
        ("UPDATE past_facts SET relations = [9, 9]", "relate what is not among their entities"),
    ],
)
def test_the_doctor_knows_what_is_true_of_versions(root, change, problem):
    with duckdb.connect(str(root / "store.duckdb")) as store:
        store.execute(change)
    assert any(problem in one.problem for one in check(root).problems)


def test_the_doctor_looks_at_versions_in_snapshots(root):
    import numpy as np

    with Hippo.open(root) as memory:
        folder = root / "snapshots" / memory.status().snapshot
    file = folder / "past.fact_entities.indices.npy"
    np.save(file, np.load(file) + 1000)
    assert any(file.name in one.problem or "older versions" in one.problem for one in check(root, quick=True).problems)
    assert repair(root).sound


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_index_of_each_released_schema_goes_on(tmp_path, make_older, version):
    root = tmp_path / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add([{"id": "po", "text": "Turin lies on the Po."}])
        memory.add([{"id": "head", "title": "Acme", "text": HEAD[0][0], "timestamp": HEAD[0][1]}])
        before = memory.retrieve(QUESTION).hits
    make_older(root, version)
    assert "brings it up to date" in " ".join(check(root).notes)
    shutil.copytree(root, tmp_path / "copy")
    with Hippo.open(root) as memory:
        assert memory.retrieve(QUESTION).hits == before
        report = memory.add([{"id": "head", "title": "Acme", "text": HEAD[1][0], "timestamp": HEAD[1][1]}])
        assert (report.changed, memory.status().versions) == (1, 1)
        assert texts(memory, "2021-01-01")[0] == HEAD[0][0]
        if version < 3:
            # Since when a document without timestamp was known is not known: it always was.
            assert texts(memory, "2000-01-01") == ["Turin lies on the Po."]
            assert texts(memory, "2021-01-01") == [HEAD[0][0], "Turin lies on the Po."]
            assert memory.history("po")[0].started is None
    assert check(root).sound
    assert prune(tmp_path / "copy").versions == 0
    assert check(tmp_path / "copy").sound


def test_forgetting_that_was_broken_off_is_finished(root):
    """Cached replies that are damaged break it off after the document has gone."""
    replies = root / "replies.sqlite"
    for finish in ("again", "change", "prune"):
        with Hippo.open(root) as memory:
            memory.add([{"id": "secret", "text": "Xenia lives in Vilnius."}])
            replies.write_bytes(b"no database at all" * 100)
            with pytest.raises(IndexCorruptError):
                memory.delete("secret", forget=True)
            assert b"vilnius" in everything(root).lower()
            replies.unlink()
            if finish == "again":
                with pytest.raises(DocumentError, match="holds no document of this id"):
                    memory.delete("secret", forget=True)
            elif finish == "change":
                memory.refresh()
                memory.add([{"id": "other", "text": "Acme is old."}])
        if finish == "prune":
            prune(root)
        assert b"vilnius" not in everything(root).lower(), finish
        assert check(root).sound


def test_an_unknown_id_costs_no_replies_and_no_snapshot(root):
    config = {"llm": {"name": "scripted"}, "indexing": {"keep_snapshots": 3}}
    with Hippo.open(root, config=config) as memory:
        memory.add([{"id": "other", "text": "Acme is old."}])
        memory.ask(QUESTION)
        before = len(list((root / "snapshots").iterdir()))
        with pytest.raises(DocumentError):
            memory.delete("unknown", forget=True)
        assert len(list((root / "snapshots").iterdir())) == before > 1
        with closing(sqlite3.connect(root / "replies.sqlite")) as replies:
            assert replies.execute("SELECT count(*) FROM replies").fetchone() == (1,)


def test_forgetting_takes_what_crashes_and_repairs_left(root):
    left = (".store-1.duckdb", "store-damaged-1.duckdb", ".replies.sqlite-1", "replies-damaged-1.sqlite")
    left += ("store.duckdb.tmp/duckdb_temp_storage-0.tmp",)  # What a sort has put there, whose process was killed.
    (root / "store.duckdb.tmp").mkdir()
    for name in left:
        (root / name).write_bytes(b"Turin")
    with Hippo.open(root) as memory:
        memory.delete("po", forget=True)
    assert not [name for name in left if (root / name).exists()]


def test_a_snapshot_of_what_is_forgotten_goes_when_its_reader_has(root):
    config = {"indexing": {"keep_snapshots": 3}}
    with Hippo.open(root, config=config) as memory:
        memory.add([{"id": "secret", "text": "Xenia lives in Vilnius."}])
        with Hippo.open(root) as reader:
            reader.retrieve(QUESTION)
            memory.delete("secret", forget=True)
            memory.add([{"id": "first", "text": "Acme is new."}])
            assert b"vilnius" in everything(root).lower()
        memory.add([{"id": "second", "text": "Acme is old."}])
        assert b"vilnius" not in everything(root).lower()
        # Those that are newer are kept as before.
        assert len(list((root / "snapshots").iterdir())) == 3
    assert check(root).sound
