"""What questions cost in this process: of the processor, by stage, when they are asked first and when asked again."""

import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.common import table
from pipelines.machine import spread

if TYPE_CHECKING:
    from hippo import Hippo
    from hippo.types import Retrieval

__all__ = ["ask", "forget", "show_stages", "stages"]

_SLOWEST = 0.99


def ask(memory: "Hippo", questions: Sequence[str], encoding: Callable[[], float] = lambda: 0.0) -> dict[str, Any]:
    """Ask questions one at a time, all of them twice: at first pages of the index are read that memory does not hold.

    Args:
        memory: The index.
        questions: At least one.
        encoding: Seconds of the processor that the encoder has taken so far, which are not counted.

    Returns:
        `median_ms`, `p10_ms`, `p90_ms` and `p99_ms` of the processor, `again_median_ms` and `again_p99_ms`; `clock_ms`
        and `again_clock_ms`, the spread by the clock, since two threads may work at a time; `stages` when asked again,
        `slowest`, the same of the slowest hundredth when asked first, and `walks` of both; `page_faults`: minor ones of
        a question in the median, major ones, which wait for the disk, of all; `read_mib` from the disk, of all.
    """
    began = _read()
    first, clock, found, faults = _pass(memory, questions, encoding)
    read = _read() - began
    forget()
    again, clock_again, warm, _ = _pass(memory, questions, encoding)
    slow = [one for one, taken in zip(found, first, strict=True) if taken >= np.quantile(first, _SLOWEST)]
    times = spread(first)
    return {
        **{f"{name}_ms": times[name] for name in ("median", "p10", "p90")},
        "p99_ms": _p99(first),
        "clock_ms": {**spread(clock), "p99": _p99(clock)},
        "again_median_ms": spread(again)["median"],
        "again_p99_ms": _p99(again),
        "again_clock_ms": {**spread(clock_again), "p99": _p99(clock_again)},
        "stages": stages(warm),
        "slowest": stages(slow),
        "walks": {"all": _walks(found), "slowest": _walks(slow)},
        "page_faults": {"minor": float(np.median(faults[:, 0])), "major": int(faults[:, 1].sum())},
        "read_mib": round(read / 2**20, 1),
    }


def forget() -> None:
    """Let go of what is remembered of questions."""
    from hippo.retrieval.names import _names_in
    from hippo.search.lexical import _asked

    _names_in.cache_clear()
    _asked.cache_clear()


def stages(found: "Sequence[Retrieval]") -> dict[str, dict[str, float]]:
    """Milliseconds of a question by stage, by the clock: names as in `Retrieval.seconds`."""
    names = dict.fromkeys(name for one in found for name in one.seconds)
    return {name: spread([1e3 * one.seconds.get(name, 0.0) for one in found]) for name in names}


def show_stages(found: "dict[str, dict[str, dict[str, float]]]") -> str:
    """Stages of several ways as text, in milliseconds."""
    names = dict.fromkeys(name for one in found.values() for name in one)
    rows = [
        [way, *(f"{one[name]['median']:.2f}" if name in one else "" for name in names)] for way, one in found.items()
    ]
    return table(["ms by stage", *names], rows)


def _p99(taken: Sequence[float]) -> float:
    return round(float(np.quantile(taken, 0.99)), 4)


def _walks(found: "Sequence[Retrieval]") -> dict[str, dict[str, float]]:
    """By engine: how many questions it walked for, and its pushes or sweeps in the median."""
    steps: dict[str, list[int]] = {}
    for one in found:
        steps.setdefault(str(one.parameters.get("engine")), []).append(int(one.parameters.get("sweeps", 0)))
    return {name: {"questions": len(taken), "steps": float(np.median(taken))} for name, taken in sorted(steps.items())}


def _pass(
    memory: "Hippo", questions: Sequence[str], encoding: Callable[[], float]
) -> "tuple[list[float], list[float], list[Retrieval], np.ndarray[Any, Any]]":
    taken, clock, found, faults = [], [], [], []
    for question in questions:
        before, used, began, at = encoding(), resource.getrusage(resource.RUSAGE_SELF), process_time(), perf_counter()
        found.append(memory.retrieve(question))
        encoded = encoding() - before
        clock.append(1e3 * (perf_counter() - at - encoded))
        taken.append(1e3 * (process_time() - began - encoded))
        now = resource.getrusage(resource.RUSAGE_SELF)
        faults.append((now.ru_minflt - used.ru_minflt, now.ru_majflt - used.ru_majflt))
    return taken, clock, found, np.array(faults)


def _read() -> int:
    """Bytes that this process has had read from the disk; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/io").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return int(next(line for line in lines if line.startswith("read_bytes")).split()[1])
