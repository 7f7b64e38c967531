"""The command that brings indexes to harm, with a small number of trials: no finding."""

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.crash.__main__ import planned
from pipelines.crash.history import KINDS, history
from pipelines.crash.points import POINTS, _resolve

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
]


def trials(project: Path, **counts: int) -> dict[str, object]:
    options = [part for name, count in counts.items() for part in (f"--{name}", str(count))]
    command = [sys.executable, "-m", "pipelines.crash", "--json", *options]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    assert result["trials"] == sum(counts.values())
    assert result["findings"] == []
    return result


def test_every_point_is_there() -> None:
    for function, _ in POINTS.values():
        _resolve(function)


def test_histories_have_operations_of_every_kind() -> None:
    for seed in range(3):
        operations = history(seed, 12)
        assert {operation.kind for operation in operations} == set(KINDS)
        assert operations == history(seed, 12)
        assert all(one.after == other.before for one, other in pairwise(operations))


def test_a_run_that_is_broken_off_has_made_its_share_of_each() -> None:
    plan = planned({"kill": 50, "flip": 30, "full": 0})
    assert len(set(plan)) == 80
    half = [harm for harm, _ in plan[:40]]
    assert (half.count("kill"), half.count("flip")) == (25, 15)


@pytest.mark.timeout(1800)
def test_some_trials_without_a_finding(project: Path) -> None:
    result = trials(project, kills=2, points=3, faults=2, full=1, flips=2)
    assert set(result["counts"]) == {"kill", "point", "fault", "full", "flip"}  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_tenth_of_all_trials(project: Path) -> None:
    result = trials(project, kills=50, points=len(POINTS), faults=50, full=10, flips=30)
    assert set(result["points"]) == set(POINTS)  # type: ignore[arg-type]
