"""The jobs that measure the life of an index, with a tenth of a tenth of the numbers."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.life.corpus import document, documents
from pipelines.life.readers import Seen, _wrong


def run(name: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"pipelines.life.{name}", *options, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("name", ["changes", "latency", "memory", "readers"])
def test_help_has_an_example(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module = importlib.import_module(f"pipelines.life.{name}")
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"    python -m pipelines.life.{name}" in said
    assert "--json" in said


def test_documents_are_the_same_every_time() -> None:
    assert list(documents(range(3))) == [document(0), document(1), document(2)]
    assert document(5) != document(5, seed=1)
    assert len({one.text for one in documents(range(500))}) == 500


@pytest.mark.slow
def test_readers_beside_a_writer_see_complete_states_only() -> None:
    result = run("readers", "--publishes", "4", "--threads", "1", "--processes", "3", "--fresh", "2")
    assert result["findings"] == []
    assert {one["kind"] for one in result["readers"]} == {
        "thread, watches",
        "process, watches",
        "process, refreshes",
        "process, opens anew",
    }
    assert all(one["rounds"] > 0 for one in result["readers"])
    assert result["compared"] == {"answers to 16 threads": 64, "states built anew": 2}


def test_what_readers_must_not_see_is_found() -> None:
    expected = {1: "a", 2: "b"}
    assert _wrong(Seen("x", [(1, 1, "a"), (1, 2, "b"), (2, 2, "b")]), expected) == []
    assert _wrong(Seen("x", [(1, 1, "b")]), expected) == ["another answer than that of snapshots 1 to 1"]
    assert _wrong(Seen("x", [(2, 2, "b"), (1, 1, "a")]), expected) == ["snapshot 1 after 2"]
    assert _wrong(Seen("x"), expected) == ["it saw nothing"]


@pytest.mark.slow
def test_latency_beside_a_writer() -> None:
    result = run("latency", "--passages", "60", "--changed", "3", "--seconds", "1", "--rounds", "1", "--rate", "10")
    assert set(result["phases"]) == {"idle", "writer", "writer, nice 10"}
    assert all(one["questions"] == 10 for one in result["phases"].values())
    assert result["phases"]["idle"]["changes"] == 0
    assert result["phases"]["writer"]["changes"] > 0
    assert result["ratios"]["writer"]["p99"] > 0


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux says what processes share")
@pytest.mark.slow
def test_memory_of_readers() -> None:
    result = run("memory", "--passages", "60", "--processes", "2", "--questions", "2")
    assert result["many"]["processes"] == 2
    assert result["many"]["pss_mib"] < result["many"]["rss_mib"]
    assert result["each_more_mib"] < result["one"]["rss_mib"]


@pytest.mark.slow
def test_cost_of_changes(tmp_path: Path) -> None:
    options = ["--passages", "60", "--changed", "5", "--rounds", "1", "--encoder", "hashing", "--folder", str(tmp_path)]
    result = run("changes", *options, "--every", "10")
    assert result["as_before"]
    assert (result["passages"], result["rounds"][0]["delete"]["embedded"]) == (60, 0)
    assert 0 < result["rounds"][0]["add"]["embedded"] < 100
    again = run("changes", *options, "--every", "10")
    assert again["build"] == result["build"], "the index is built once"
