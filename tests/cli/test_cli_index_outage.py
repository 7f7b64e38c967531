"""`hippo index` whose language model is of no use: exit code 1, with the reasons and what to do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

from hippo.testing import Faults, LLMServer, respond

Run = Callable[..., typer.testing.Result]
OPTIONS = ("--extractor", "llm", "--llm", "openai:test", "--encoder", "hashing", "--quiet")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "ada.md").write_text("Ada Smith was born in Riga.\n", "utf-8")
    (folder / "riga.txt").write_text("Riga is the capital of Latvia.\n", "utf-8")
    return folder


def settings(server: LLMServer, attempts: int = 1) -> dict[str, str]:
    return {"HIPPO_LLM__OPENAI__BASE_URL": server.base_url, "HIPPO_LLM__ATTEMPTS": str(attempts)}


@pytest.mark.parametrize("answers", [True, False])
def test_nothing_at_all_was_extracted(run: Run, tmp_path: Path, notes: Path, answers: bool) -> None:
    moods = ["I would rather not."] * 100 if answers else []
    faults = None if answers else Faults(rate=1.0, kinds=("503",), retry_after=None)
    with LLMServer(respond=lambda request: moods.pop() if moods else respond(request), faults=faults) as server:
        failed = run("index", tmp_path / "index", notes, *OPTIONS, **settings(server))
        assert failed.exit_code == 1
        assert "tmp/index now holds 2 passages" in failed.stdout.replace(str(tmp_path), "tmp")
        *_, last = failed.stderr.splitlines()
        assert last.startswith("error: extractor 'llm': none of 2 passages could be extracted: ")
        assert last.endswith("run the same command again to go on")
        as_json = run("index", tmp_path / "index", notes, *OPTIONS, "--json", **settings(server))
        assert (as_json.exit_code, len(json.loads(as_json.stdout)["failed"])) == (1, 2)
        assert json.loads(as_json.stderr)["error"] == "ExtractionError"
        server.faults = None
        moods.clear()
        assert run("index", tmp_path / "index", notes, *OPTIONS, **settings(server)).exit_code == 0


def test_an_outage_while_more_is_added(run: Run, tmp_path: Path, notes: Path) -> None:
    with LLMServer() as server:
        assert run("index", tmp_path / "index", notes, *OPTIONS, **settings(server)).exit_code == 0
    (notes / "oslo.txt").write_text("Oslo is the capital of Norway.", "utf-8")
    failed = run("index", tmp_path / "index", notes, *OPTIONS, **settings(server))
    assert failed.exit_code == 1
    assert "none of 1 passages could be extracted: 1 x model 'test' did not answer" in failed.stderr
    with server:
        (notes / "bergen.txt").write_text("Bergen lies in Norway.", "utf-8")
        server.faults = Faults(rate=1.0, kinds=("503",), retry_after=None, only="Oslo")
        some = run("index", tmp_path / "index", notes, *OPTIONS, **settings(server))
        assert (some.exit_code, "1 failed, will be tried again" in some.stderr) == (0, True)
