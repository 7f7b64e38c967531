"""The fuzzing job: it finds what it is there to find, makes inputs again, and finds nothing in what we have."""

import json
import subprocess
import sys
import textwrap
from argparse import Namespace
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

from hippo.errors import DocumentError, HippoError
from pipelines import fuzz, fuzz_files, fuzz_targets
from pipelines.fuzz_target import Target
from pipelines.fuzz_targets import TARGETS
from pipelines.fuzz_worker import input_of

ROOT = Path(__file__).parents[2]
HARMFUL = """
    import os, time
    from hippo.errors import DocumentError

    def make(chance):
        return str(int(chance.random() * 10))

    def good(value, folder):
        if value == "7":
            raise DocumentError("x", "is refused")
        return "good"

    def crashes(value, folder):
        return 1 / int(value)

    def hangs(value, folder):
        while value == "3":
            pass
        return "good"

    def waits(value, folder):
        time.sleep(60 if value == "3" else 0)
        return "good"

    def starves(value, folder):
        time.sleep(3 if value == "3" else 0)
        return "good"

    def dies(value, folder):
        if value == "4":
            os._exit(9)
        return "good"

    def takes(value, folder):
        if value == "5":
            import resource
            # Beyond what this process has ever had: it may have let go of more than 200 MiB.
            held = bytearray(200 * 2**20 + 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return "good"
"""


@pytest.fixture(scope="module", autouse=True)
def no_process_left():
    yield
    fuzz_targets._process().close()
    fuzz_files.foreign_process().close()


def arguments(tmp_path: Path, **values: object) -> Namespace:
    usual = {"inputs": 10, "seconds": None, "seed": 10, "limit": 1.0, "processes": 1, "failures": tmp_path / "failures"}
    usual["state"] = None
    return Namespace(**(usual | values))


@pytest.fixture
def harmful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "harmful.py").write_text(textwrap.dedent(HARMFUL))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("pipelines.fuzz_worker._WARM_UP", -1)
    yield import_module("harmful")
    del sys.modules["harmful"]


def target(module, name: str, batch: int = 10) -> Target:
    return Target(name, 1.0, batch, module.make, getattr(module, name))


@pytest.mark.parametrize(
    ("name", "kind", "problem", "value"),
    [
        ("crashes", "crash", "ZeroDivisionError in harmful.py, line 14", "0"),
        ("hangs", "hang", "takes more than 1 s", "3"),
        ("dies", "crash", "the process ended with 9", "4"),
    ],
)
def test_harm_is_found_and_can_be_made_again(harmful, tmp_path, name, kind, problem, value) -> None:
    result = fuzz.run([target(harmful, name)], arguments(tmp_path))
    made = [input_of(target(harmful, name), 10, number) for number in range(10)]
    (found,) = result["kinds"]
    assert found == {"target": name, "kind": kind, "problem": problem, "times": made.count(value)}
    assert result["inputs"] == 10
    first = result["findings"][0]
    assert made[first["number"]] == value
    saved = tmp_path / "failures" / f"{kind}-{name}-10-{first['number']}"
    assert saved.read_text() == value
    assert json.loads(saved.with_name(saved.name + ".json").read_text()) == first
    assert f"{name}: {kind}: {problem}" in fuzz.report(result)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processor time of another process is not known")
def test_a_process_that_gets_no_time_does_not_hang(harmful, tmp_path) -> None:
    result = fuzz.run([target(harmful, "starves")], arguments(tmp_path))
    assert result["findings"] == []
    assert result["targets"]["starves"]["slowest"] > 2  # seconds, where the limit is 1


@pytest.mark.slow
def test_what_waits_for_ever_hangs(harmful, tmp_path) -> None:
    result = fuzz.run([target(harmful, "waits")], arguments(tmp_path, limit=0.3))
    made = [input_of(target(harmful, "waits"), 10, number) for number in range(10)]
    (found,) = result["kinds"]
    assert (found["kind"], found["times"]) == ("hang", made.count("3"))
    assert found["problem"] == f"waits for more than {3 if sys.platform.startswith('linux') else 0.3:g} s"


