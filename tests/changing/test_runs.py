"""Every run that changes an index leaves a manifest: what ran, with what, what came of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.errors import DocumentError, ExtractionError
from hippo.types import Chunk

ADA = {"id": "ada", "text": "Ada Smith was born in Riga."}


def opened(path: Path, **options: Any) -> Hippo:
    return Hippo.open(path, **{"encoder": "hashing", **options})


class Broken:
    """An extractor that cannot work."""

    fingerprint = "broken/1"

    def extract(self, chunks: list[Chunk]) -> Any:
        raise ExtractionError("broken", "it is broken")


def test_each_kind_of_run_is_kept(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "riga.txt").write_text("Riga is the capital of Latvia.")
    (tmp_path / "notes" / "odd.xyz").write_text("?")
    with opened(tmp_path / "index") as memory:
        assert memory.runs() == []
        memory.add(ADA)
        memory.add(ADA)
        memory.add_files(tmp_path / "notes")
        memory.update("ada", metadata={"year": 1850})
        memory.delete("ada")
        memory.sync(tmp_path / "notes")
        runs = memory.runs()[::-1]
        with pytest.raises(DocumentError):
            memory.delete("nobody")
        failed = memory.runs()[0]
    assert [run.command for run in runs] == ["add", "add", "add_files", "update", "delete", "sync"]
    assert {run.outcome for run in runs} == {"done"}
    reports: list[Any] = [run.report for run in runs]
    assert [(one["added"], one["changed"], one["unchanged"], one["deleted"]) for one in reports] == [
        (1, 0, 0, 0),
        (0, 0, 1, 0),
        (1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 0, 1),
        (0, 0, 1, 0),
    ]
    assert reports[2]["skipped"]
    assert reports[0]["seconds"]["publish"] > 0
    assert {"hippo-memory", "python", "system", "duckdb", "numpy"} <= set(runs[0].versions)
    assert (runs[0].encoder, runs[0].extractor, runs[4].extractor) == ("hashing-1:256", "pattern/1", None)
    assert runs[0].configuration["encoder"]["name"] == "hashing"
    assert (failed.outcome, failed.report) == ("failed", None)
    assert (failed.problem or "").startswith("DocumentError: nobody")


def test_equal_configurations_have_equal_fingerprints_and_no_secrets(tmp_path: Path) -> None:
    llm = {"openai": {"api_key": "sk-very-secret"}}
    for options in ({"llm": llm}, {"llm": llm}, {"llm": llm, "indexing": {"batch_texts": 7}}):
        with opened(tmp_path / "index", overrides=options) as memory:
            memory.add(ADA)
            runs = memory.runs()
    assert runs[2].fingerprint == runs[1].fingerprint != runs[0].fingerprint
    assert "sk-very-secret" not in "".join(file.read_text() for file in (tmp_path / "index" / "runs").iterdir())


def test_a_failure_is_kept_with_its_reason(tmp_path: Path) -> None:
    with opened(tmp_path / "index", extractor=Broken()) as memory:
        with pytest.raises(ExtractionError):
            memory.add(ADA)
        [run] = memory.runs()
    assert (run.outcome, run.problem) == ("failed", "ExtractionError: extractor 'broken': it is broken")


def test_the_newest_are_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "index", overrides={"indexing": {"keep_runs": 2}}) as memory:
        for number in range(4):
            memory.add({"id": str(number), "text": "Ada Smith was born in Riga."})
        (tmp_path / "index" / "runs" / "9.json").write_text("{}")
        assert [run.report["added"] for run in memory.runs() if run.report] == [1, 1]
    with opened(tmp_path / "none", overrides={"indexing": {"keep_runs": 0}}) as memory:
        memory.add(ADA)
        assert memory.runs() == []
        assert not (tmp_path / "none" / "runs").exists()


def test_the_command_line_lists_them(tmp_path: Path) -> None:
    with opened(tmp_path / "index") as memory:
        memory.add(ADA)
    text = CliRunner().invoke(app, ["status", str(tmp_path / "index"), "--runs"]).stdout
    assert "  add        done   " in text.splitlines()[-1]
    assert text.rstrip().endswith("1 added")
    data = json.loads(CliRunner().invoke(app, ["status", str(tmp_path / "index"), "--runs", "--json"]).stdout)
    assert [run["command"] for run in data["runs"]] == ["add"]
    assert "runs" not in json.loads(CliRunner().invoke(app, ["status", str(tmp_path / "index"), "--json"]).stdout)
