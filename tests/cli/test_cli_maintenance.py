"""`hippo doctor`, `hippo backup`, `hippo restore` and `hippo prune`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

Run = Callable[..., typer.testing.Result]


@pytest.fixture
def index(index_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(index_path, tmp_path / "index"))


def test_doctor_examines_and_repairs(run: Run, index: Path) -> None:
    done = run("doctor", index)
    assert (done.exit_code, done.stdout.startswith("sound: ")) == (0, True)
    next(index.glob("snapshots/*/graph.indices.npy")).write_bytes(b"x")
    done = run("doctor", index, "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["sound"], found["problems"][0]["part"]) == (1, False, "snapshot 000001")
    assert "damaged: snapshot 000001" in run("doctor", index, "--quick").stdout
    done = run("doctor", index, "--repair", "--quiet")
    assert (done.exit_code, "repaired: snapshot 000001 was removed" in done.stdout) == (0, True)
    assert run("query", index, "Where was Ada Smith born?", "--json").exit_code == 0


def test_doctor_says_what_no_repair_can_mend(run: Run, index: Path) -> None:
    shutil.rmtree(index / "snapshots")
    (index / "store.duckdb").write_bytes(b"x" * 5000)
    assert "restore it from a backup" in run("doctor", index).stdout
    done = run("doctor", index, "--repair", "--json")
    assert (done.exit_code, json.loads(done.stderr)["error"]) == (1, "IndexCorruptError")


def test_a_backup_is_restored(run: Run, index: Path, tmp_path: Path) -> None:
    assert "snapshot 000001" in run("backup", index, tmp_path / "copy").stdout
    assert "exists already" in run("backup", index, tmp_path / "copy").stderr
    made = json.loads(run("restore", tmp_path / "copy", tmp_path / "again", "--json").stdout)
    assert made["snapshot"] == "000001"
    query = ("Where was Ada Smith born?", "--json")
    first, second = (json.loads(run("query", path, *query).stdout) for path in (index, tmp_path / "again"))
    assert first["hits"] == second["hits"]


def test_prune_tells_what_went(run: Run, index: Path) -> None:
    assert "0 snapshots and 0 vectors removed" in run("prune", index).stdout
    assert json.loads(run("prune", index, "--json").stdout)["embeddings"] == 0
    assert "at least 1" in run("prune", index, "--keep", "0").stderr
