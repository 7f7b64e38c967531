"""What HTTP adds: mixed requests to `hippo serve`, over many connections, beside the same calls made directly.

    python -m pipelines.bench_http --requests 500 --connections 64
    python -m pipelines.bench_http --encoder minilm --changes 0 --rounds 3 --json

The server is a process of its own, and this one sends the requests; so both share the machine, while direct calls have
it alone. Direct calls are made by one thread, and by as many as there are connections; they take turns with the
requests, each on a copy of the index of the sample corpus. Of a hundred requests 70 ask one question, 10 with an
explanation, 10 with a condition, 5 ask eight questions at once, 5 ask for the status; `--changes` further ones add a
document.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from hippo import Hippo
from hippo.evaluation import load_dataset
from pipelines.common import new_parser, publish, table
from pipelines.machine import measured, spread

Call = tuple[str, dict[str, Any]]
"""Path and body of a request."""

_WHERE = "group = 'even'"


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--requests", type=int, default=500, help="requests of a round, without changes")
    parser.add_argument("--connections", type=int, default=64, help="connections that send them")
    parser.add_argument("--changes", type=int, default=5, help="requests of a round that add a document")
    parser.add_argument("--rounds", type=int, default=3, help="rounds")
    parser.add_argument("--encoder", default="hashing", help="name of the encoder, or none")
    parser.add_argument("--block", type=int, help="serve.block: questions ranked together (default: the server's)")
    arguments = parser.parse_args()
    result = measured(run(arguments))
    rows = [
        [
            name,
            figures["per_second"],
            f"{figures['by_round']['p10']:.0f} to {figures['by_round']['p90']:.0f}",
            figures["cpu_ms"],
            figures["p50_ms"],
            figures["p99_ms"],
            figures["slowest_ms"],
            figures["errors"],
        ]
        for name, figures in result["ways"].items()
    ]
    head = ["way", "calls/s", "10 to 90 % of rounds", "CPU ms/call", "p50 ms", "p99 ms", "slowest ms", "errors"]
    said = (
        f"HTTP answers {result['ratio']} times as many calls in a second as the faster way of direct calls, "
        f"with {result['cpu_ratio']} times the processor time of the cheaper one"
    )
    publish(arguments, result, f"{table(head, rows)}\n\n{said}; statuses {result['statuses']}")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Index the sample, call it in all ways in turns."""
    dataset = load_dataset(Path(__file__).parents[1] / "data", "sample")
    documents = [
        {"id": one.id, "title": one.title, "text": one.text, "metadata": {"group": ("even", "odd")[place % 2]}}
        for place, one in enumerate(dataset.documents)
    ]
    questions = [question.text for question in dataset.questions]
    threads = f"direct, {arguments.connections} threads"
    took: dict[str, list[float]] = {"direct, 1 thread": [], threads: [], "HTTP": []}
    latencies: dict[str, list[float]] = {name: [] for name in took}
    cpu: dict[str, list[float]] = {name: [] for name in took}
    statuses: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "index"
        with Hippo.open(made, encoder=arguments.encoder) as memory:
            memory.add(documents)
        alone, shared, served = (Path(shutil.copytree(made, Path(folder) / name)) for name in ("one", "many", "http"))
        with (
            Hippo.open(alone) as first,
            Hippo.open(shared, overrides={"indexing": {"wait_seconds": 600.0}}) as second,
            ThreadPoolExecutor(arguments.connections) as pool,
            serving(served, arguments.block) as (port, used),
        ):
            warm = list(calls(questions, 40, 0, 0))
            for memory in (first, second):
                for call in warm:
                    direct(memory, call)
            asyncio.run(load(port, warm, arguments.connections))
            for number in range(1, arguments.rounds + 1):
                work = list(calls(questions, arguments.requests, arguments.changes, number))
                with watched(took["direct, 1 thread"], cpu["direct, 1 thread"], process_time):
                    latencies["direct, 1 thread"] += [timed(first, call) for call in work]
                with watched(took[threads], cpu[threads], process_time):
                    latencies[threads] += pool.map(lambda call: timed(second, call), work)
                with watched(took["HTTP"], cpu["HTTP"], used):
                    answered = asyncio.run(load(port, work, arguments.connections))
                latencies["HTTP"] += [seconds for _, seconds in answered]
                statuses.update(status for status, _ in answered)
    total = arguments.rounds * (arguments.requests + arguments.changes)
    errors = total - statuses[200]
    ways = {
        name: summary(latencies[name], took[name], sum(cpu[name]), errors if name == "HTTP" else 0) for name in took
    }
    direct_cpu = min(ways["direct, 1 thread"]["cpu_ms"], ways[threads]["cpu_ms"])
    best = max(ways["direct, 1 thread"]["per_second"], ways[threads]["per_second"])
    return {
        "encoder": arguments.encoder,
        "cores": os.cpu_count(),
        "connections": arguments.connections,
        "calls": total,
        "ways": ways,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "ratio": round(ways["HTTP"]["per_second"] / best, 2),
        "cpu_ratio": round(ways["HTTP"]["cpu_ms"] / direct_cpu, 2),
    }


