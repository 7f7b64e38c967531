"""The same stages on a Ray cluster of this machine, run as the commands are: Ray starts threads that stay."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hippo import Hippo
from pipelines.fingerprints import differences, fingerprints

pytest.importorskip("ray.data", reason="Ray Data is not installed; it comes with hippo-memory[ray]")


def run(project: Path, *arguments: str) -> dict[str, object]:
    """What a job prints with --json."""
    command = [sys.executable, "-m", *arguments, "--quiet", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def corpus(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "sample_corpus.json"
    records = json.loads((project_root / "data" / "sample_corpus.json").read_text("utf-8"))
    path.write_text(json.dumps(records[:40]), "utf-8")
    return path


@pytest.fixture(scope="module")
def project_root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plain(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("plain") / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add_files(corpus)
    return fingerprints(root)


def build(project: Path, corpus: Path, folder: Path, workers: int) -> dict[str, object]:
    return run(
        project, "pipelines.build_index", str(corpus), "--index", str(folder / "index"), "--work", str(folder / "work"),
        "--encoder", "hashing", "--part", "8", "--executor", "ray", "--workers", str(workers), "--num-cpus", "2",
    )  # fmt: skip


@pytest.mark.slow
def test_ray_makes_the_same_as_one_process(
    project_root: Path, corpus: Path, plain: dict[str, str], tmp_path: Path
) -> None:
    report = build(project_root, corpus, tmp_path, 2)
    assert report["executor"] == "ray"
    assert differences(plain, fingerprints(tmp_path / "index")) == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_any_number_of_workers(
    project_root: Path, corpus: Path, plain: dict[str, str], tmp_path: Path, workers: int
) -> None:
    build(project_root, corpus, tmp_path, workers)
    assert differences(plain, fingerprints(tmp_path / "index")) == []


@pytest.mark.slow
def test_an_error_of_a_worker_is_told_as_it_is(project_root: Path, corpus: Path, tmp_path: Path) -> None:
    build(project_root, corpus, tmp_path, 1)
    shard = min((tmp_path / "work" / "extract").iterdir())
    shard.write_bytes(shard.read_bytes()[:100])
    command = [
        sys.executable,
        "-m",
        "pipelines.build_index",
        str(corpus),
        "--index",
        str(tmp_path / "index"),
        "--quiet",
    ]
    command += ["--work", str(tmp_path / "work"), "--encoder", "hashing", "--part", "8", "--executor", "ray"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=project_root, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"error: {shard}: is damaged:")


@pytest.mark.slow
def test_a_grid_gives_the_same_on_ray(project_root: Path, tmp_path: Path) -> None:
    """Several runs of one executor, on one cluster: indexes and rankings of a sweep."""
    options = ["pipelines.sweep", "multilingual", "--datasets", str(project_root / "data"), "--encoder", "none"]
    options += ["--setting", "graph.follow_distance=0,2", "--option", "name_share=0,0.4"]
    local = run(project_root, *options, "--index", str(tmp_path / "local"))
    ray = ["--executor", "ray", "--workers", "2", "--num-cpus", "4", "--index", str(tmp_path / "ray")]
    assert run(project_root, *options, *ray)["recall"] == local["recall"]
