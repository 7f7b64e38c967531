"""What a reader feels of a writer: the time of its questions while another process publishes, and while none does.

    python -m pipelines.life.latency --passages 2000 --seconds 20 --rounds 5 --out runs/latency.json
    python -m pipelines.life.latency --passages 200 --seconds 2 --rounds 1

One process asks questions at a steady rate and opens newer snapshots by itself. Phases take turns: nobody writes; a
writer adds and deletes documents without a pause, as fast as it can; the same writer with a lower priority (`nice -n
10`, which is what to give an indexing job on a machine that answers questions). So what else the machine does falls on
all alike. A question that comes late because the one before took long is late in what is measured.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hippo import Hippo
from pipelines.common import new_parser, publish, table
from pipelines.life.built import built
from pipelines.life.corpus import documents, question

__all__ = ["main", "measure"]

_PHASES = {"idle": None, "writer": 0, "writer, nice 10": 10}
"""By name, the niceness of the writer; None: there is none."""


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--passages", type=int, default=2000, help="in the index")
    parser.add_argument("--changed", type=int, default=20, help="documents added, then deleted, by each change")
    parser.add_argument("--rate", type=float, default=20.0, help="questions a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a phase")
    parser.add_argument("--rounds", type=int, default=5, help="of all phases")
    parser.add_argument("--folder", type=Path, help="where the index is kept; default: a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hippo-latency-") as scratch:
        result = measure(arguments, built(arguments.folder or Path(scratch), arguments.passages))
    publish(arguments, result, _shown(result))
    sys.exit(0)


def measure(arguments: Namespace, root: Path) -> dict[str, Any]:
    """All phases in turns."""
    context = multiprocessing.get_context("spawn")
    seconds: dict[str, list[float]] = {name: [] for name in _PHASES}
    changes = dict.fromkeys(_PHASES, 0)
    with Hippo.open(root, watch=True) as memory:
        memory.retrieve(question(0))
        for number in range(arguments.rounds):
            for name, nice in _in_turn(number):
                if nice is None:
                    seconds[name] += _ask(memory, arguments)
                    continue
                stop, queue = context.Event(), context.Queue()
                ready = context.Event()
                details = (root, arguments.changed, nice, ready, stop, queue)
                writer = context.Process(target=_write, args=details, daemon=True)
                writer.start()
                ready.wait()
                seconds[name] += _ask(memory, arguments)
                stop.set()
                changes[name] += queue.get()
                writer.join()
        if memory.watch_error is not None:
            raise memory.watch_error
    return {
        "passages": arguments.passages,
        "cores": os.cpu_count(),
        "phases": {name: {"changes": changes[name], **_summary(found)} for name, found in seconds.items()},
        "ratios": {name: _ratios(seconds["idle"], found) for name, found in seconds.items() if name != "idle"},
    }


def _in_turn(number: int) -> list[tuple[str, int | None]]:
    """The phases; each round another one begins."""
    phases = list(_PHASES.items())
    first = number % len(phases)
    return [*phases[first:], *phases[:first]]


def _ask(memory: Hippo, arguments: Namespace) -> list[float]:
    """Seconds from when each question was due until it was answered."""
    found = []
    began = time.perf_counter()
    for number in range(int(arguments.rate * arguments.seconds)):
        due = began + number / arguments.rate
        time.sleep(max(0.0, due - time.perf_counter()))
        memory.retrieve(question(number % arguments.passages))
        found.append(time.perf_counter() - due)
    return found


def _write(root: Path, count: int, nice: int, ready: Any, stop: Any, queue: Any) -> None:
    """Add and delete documents until told to stop; the index is then as it was."""
    os.nice(nice)
    changes = 0
    new = list(documents(range(10**6, 10**6 + count)))
    with Hippo.open(root, config={"indexing": {"keep_versions": False}}) as memory:
        reader = multiprocessing.parent_process()
        while not stop.is_set() and reader is not None and reader.is_alive():
            memory.add(new)
            memory.delete(*[one.id or "" for one in new])
            changes += 2
            ready.set()
    queue.put(changes)


def _summary(seconds: Sequence[float]) -> dict[str, Any]:
    milliseconds = np.array(seconds) * 1e3
    levels = {"median_ms": 50, "p95_ms": 95, "p99_ms": 99}
    return {
        "questions": len(seconds),
        **{name: round(float(np.percentile(milliseconds, level)), 2) for name, level in levels.items()},
    }


def _ratios(idle: Sequence[float], found: Sequence[float]) -> dict[str, float]:
    before, now = _summary(idle), _summary(found)
    return {name.removesuffix("_ms"): round(now[name] / before[name], 2) for name in before if name.endswith("_ms")}


def _shown(result: dict[str, Any]) -> str:
    rows = [
        [
            name,
            found["questions"],
            found["changes"],
            *(found[key] for key in ("median_ms", "p95_ms", "p99_ms")),
            result["ratios"].get(name, {}).get("p99", 1.0),
        ]
        for name, found in result["phases"].items()
    ]
    header = ["phase", "questions", "publishes", "median ms", "p95 ms", "p99 ms", "p99 / idle"]
    return f"{result['passages']} passages, {result['cores']} cores\n" + table(header, rows)


if __name__ == "__main__":
    main()
