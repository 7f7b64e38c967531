"""`hippo update`, `hippo delete` and `hippo index --sync`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

Run = Callable[..., typer.testing.Result]


@pytest.fixture
def index(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "index"
    rows = tmp_path / "rows.jsonl"
    lines = [{"id": f"d{year}", "text": f"Ada Smith met number {year} in Riga.", "year": year} for year in (1, 2, 3)]
    rows.write_text("\n".join(json.dumps(line) for line in lines))
    assert run("index", path, rows, "--encoder", "hashing", "--quiet").exit_code == 0
    return path


def test_delete_by_id_and_by_condition(run: Run, index: Path) -> None:
    done = run("delete", index, "--where", "year >= 2", "--dry-run", "--json")
    assert json.loads(done.stdout) == {"documents": ["d2", "d3"]}
    assert "2 documents would be deleted:\n  d2\n  d3\n" in run("delete", index, "d2", "d3", "--dry-run").stdout
    assert "1 deleted" in run("delete", index, "d3", "--quiet").stdout
    odd = index.parent / "odd.jsonl"
    odd.write_text(json.dumps({"id": "a\x1b[31mb", "text": "Odd."}))
    assert run("index", index, odd, "--quiet").exit_code == 0
    assert "\x1b" not in run("delete", index, "a\x1b[31mb", "--dry-run").stdout
    assert run("delete", index, "a\x1b[31mb", "--quiet").exit_code == 0
    report = json.loads(run("delete", index, "--where", "year >= 2", "--json").stdout)
    assert (report["deleted"], report["chunks"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("d9",), "no document of this id"),
        ((), "either by ids or by a condition"),
        (("d1", "--where", "year = 1"), "either by ids or by a condition"),
        (("--where", "year ="), "year ="),
    ],
)
def test_a_wrong_delete_says_why(run: Run, index: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run("delete", index, *arguments)
    assert (done.exit_code, said in done.stderr) == (1, True), done.stderr
    assert json.loads(run("status", index, "--json").stdout)["documents"] == 3


def test_delete_makes_no_index(run: Run, tmp_path: Path) -> None:
    assert "no such folder" in run("delete", tmp_path / "none", "a").stderr
    assert not (tmp_path / "none").exists()


def test_update_changes_what_is_named(run: Run, index: Path, tmp_path: Path) -> None:
    report = json.loads(run("update", index, "d1", "--metadata", '{"year": 7}', "--json").stdout)
    assert (report["changed"], report["embedded"]) == (1, 0)
    (tmp_path / "new.txt").write_text("Boris Smith lives in Hull.")
    done = run(
        "update", index, "d1", "--text-file", tmp_path / "new.txt", "--title", "Boris", "--timestamp", "2024-05-01"
    )
    assert "1 changed" in done.stdout
    done = run("update", index, "d2", "--text-file", "-", "--quiet", stdin="Clara Smith lives in Tartu.")
    assert "1 changed" in done.stdout
    hits = json.loads(run("query", index, "Where does Boris live?", "-k", "1", "--json").stdout)["hits"]
    assert (hits[0]["document_id"], hits[0]["title"], hits[0]["metadata"]) == ("d1", "Boris", {"year": 7})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("d1",), "nothing to update"),
        (("d9", "--title", "x"), "add it"),
        (("d1", "--metadata", "[1]"), "no JSON object"),
        (("d1", "--metadata", "{"), "no JSON"),
        (("d1", "--timestamp", "soon"), "soon"),
        (("d1", "--text-file", "nowhere.txt"), "nowhere.txt"),
    ],
)
def test_a_wrong_update_says_why(run: Run, index: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run("update", index, *arguments)
    assert (done.exit_code, said in done.stderr) == (1, True), done.stderr


def test_sync_deletes_what_has_vanished(run: Run, tmp_path: Path) -> None:
    notes, index = tmp_path / "notes", tmp_path / "index"
    notes.mkdir()
    for name in ("one", "two"):
        (notes / f"{name}.md").write_text(f"# {name}\n\n{name.title()} met Ada Smith.")
    assert run("index", index, notes, "--sync", "--encoder", "hashing").exit_code == 0
    (notes / "one.md").unlink()
    assert "0 documents added, 0 changed, 1 unchanged, 1 deleted" in run("index", index, notes, "--sync").stdout
    shutil.rmtree(notes)
    assert run("index", index, notes, "--sync").exit_code == 1
    assert "--sync needs the folders" in run("index", index, "--sync").stderr
    assert json.loads(run("status", index, "--json").stdout)["documents"] == 1


def test_query_looks_where_it_is_told(run: Run, index: Path) -> None:
    question = ("query", index, "Whom did Ada Smith meet in Riga?", "--json", "-k", "9")
    assert len(json.loads(run(*question).stdout)["hits"]) == 3
    hits = json.loads(run(*question, "--where", "year >= 2").stdout)["hits"]
    assert {hit["document_id"] for hit in hits} == {"d2", "d3"}
    assert "no document satisfies the condition year = 9" in run(*question[:3], "--where", "year=9").stderr
    for asked in (question[:3], ("list", index)):
        said = run(*asked, "--where", "yeer = 9 or year = 9").stderr
        assert "no document has yeer; keys of metadata that there are: year\n" in said
        assert "no document has" not in run(*asked, "--where", "year = 9").stderr
    done = run(*question, "--where", "year >= ")
    assert (done.exit_code, json.loads(done.stderr)["error"]) == (1, "FilterError")


def test_a_text_that_is_no_utf8_is_refused(run: Run, index: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for file, stdin in ((tmp_path / "latin.txt", None), ("-", b"caf\xe9")):
        done = run("update", index, "d1", "--text-file", file, stdin=stdin)
        assert (done.exit_code, "cannot be read as UTF-8" in done.stderr) == (1, True), done.stderr


def test_a_dry_run_of_sync_says_what_would_go(run: Run, tmp_path: Path) -> None:
    notes, index = tmp_path / "notes", tmp_path / "index"
    notes.mkdir()
    for name in ("one", "two"):
        (notes / f"{name}.md").write_text(f"{name.title()} met Ada Smith.")
    assert run("index", index, notes, "--sync", "--encoder", "none").exit_code == 0
    (notes / "one.md").unlink()
    assert ", 1 to delete" in run("index", index, notes, "--sync", "--dry-run").stdout
    assert "to delete" not in run("index", index, notes, "--dry-run").stdout
    assert json.loads(run("status", index, "--json").stdout)["documents"] == 2
