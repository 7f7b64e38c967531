"""Readers beside a writer: does every one of them see complete states only, in order, without an error?

    python -m pipelines.life.readers --publishes 500 --threads 4 --processes 4 --out runs/readers.json
    python -m pipelines.life.readers --publishes 8 --threads 1 --processes 3

One writer adds, updates and deletes documents, and publishes after each change. Beside it readers ask the same
questions again and again: threads that share one memory with `watch=True`, and processes of three kinds, which watch,
call `refresh`, or open the index anew each time. What was answered has to be, bit by bit, what the writer itself is
answered from that snapshot, and snapshots must never go back. Some of the states are built anew from their documents
alone, and must answer the same. At the end many threads ask one memory, and must get what a single one gets. Whatever
else happens is a finding; then the exit status is 1.
"""

import hashlib
import multiprocessing
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from hippo import Document, Hippo
from pipelines.common import new_parser, publish, table
from pipelines.life.corpus import document, documents, question

__all__ = ["main", "measure"]

_FIRST = 20
"""Documents of the first state."""
_QUESTIONS = [question(number) for number in (0, 3, 7, 12, 19)]
_KINDS = ("watches", "refreshes", "opens anew")


@dataclass
class Seen:
    """What one reader saw: the newest snapshot before it asked, that after, and a sum of what it was answered.

    Attributes:
        kind: What kind of reader.
        rounds: In order.
        errors: What was raised.
    """

    kind: str
    rounds: list[tuple[int, int, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def ask(self, memory: Hippo) -> None:
        """Ask all questions once."""
        before = _number(memory)
        answer = _answered(memory)
        self.rounds.append((before, _number(memory), answer))


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--publishes", type=int, default=50)
    parser.add_argument("--threads", type=int, default=4, help="readers that share one memory in the writer's process")
    parser.add_argument("--processes", type=int, default=4, help="readers in processes of their own")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two rounds of a reader")
    parser.add_argument("--fresh", type=int, default=10, help="states that are built anew, spread evenly")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hippo-readers-") as folder:
        result = measure(arguments, Path(folder))
    publish(arguments, result, _shown(result))
    sys.exit(1 if result["findings"] else 0)


def measure(arguments: Namespace, scratch: Path) -> dict[str, Any]:
    """Publish beside readers, then compare what they saw."""
    root, began = scratch / "index", time.perf_counter()
    states: dict[int, dict[str, Document]] = {}
    expected: dict[int, str] = {}
    with Hippo.open(root, encoder="hashing") as writer:
        first = {one.id or "": one for one in documents(range(_FIRST))}
        writer.add(list(first.values()))
        states[_number(writer)], expected[_number(writer)] = first, _answered(writer)
        with _Readers(root, arguments) as seen:
            for change, held in _changes(first, arguments.publishes):
                change(writer)
                states[_number(writer)], expected[_number(writer)] = held, _answered(writer)
            time.sleep(1.0)
        alike = _many_threads(root, expected[_number(writer)])
    built_anew = _built_anew(scratch, states, expected, arguments.fresh)
    findings = [f"{one.kind}: {problem}" for one in seen for problem in [*one.errors, *_wrong(one, expected)]]
    if len(expected) != arguments.publishes + 1:
        findings.append(f"{len(expected)} snapshots after {arguments.publishes} changes")
    findings += [f"{name}: {wrong}" for name, (_, wrong) in {**alike, **built_anew}.items() if wrong]
    return {
        "publishes": arguments.publishes,
        "seconds": round(time.perf_counter() - began, 1),
        "readers": [
            {"kind": one.kind, "rounds": len(one.rounds), "states": len({last for _, last, _ in one.rounds})}
            for one in seen
        ],
        "compared": {name: count for name, (count, _) in {**alike, **built_anew}.items()},
        "findings": findings,
    }


def _changes(held: dict[str, Document], count: int) -> Iterator[tuple[Callable[[Hippo], object], dict[str, Document]]]:
    """Changes of a memory, one publish each, and the documents that it holds after each."""
    held = dict(held)
    for number in range(count):
        new = document(100 + number)
        key = list(held)[number * 7 % len(held)]
        if number % 3 == 0:
            held[new.id or ""] = new
            yield partial(Hippo.add, documents=new), dict(held)
        elif number % 3 == 1:
            held[key] = replace(held[key], text=new.text)
            yield partial(Hippo.update, document_id=key, text=new.text), dict(held)
        else:
            del held[key]
            yield partial(_delete, key), dict(held)


def _delete(key: str, memory: Hippo) -> object:
    return memory.delete(key)


class _Readers:
    """Readers at work; gives what they saw, complete once the block has ended."""

    def __init__(self, root: Path, arguments: Namespace) -> None:
        self._root, self._arguments = root, arguments
        self._context = multiprocessing.get_context("spawn")
        self._seen: list[Seen] = []
        self._stop = threading.Event()

    def __enter__(self) -> list[Seen]:
        self._shared = Hippo.open(self._root, watch=True)
        self._threads = [threading.Thread(target=self._ask) for _ in range(self._arguments.threads)]
        self._told = self._context.Event()
        self._results: Any = self._context.Queue()
        self._ready = self._context.Barrier(self._arguments.processes + 1)
        self._processes = [
            self._context.Process(
                target=_process,
                args=(self._root, _KINDS[number % 3], self._arguments.pause, self._ready, self._told, self._results),
                daemon=True,
            )
            for number in range(self._arguments.processes)
        ]
        for process in self._processes:
            process.start()
        for thread in self._threads:
            thread.start()
        self._ready.wait()
        return self._seen

    def _ask(self) -> None:
        seen = Seen("thread, watches")
        _repeat(seen, lambda: seen.ask(self._shared), self._stop.is_set, self._arguments.pause)
        self._seen.append(seen)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._told.set()
        self._seen += [self._results.get() for _ in self._processes]
        for process in self._processes:
            process.join()
        for thread in self._threads:
            thread.join()
        if self._shared.watch_error is not None:
            self._seen.append(Seen("watching", [], [repr(self._shared.watch_error)]))
        self._shared.close()


def _process(root: Path, kind: str, pause: float, ready: Any, told: Any, results: Any) -> None:
    """A reader in a process of its own."""
    seen = Seen(f"process, {kind}")
    with Hippo.open(root, watch=kind == "watches") as memory:

        def look() -> None:
            if kind == "opens anew":
                with Hippo.open(root) as fresh:
                    seen.ask(fresh)
                return
            if kind == "refreshes":
                memory.refresh()
            seen.ask(memory)

        look()
        ready.wait()
        writer = multiprocessing.parent_process()
        _repeat(seen, look, lambda: told.is_set() or writer is None or not writer.is_alive(), pause)
        if memory.watch_error is not None:
            seen.errors.append(repr(memory.watch_error))
    if writer is not None and writer.is_alive():  # Or nobody takes it, and this process would wait for that.
        results.put(seen)


def _repeat(seen: Seen, look: Callable[[], None], stop: Callable[[], bool], pause: float) -> None:
    while not stop():
        try:
            look()
        except Exception as error:
            seen.errors.append(repr(error))
        time.sleep(pause)


def _wrong(seen: Seen, expected: Mapping[int, str]) -> list[str]:
    """What a reader should not have seen."""
    problems, last = [], 0
    for before, after, answer in seen.rounds:
        if before < last or after < before:
            problems.append(f"snapshot {before} after {last}")
        # Where a snapshot was changed for another between the two looks, the answer is from one of them.
        if answer not in {expected[number] for number in range(before, after + 1)}:
            problems.append(f"another answer than that of snapshots {before} to {after}")
        last = after
    return problems if seen.rounds else ["it saw nothing"]


def _many_threads(root: Path, expected: str) -> dict[str, tuple[int, int]]:
    """Answers of one memory to many threads at a time: how many, and how many of them differ from those to one."""
    with Hippo.open(root) as memory, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _answered(memory), range(64)))
    return {"answers to 16 threads": (len(answers), sum(answer != expected for answer in answers))}


