"""What remembering costs beside a large index, and recalling meanwhile; and whether a killed process loses anything.

    python -m pipelines.remember --turns 100000 --calls 500
    python -m pipelines.remember --turns 1000 --calls 50
    python -m pipelines.remember --kills 100

An index of so many turns is made, or taken from --folder. Then `remember` is called so many times, each with a turn of
its own: its time is that of the whole call, less what the encoder took. Recalls are timed in turns with nobody writing,
and with a process that remembers 50 turns a second; the ratio of the two medians comes from the same run. A turn counts
as seen once a recall that asks for it finds it first.

With --kills a process remembers and merges without a pause and says after each call that it has returned; it is killed
by SIGKILL at a random moment. Every turn that it had said must be there, once, when the index is opened again, before
and after the merge.
"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo import Hippo
from hippo.testing import HashingEncoder
from hippo.types import TextKind
from pipelines.common import new_parser, publish, table
from pipelines.life.corpus import document, documents

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["Timed", "kill", "main", "measure"]

_RATE = 50.0
"""Turns a second that are remembered beside recalls."""
_MANUAL = {"indexing": {"merge_after": 0}}


class Timed:
    """An encoder that says how long it has taken."""

    def __init__(self) -> None:
        self._encoder = HashingEncoder()
        self.fingerprint, self.dimension = self._encoder.fingerprint, self._encoder.dimension
        self.seconds = 0.0

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "Float32":
        """Vectors of texts, float32 `(n, d)`."""
        began = time.perf_counter()
        vectors = self._encoder.encode(texts, kind=kind)
        self.seconds += time.perf_counter() - began
        return vectors


def main() -> None:
    """Parse arguments, measure or kill, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--turns", type=int, default=1000, help="in the index")
    parser.add_argument("--calls", type=int, default=100, help="of remember, and of recall in each phase")
    parser.add_argument("--rounds", type=int, default=3, help="of the phases of recalling")
    parser.add_argument(
        "--kills", type=int, default=0, help="kill a remembering process so many times, and measure nothing"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which it is killed")
    parser.add_argument("--folder", type=Path, help="where the index is kept; default: a temporary folder")
    parser.add_argument("--child", type=Path, help="remember in this index until killed (used by --kills)")
    arguments = parser.parse_args()
    if arguments.child:
        _remember_until_killed(arguments.child)
    with tempfile.TemporaryDirectory(prefix="hippo-remember-") as scratch:
        folder = arguments.folder or Path(scratch)
        result = kill(arguments, folder) if arguments.kills else measure(arguments, folder)
    publish(arguments, result, _shown(result))
    sys.exit(1 if result.get("lost") or result.get("doubled") else 0)


def measure(arguments: Namespace, folder: Path) -> dict[str, Any]:
    """Times of remember and recall beside an index."""
    root = folder / f"turns-{arguments.turns}"
    encoder = Timed()
    with Hippo.open(root, encoder=encoder, config=_MANUAL) as memory:
        if memory.snapshot is None:
            memory.add(documents(range(arguments.turns)))
        memory.merge()
        memory.recall("Who is there?")
        remembering: list[float] = []
        seen: list[float] = []
        for number in range(arguments.turns, arguments.turns + arguments.calls):
            encoder.seconds, began = 0.0, time.perf_counter()
            [key] = memory.remember(document(number).text, session="measured")
            remembering.append(time.perf_counter() - began - encoder.seconds)
            if number % 10 == 0:
                began = time.perf_counter()
                hits = memory.recall(document(number).text, k=1, profile="bm25").hits
                seen += [time.perf_counter() - began] if hits[0].document_id == key else [float("inf")]
        memory.merge()
        phases = _recall(memory, root, arguments)
    return {
        "turns": arguments.turns,
        "remember": _quantiles(remembering),
        "first_recall_that_sees_it": _quantiles(seen),
        "recall": {name: _quantiles(taken) for name, taken in phases.items()},
        "ratio": round(float(np.median(phases["50 writes a second"]) / np.median(phases["nobody writes"])), 2),
    }


def _recall(memory: Hippo, root: Path, arguments: Namespace) -> dict[str, list[float]]:
    """Times of recalls, in turns with and without a process that remembers."""
    phases: dict[str, list[float]] = {"nobody writes": [], "50 writes a second": []}
    number = 0
    for _ in range(arguments.rounds):
        for name, taken in phases.items():
            stop = multiprocessing.get_context("spawn").Event()
            process = multiprocessing.get_context("spawn").Process(target=_write, args=(root, stop))
            if name != "nobody writes":
                process.start()
                waiting, before = time.perf_counter(), memory.waiting
                while memory.waiting == before and time.perf_counter() - waiting < 60:
                    time.sleep(0.05)
            for _ in range(arguments.calls // arguments.rounds):
                number = (number + 7) % arguments.turns
                began = time.perf_counter()
                memory.recall(document(number).text[:80], k=5)
                taken.append(time.perf_counter() - began)
            if name != "nobody writes":
                stop.set()
                process.join()
                memory.merge()
                memory.recall("Who is there?")
    return phases


def _write(root: Path, stop: Any) -> None:
    """Remember at a steady rate until told to stop."""
    with Hippo.open(root, encoder=Timed(), config=_MANUAL) as memory:
        began, done = time.perf_counter(), 0
        while not stop.is_set():
            memory.remember(f"Turn {done} of the writer about {document(done).title}.", session="writer")
            done += 1
            time.sleep(max(0.0, began + done / _RATE - time.perf_counter()))


def kill(arguments: Namespace, folder: Path) -> dict[str, Any]:
    """Kill a process that remembers, and see what is left of what it had acknowledged."""
    chance, root = random.Random(arguments.seed), folder / "killed"  # noqa: S311  (moments, not secrets)
    said: dict[str, str] = {}
    lost: set[str] = set()
    merges = 0
    for trial in range(arguments.kills):
        command = [sys.executable, "-m", "pipelines.remember", "--child", str(root)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  (our own module)
            assert process.stdout is not None  # noqa: S101  (it is a pipe)
            lines = [process.stdout.readline()]
            end = time.monotonic() + chance.uniform(0.0, 1.5)
            os.set_blocking(process.stdout.fileno(), False)
            while time.monotonic() < end:
                time.sleep(0.005)
                lines += process.stdout.readlines()
            process.send_signal(signal.SIGKILL)
            os.set_blocking(process.stdout.fileno(), True)
            lines += process.stdout.readlines()
        for line in lines:
            key, _, text = line.rstrip("\n").partition("\t")
            if line.endswith("\n") and text:
                said[key] = text
            merges += line == "merged\n"
        with Hippo.open(root, config=_MANUAL) as memory:
            lost |= _missing(memory, said)
            if trial % 4 == 3:
                memory.merge()
                lost |= _missing(memory, said)
    with Hippo.open(root, config=_MANUAL) as memory:
        memory.merge()
        lost |= _missing(memory, said)
        texts = memory.contents().chunks.column("text").to_pylist()
    doubled = len(texts) - len(set(texts))
    return {"kills": arguments.kills, "said": len(said), "merges": merges, "lost": sorted(lost), "doubled": doubled}


def _missing(memory: Hippo, said: dict[str, str]) -> set[str]:
    contents = memory._retriever_now().contents
    texts = dict(
        zip(contents.chunks.column("document_id").to_pylist(), contents.chunks.column("text").to_pylist(), strict=True)
    )
    return {key for key, text in said.items() if texts.get(key) != text}


def _remember_until_killed(root: Path) -> None:
    with Hippo.open(root, encoder="hashing", config=_MANUAL) as memory:
        number = 0
        while True:
            text = f"Number {os.getpid()} {number}: {document(number).text}"
            [key] = memory.remember(text, session="killed")
            print(f"{key}\t{text}", flush=True)
            number += 1
            if number % 5 == 0:
                memory.merge()
                print("merged", flush=True)


def _quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds, and how many there are."""
    median, high = np.quantile(seconds, [0.5, 0.99]) * 1000
    return {"median_ms": round(float(median), 2), "p99_ms": round(float(high), 2), "calls": len(seconds)}


def _shown(result: dict[str, Any]) -> str:
    if "kills" in result:
        told = f"{result['kills']} kills, {result['said']} turns acknowledged, {result['merges']} merges"
        return f"{told}: {len(result['lost'])} lost, {result['doubled']} doubled"
    rows = [("remember, encoder excluded", result["remember"])]
    rows.append(("first recall that sees it (bm25)", result["first_recall_that_sees_it"]))
    rows += [(f"recall, {name}", figures) for name, figures in result["recall"].items()]
    shown = [[name, one["median_ms"], one["p99_ms"], one["calls"]] for name, one in rows]
    head = f"{result['turns']} turns; recalls beside 50 writes a second take {result['ratio']} times as long"
    return head + "\n" + table(["", "median ms", "p99 ms", "calls"], shown)


if __name__ == "__main__":
    main()
