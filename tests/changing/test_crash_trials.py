"""The command that brings indexes to harm, with a tenth of its trials: no finding."""

import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from hippo.errors import InputError
from pipelines.crash.disk import build_shim
from pipelines.crash.history import KINDS, history
from pipelines.crash.job import planned
from pipelines.crash.points import POINTS, resolve
from pipelines.crash.trials import Bench

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
]


def test_a_history_without_a_point_says_what_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, 7, 1)
    monkeypatch.setattr(bench, "_history", lambda _: [])
    with pytest.raises(InputError, match=r"no operation of seed 7 reaches '.*: raise --histories above 1"):
        bench.trial("point", 0)


CALLS = """
import errno, os, shutil, sys
from pathlib import Path
from hippo.errors import InputError
from pipelines.crash.disk import arm, calls

root = Path(sys.argv[1])
(root / "a").write_bytes(b"x")
folder, file = os.open(root, os.O_RDONLY), os.open(root / "a", os.O_RDWR)
steps = {
    "a file that is made": lambda: (root / "new").touch(),
    "a file that is only read": lambda: (root / "a").read_bytes(),
    "write": lambda: os.write(file, b"y"),
    "pwrite": lambda: os.pwrite(file, b"y", 0),
    "writev": lambda: os.writev(file, [b"y"]),
    "sendfile": lambda: os.sendfile(file, file, 0, 1),
    "copy_file_range": lambda: os.copy_file_range(folder, file, 1),
    "fsync": lambda: os.fsync(file),
    "truncate": lambda: os.truncate(root / "a", 0),
    "fallocate": lambda: os.posix_fallocate(file, 0, 9),
    "rename": lambda: os.rename(root / "a", root / "b"),
    "renameat": lambda: os.rename("b", "a", src_dir_fd=folder, dst_dir_fd=folder),
    "link": lambda: os.link(root / "a", root / "c"),
    "symlink": lambda: os.symlink("a", root / "d"),
    "mkdir": lambda: os.mkdir(root / "e"),
    "mkdirat": lambda: os.mkdir("f", dir_fd=folder),
    "unlink": lambda: os.unlink(root / "c"),
    "unlinkat": lambda: os.unlink("d", dir_fd=folder),
    "rmdir": lambda: os.rmdir(root / "e"),
}
for name, step in steps.items():
    arm(root, 1, errno.ENOSPC)
    try:
        step()
    except OSError as error:
        print(name, error.errno == errno.ENOSPC, calls())
    else:
        print(name, "done", calls())
"""


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
    assert len({resolve(name) for name in POINTS}) > len(POINTS) / 2


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


def test_calls_that_change_a_disk_can_fail(project: Path, tmp_path: Path) -> None:
    shim = build_shim(tmp_path)
    (tmp_path / "disk").mkdir()
    command = [sys.executable, "-c", CALLS, str(tmp_path / "disk")]
    environment = {**os.environ, "LD_PRELOAD": str(shim)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    said = [line.rsplit(" ", 2) for line in done.stdout.splitlines()]
    assert len(said) == 19
    assert [line for line in said if line[1:] != ["True", "1"]] == [["a file that is only read", "done", "0"]]


@pytest.mark.timeout(1800)
def test_a_tenth_of_all_trials(project: Path) -> None:
    result = trials(project, kills=50, points=30, faults=50, full=10, flips=30)
    assert set(result["counts"]) == {"kill", "point", "fault", "full", "flip"}  # type: ignore[arg-type]
    assert len(result["points"]) == 30  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_kill_at_every_point(project: Path) -> None:
    result = trials(project, kills=0, points=len(POINTS), faults=0, full=0, flips=0)
    assert set(result["points"]) == set(POINTS)  # type: ignore[arg-type]
