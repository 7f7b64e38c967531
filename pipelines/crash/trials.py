"""Trials: a copy of an index, an operation that goes wrong in some way, and what the judge says."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.crash.history import Operation, history
from pipelines.crash.judge import Judge

__all__ = ["Bench", "Outcome", "build_shim"]

_LENGTH = 12
_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    Attributes:
        kind: What was done to the process.
        operation: What it was doing.
        ended: "done" before it came to harm, "killed", "error" with a type of hippo's, or "other".
        wrong: What is wrong with the index; empty if nothing is.
    """

    kind: str
    operation: str
    ended: str
    wrong: tuple[str, ...]


def build_shim(folder: Path) -> Path:
    """Compile the library that makes calls to the disk fail.

    Raises:
        FileNotFoundError: There is no C compiler.
    """
    source, target = Path(__file__).with_name("faulty_disk.c"), folder / "faulty_disk.so"
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(target), str(source), "-ldl"]
    subprocess.run(command, check=True)  # noqa: S603
    return target


class Bench:
    """Where trials are made.

    Args:
        folder: For indexes; emptied by nobody.
        seed: Of histories and of the moments of harm.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._judge = Judge(folder)
        self._chance = random.Random(seed)  # noqa: S311
        self._states: dict[tuple[int, int], Path] = {}

    def kill(self) -> Outcome:
        """SIGKILL at a random moment of an operation."""
        case = self._case()
        process = self._start(case)
        assert process.stdout is not None  # noqa: S101
        begun = process.stdout.readline()
        time.sleep(self._chance.random() * self._usual(case))
        process.kill()
        rest = process.stdout.read()
        process.wait(_PATIENCE)
        process.stdout.close()
        return self._judged("kill", case, "done" if "end " in begun + rest else "killed")

    def fail(self, shim: Path, *, code: int, sticky: bool) -> Outcome:
        """The i-th call that changes the disk fails, for a random i.

        Args:
            shim: What `build_shim` made.
            code: The error number that it fails with.
            sticky: Whether all calls after it fail as well, as on a full disk.
        """
        case = self._case()
        count = self._folder / "count"
        environment = {"LD_PRELOAD": str(shim), "FAULTY_FOLDER": str(case.root), "FAULTY_COUNT": str(count)}
        usual = self._calls(case, environment, count)
        at = self._chance.randint(1, max(usual, 1))
        extra = {"FAULTY_AT": str(at), "FAULTY_ERRNO": str(code), "FAULTY_STICKY": str(int(sticky))}
        done = self._run(case, {**environment, **extra})
        ended = {0: "done", 1: "error"}.get(done.returncode, "other")
        outcome = self._judged(f"errno {code}{' from then on' if sticky else ''}", case, ended)
        if ended == "other":
            return Outcome(outcome.kind, outcome.operation, ended, (*outcome.wrong, done.stdout[-2000:]))
        return outcome

    def _calls(self, case: "_Case", environment: Mapping[str, str], count: Path) -> int:
        """How many calls change the disk when nothing fails."""
        twin = _Case(self._folder / "twin", case.seed, case.number)
        shutil.copytree(case.root, twin.root) if case.root.exists() else None
        self._run(twin, {**environment, "FAULTY_FOLDER": str(twin.root)})
        shutil.rmtree(twin.root)
        return int(count.read_text())

    def _case(self) -> "_Case":
        """A copy of an index in the middle of a history."""
        seed, number = self._chance.randrange(20), self._chance.randrange(_LENGTH)
        state = self._state(seed, number)
        root = self._folder / f"trial-{self._chance.getrandbits(48):012x}"
        if state.exists():
            shutil.copytree(state, root)
        return _Case(root, seed, number)

    def _state(self, seed: int, number: int) -> Path:
        """The index before an operation, made by all those before it."""
        if (seed, number) not in self._states:
            root = self._folder / f"state-{seed}-{number}"
            if number:
                before = self._state(seed, number - 1)
                if before.exists():
                    shutil.copytree(before, root)
                done = self._run(_Case(root, seed, number - 1), {})
                if done.returncode:
                    raise RuntimeError(f"an operation fails without harm: {done.stdout}")
            self._states[seed, number] = root
        return self._states[seed, number]

    def _usual(self, case: "_Case") -> float:
        """Seconds in which an operation is over, about."""
        return 0.8 if case.operation.kind != "prune" else 0.4

    def _start(self, case: "_Case", environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        numbers = (case.seed, _LENGTH, case.number, case.number + 1)
        command = [sys.executable, "-m", "pipelines.crash.work", str(case.root), *map(str, numbers)]
        return subprocess.Popen(  # noqa: S603
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def _run(self, case: "_Case", environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        process = self._start(case, environment)
        said, _ = process.communicate(timeout=_PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, said)

    def _judged(self, kind: str, case: "_Case", ended: str) -> Outcome:
        operation = case.operation
        before = history(case.seed, _LENGTH)[case.number - 1].after if case.number else {}
        try:
            wrong = self._judge.after_crash(case.root, before, operation)
        except Exception as error:
            wrong = [f"{type(error).__name__}: {error}"]
        if wrong:
            return Outcome(kind, operation.kind, ended, (*wrong, f"kept in {case.root}"))
        shutil.rmtree(case.root)
        return Outcome(kind, operation.kind, ended, ())


@dataclass(frozen=True, slots=True)
class _Case:
    root: Path
    seed: int
    number: int

    @property
    def operation(self) -> Operation:
        return history(self.seed, _LENGTH)[self.number]