def _built_anew(
    scratch: Path, states: Mapping[int, Mapping[str, Document]], expected: Mapping[int, str], count: int
) -> dict[str, tuple[int, int]]:
    """Some states, built anew: how many, and how many of them answer otherwise."""
    chosen: Sequence[int] = sorted(states)[:: max(1, len(states) // max(count, 1))][:count]
    wrong = 0
    for number in chosen:
        with Hippo.open(scratch / f"fresh-{number}", encoder="hashing") as fresh:
            fresh.add(list(states[number].values()))
            wrong += _answered(fresh) != expected[number]
    return {"states built anew": (len(chosen), wrong)}


def _answered(memory: Hippo) -> str:
    """A sum of the passages and scores that the questions get, bit by bit."""
    found = memory.retrieve_many(_QUESTIONS, k=10)  # One call, so of one snapshot.
    ranked = [(hit.chunk_id, hit.score.hex()) for one in found for hit in one.hits]
    return hashlib.sha256(repr(ranked).encode()).hexdigest()


def _number(memory: Hippo) -> int:
    return int(memory.status().snapshot or 0)


def _shown(result: dict[str, Any]) -> str:
    rows = [[one["kind"], one["rounds"], one["states"]] for one in result["readers"]]
    compared = ", ".join(f"{count} {name}" for name, count in result["compared"].items())
    head = f"{result['publishes']} publishes in {result['seconds']} s; compared: {compared}"
    return "\n".join([head, table(["reader", "rounds", "states"], rows), *result["findings"], ""]).rstrip()


if __name__ == "__main__":
    main()