def calls(questions: list[str], number: int, changes: int, round_: int) -> Iterator[Call]:
    """Requests in a fixed order, changes spread among them."""
    texts = list(islice(cycle(questions), round_ * 37, round_ * 37 + number + 8))
    every = max(1, number // max(1, changes))
    for place in range(number):
        kind = place * 37 % 100  # a permutation of 0 to 99
        one = {"question": texts[place], "k": 5}
        if kind < 70:
            yield "/retrieve", one
        elif kind < 80:
            yield "/retrieve", {**one, "explain": True}
        elif kind < 90:
            yield "/retrieve", {**one, "where": _WHERE}
        elif kind < 95:
            yield "/retrieve_many", {"questions": texts[place : place + 8], "k": 5}
        else:
            yield "/status", {}
        if changes and place % every == every // 2:
            text = f"Note {place} of round {round_}: the lighthouse of Ulm was painted by Ada Smith."
            yield "/documents", {"documents": [{"id": f"note-{round_}-{place}", "text": text}]}


def direct(memory: Hippo, call: Call) -> object:
    """The same without HTTP, down to the plain data that is sent."""
    path, body = call
    if path == "/retrieve":
        return memory.retrieve(**body).to_dict()
    if path == "/retrieve_many":
        return [one.to_dict() for one in memory.retrieve_many(**body)]
    return (memory.add(**body) if path == "/documents" else memory.status()).to_dict()


def timed(memory: Hippo, call: Call) -> float:
    """Seconds of a call."""
    began = perf_counter()
    direct(memory, call)
    return perf_counter() - began


async def load(port: int, work: list[Call], connections: int) -> list[tuple[int, float]]:
    """Status and seconds of every request, sent by so many connections that each wait for their answers."""
    left = iter(work)
    answered: list[tuple[int, float]] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path, body in left:
            data = json.dumps(body).encode() if body else b""
            method, kind = ("POST", "Content-Type: application/json\r\n") if body else ("GET", "")
            head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}Content-Length: {len(data)}\r\n\r\n"
            began = perf_counter()
            writer.write(head.encode() + data)
            told = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", told)
            if length is None:
                raise ValueError(f"an answer without its length: {told!r}")
            json.loads(await reader.readexactly(int(length[1])))
            answered.append((int(told.split()[1]), perf_counter() - began))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return answered


@contextmanager
def serving(index: Path, block: int | None) -> Iterator[tuple[int, Callable[[], float]]]:
    """`hippo serve` in a process of its own: its port, and what it has used of the processor, in seconds."""
    variables = {**os.environ, **({"HIPPO_SERVE__BLOCK": str(block)} if block else {})}
    command = [sys.executable, "-m", "hippo", "serve", str(index), "--port", "0"]
    process = subprocess.Popen(  # noqa: S603  (our own command)
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=variables
    )
    try:
        assert process.stdout is not None  # noqa: S101  (it is a pipe)
        port = int(process.stdout.readline().rpartition(":")[2])
        yield port, lambda: processor_time(port)
    finally:
        process.terminate()
        process.communicate()


def processor_time(port: int) -> float:
    """Seconds of the processor that a server has used, as it says itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as reply:
        return float(re.search(r"^process_cpu_seconds_total (\S+)", reply.read().decode(), re.MULTILINE)[1])  # type: ignore[index]


@contextmanager
def watched(took: list[float], cpu: list[float], used: Callable[[], float]) -> Iterator[None]:
    """Add the wall time and the processor time of a block."""
    began, before = perf_counter(), used()
    yield
    took.append(perf_counter() - began)
    cpu.append(used() - before)


def summary(seconds: list[float], took: list[float], cpu: float, errors: int) -> dict[str, Any]:
    """Throughput, of all rounds and by round, and quantiles."""
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
    return {
        "per_second": round(len(seconds) / sum(took), 1),
        "by_round": spread([len(seconds) / len(took) / one for one in took], 1),
        "cpu_ms": round(1000 * cpu / len(seconds), 2),
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "slowest_ms": round(max(seconds) * 1000, 1),
        "errors": errors,
    }


if __name__ == "__main__":
    main()