def test_a_run_goes_on_where_it_was_stopped(harmful, tmp_path) -> None:
    targets = [target(harmful, name, 3) for name in ("good", "crashes")]
    whole = fuzz.run(targets, arguments(tmp_path, inputs=60))
    state = tmp_path / "runs" / "state.json"
    first = fuzz.run(targets[:1], arguments(tmp_path, inputs=12, state=state))
    assert first["inputs"] == 12
    assert json.loads(state.read_text())["targets"]["good"]["given"] == 12
    both = fuzz.run(targets, arguments(tmp_path, inputs=60, state=state))
    assert {name: one["outcomes"] for name, one in both["targets"].items()} == {
        name: one["outcomes"] for name, one in whole["targets"].items()
    }
    assert (both["kinds"], both["findings"]) == (whole["kinds"], whole["findings"])
    # What was under way when a run was killed is tried again, and what was found is not lost.
    kept = json.loads(state.read_text())
    assert kept["targets"]["crashes"]["kinds"] == [["crash", whole["kinds"][0]["problem"], whole["kinds"][0]["times"]]]
    kept["targets"]["good"]["again"] = [[27, 3]]
    state.write_text(json.dumps(kept))
    assert fuzz.run(targets, arguments(tmp_path, inputs=60, state=state))["inputs"] == 63
    with pytest.raises(ValueError, match="seed 10, not 11"):
        fuzz.run(targets, arguments(tmp_path, seed=11, state=state))


@pytest.mark.skipif(sys.platform == "win32", reason="memory is not known")
def test_memory_is_weighed(harmful, tmp_path) -> None:
    from pipelines.fuzz_worker import Report, attempt

    report = Report()
    one = target(harmful, "takes")
    for number in range(10):
        attempt(one, 3, number, tmp_path, report)
    assert {finding.kind for finding in report.findings} == {"memory"}
    assert input_of(one, 3, report.findings[0].number) == "5"


def test_refusals_are_outcomes(harmful, tmp_path) -> None:
    result = fuzz.run([target(harmful, "good")], arguments(tmp_path))
    assert result["findings"] == []
    outcomes = result["targets"]["good"]["outcomes"]
    assert outcomes.keys() == {"good", DocumentError.__name__}
    assert sum(outcomes.values()) == 10
    assert not (tmp_path / "failures").exists()


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_depend_on_seed_and_number_alone(name: str) -> None:
    made = [input_of(TARGETS[name], 5, number) for number in range(20)]
    assert made == [input_of(TARGETS[name], 5, number) for number in range(20)]
    assert len(set(made)) > 10
    assert made != [input_of(TARGETS[name], 6, number) for number in range(20)]


GOOD = frozenset(
    "chunks extraction places key terms mapping read answer condition records config questions documents "
    "decisions dates remembered manifest identity snapshot backup run replies reply arrays tokens judgements turns "
    "results wording history".split()
) | {"taken over"}


@pytest.mark.parametrize("name", TARGETS)
def test_targets_get_through(name: str, tmp_path: Path) -> None:
    """Inputs that are all refused at the door would prove nothing."""
    one = TARGETS[name]
    for number in range(500):
        with suppress(HippoError, *one.allowed):
            if one.check(input_of(one, 1, number), tmp_path) in GOOD:
                return
    pytest.fail("nothing was read")


def test_a_minute_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.fuzz", "--seconds", "60", "--processes", "1", "--seed", "11"]
    command += ["--failures", str(tmp_path / "failures"), "--out", str(tmp_path / "out.json"), "--inputs", "1000000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["inputs"] > 1000
    assert result["findings"] == []


def test_the_command_fails_where_something_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {"seed": 0, "seconds": 0.0, "inputs": 1, "targets": {}, "kinds": [], "findings": [{"kind": "crash"}]}
    monkeypatch.setattr(fuzz, "run", lambda *_: found)
    for findings, status in ((found["findings"], 1), ([], 0)):
        monkeypatch.setitem(found, "findings", findings)
        monkeypatch.setattr("sys.argv", ["fuzz", "--inputs", "1"])
        with pytest.raises(SystemExit) as ended:
            fuzz.main()
        assert ended.value.code == status
    monkeypatch.setattr("sys.argv", ["fuzz", "--inputs", "0"])
    with pytest.raises(SystemExit):
        fuzz.main()
