"""The process that tries inputs for `pipelines.fuzz`: one job after the other, told and answered through a pipe."""

import os
import random
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hippo.errors import HippoError
from pipelines.fuzz_target import Target

__all__ = ["MEMORY", "MEMORY_PER_BYTE", "Finding", "Job", "Report", "attempt", "input_of", "processor_time", "work"]

MEMORY = 32 * 2**20
"""Bytes that reading one input may take, whatever its size..."""
MEMORY_PER_BYTE = 100
"""... and for each of its bytes."""
_MOST_MEMORY = 4 * 2**30
"""Bytes that the process may have: more is an error at once."""
_WARM_UP = 300
"""First inputs of a process, in which packages are imported and caches filled: memory does not count."""


@dataclass(frozen=True, slots=True)
class Job:
    """Inputs to try: `count` of them from the number `first` on."""

    target: Target
    seed: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that did harm.

    Attributes:
        target: Name of the target.
        seed: Seed and number make the input again.
        number: See there.
        kind: "crash", "hang" or "memory".
        problem: What happened, in one line; the same for inputs that do the same harm.
        detail: More of it.
    """

    target: str
    seed: int
    number: int
    kind: str
    problem: str
    detail: str = ""


@dataclass(slots=True)
class Report:
    """What became of a job: inputs by outcome, findings, and the longest time of an input in seconds."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest: float = 0.0


def input_of(target: Target, seed: int, number: int) -> str | bytes:
    """The input of a number, the same on every machine."""
    return target.make(random.Random(f"{seed}/{target.name}/{number}"))  # noqa: S311  (no secrets)


def attempt(target: Target, seed: int, number: int, folder: Path, report: Report, *, weigh: bool = True) -> None:
    """Try one input.

    Args:
        target: What reads it.
        seed: Of the run.
        number: Of the input.
        folder: For files.
        report: Takes down what comes of it.
        weigh: Whether memory counts.
    """
    value = input_of(target, seed, number)
    before = _peak()
    began = time.perf_counter()
    try:
        outcome = target.check(value, folder)
    except Exception as error:
        outcome = type(error).__name__
        str(error)
        if not isinstance(error, (HippoError, *target.allowed)):
            where = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{outcome} in {Path(where.filename).name}, line {where.lineno}"
            report.findings.append(Finding(target.name, seed, number, "crash", problem, traceback.format_exc()[-2000:]))
    report.outcomes[outcome] += 1
    report.slowest = max(report.slowest, time.perf_counter() - began)
    grown = _peak() - before
    if weigh and grown > MEMORY + MEMORY_PER_BYTE * len(value):
        detail = f"{grown / 2**20:.0f} MiB for an input of {len(value)}"
        report.findings.append(Finding(target.name, seed, number, "memory", "takes too much memory", detail))


def work(connection: Connection, clock: Any, folder: Path) -> None:
    """Do jobs until there are no more.

    Args:
        connection: Gives jobs and takes reports.
        clock: Shared array of three numbers: the number of the input that is tried, since when, and the processor time
            that this process had taken then.
        folder: For files.
    """
    _limit_memory()
    tried = 0
    for job in _jobs(connection):
        report = Report()
        for number in range(job.first, job.first + job.count):
            clock[2], clock[0], clock[1] = time.process_time(), number, time.monotonic()
            attempt(job.target, job.seed, number, folder, report, weigh=tried > _WARM_UP)
            tried += 1
        clock[1] = 0.0
        connection.send(report)


def processor_time(pid: int | None) -> float | None:
    """Seconds of processor time that a process has taken, its children's aside; None where that is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        user, system = stat.rpartition(")")[2].split()[11:13]  # the name before may hold blanks
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):  # no Linux, or the process is gone
        return None


def _jobs(connection: Connection) -> Iterator[Job]:
    while (job := connection.recv()) is not None:
        yield job


def _peak() -> int:
    """Most bytes that this process has had in memory; 0 where that is not known."""
    resource = _resource()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if resource else 0


def _limit_memory() -> None:
    resource = _resource()
    if resource:
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _resource() -> Any:
    try:
        return import_module("resource")
    except ImportError:  # Windows
        return None
