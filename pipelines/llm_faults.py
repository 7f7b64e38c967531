"""Indexing with a language model that fails: what is lost, what is paid for twice, what it costs in time.

    python -m pipelines.llm_faults --chunks 2000 --fault-rate 0.2 --kills 5 --out runs/llm_faults.json

Indexes the same synthetic corpus three times with the extractor `llm`, each time through the command line into a new
folder, against `hippo.testing.server` in a process of its own:

* "clean": a server without faults;
* "faults": a share of the requests fails: 429 with Retry-After, 500, 503, time-outs, connections cut in the middle,
  replies that are truncated, garbage or empty;
* "killed": the same, and `hippo index` is killed with SIGKILL at random moments and started again.

Reported are chunks done, chunks whose stored facts differ between runs, replies that were paid for more than once
(after a kill those that had arrived in the machine, but not in the process), and wall time: the whole of it, and less
the time in which the server made clients wait.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hippo.store import Store

_KINDS = "429,500,503,timeout,cut,truncated,garbage,empty"
_NAMES = ("Ada", "Boris", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Irene", "Jonas", "Katya", "Luca")
_PLACES = ("Arlen", "Bremau", "Corvo", "Dunwick", "Estel", "Farrow", "Gorizia", "Halden", "Istria", "Jarrow")


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=2000, help="documents of one chunk each")
    parser.add_argument("--fault-rate", type=float, default=0.2, help="share of the requests that fail")
    parser.add_argument("--kills", type=int, default=5, help="how often the third run is killed")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that the server takes to answer")
    parser.add_argument("--concurrency", type=int, default=32, help="requests under way at a time")
    parser.add_argument("--seed", type=int, default=0, help="of faults and kills")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    arguments = parser.parse_args()
    result = run(arguments)
    print(json.dumps(result, indent=1))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The three runs, and what they differ in."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus.jsonl"
        corpus.write_text("\n".join(map(json.dumps, documents(arguments.chunks))) + "\n", encoding="utf-8")
        plans = {
            "clean": (0.0, 0),
            "faults": (arguments.fault_rate, 0),
            "killed": (arguments.fault_rate, arguments.kills),
        }
        runs = {
            name: one_run(Path(scratch) / name, corpus, arguments, rate, kills) for name, (rate, kills) in plans.items()
        }
    facts = {name: one.pop("facts") for name, one in runs.items()}
    own = {name: one["seconds"] - one["delay_wall"] for name, one in runs.items()}
    return {
        "chunks": arguments.chunks,
        "runs": runs,
        # A reply that was cut off is asked for again in halves, which may give slightly different facts.
        "chunks_that_differ": {
            "faults from clean": differing(facts["faults"], facts["clean"]),
            "killed from faults": differing(facts["killed"], facts["faults"]),
        },
        "slowdown": {
            "all": round(runs["faults"]["seconds"] / runs["clean"]["seconds"], 3),
            "less_server_delays": round(own["faults"] / own["clean"], 3),
        },
    }


def differing(left: dict[str, str], right: dict[str, str]) -> int:
    """Number of chunks with other facts."""
    return sum(left.get(key) != right.get(key) for key in left.keys() | right.keys())


def documents(count: int) -> Iterator[dict[str, str]]:
    """Short texts about made-up people and places, all different."""
    for number in range(count):
        name, other = (f"{_NAMES[(number * step) % len(_NAMES)]} Voss{number + step}" for step in (1, 5))
        place = f"{_PLACES[number % len(_PLACES)]} {number % 97}"
        until = 1700 + number % 300
        text = f"{name} founded the Institute of {place}. {name} worked with {other} in {place} until {until}."
        yield {"id": f"d{number:05}", "title": name, "text": text}


def one_run(folder: Path, corpus: Path, arguments: argparse.Namespace, rate: float, kills: int) -> dict[str, Any]:
    """Index once, killed as often as said, against a server of its own."""
    chance = random.Random(arguments.seed)  # noqa: S311  (moments to kill at, not secrets)
    with server(arguments.latency, rate, arguments.seed) as url:
        command = [sys.executable, "-m", "hippo", "index", str(folder), str(corpus), "--json", "--quiet"]
        command += ["--extractor", "llm", "--llm", "openai:test", "--encoder", "none", "--chunking", "document"]
        environment = {
            **os.environ,
            "HIPPO_LLM__OPENAI__BASE_URL": f'"{url}/v1"',
            "HIPPO_LLM__CONCURRENCY": str(arguments.concurrency),
            "HIPPO_LLM__TIMEOUT": "1.0",
        }
        # About as long as it takes, so that kills fall on the whole of it.
        expected = 2 * arguments.chunks * arguments.latency / arguments.concurrency
        began = time.perf_counter()
        for _ in range(kills):
            process = subprocess.Popen(  # noqa: S603  (our own module)
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            try:
                process.wait(timeout=2.0 + chance.random() * expected / (kills + 1))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
        seconds = time.perf_counter() - began
        report = json.loads(done.stdout)
        stats = json.loads(fetch(f"{url}/stats"))
    replies = [one["replies"] for one in stats["requests"].values()]
    return {
        "seconds": round(seconds, 2),
        "delay_wall": round(stats["delay_wall"], 2),
        "chunks_done": report["chunks"] - len(report["failed"]) - report["pending"],
        "failed": len(report["failed"]),
        "faults": stats["faults"],
        "requests": stats["arrived"],
        "distinct_requests": stats["distinct"],
        "replies_paid": sum(replies),
        "paid_more_than_once": sum(count > 1 for count in replies),
        "facts": stored_facts(folder),
    }


def stored_facts(folder: Path) -> dict[str, str]:
    """A hash of the facts and mentions of each chunk."""
    with Store.open(folder) as store:
        rows: dict[str, list[str]] = {}
        for table in (store.facts_table(), store.mentions_table()):
            for row in table.to_pylist():
                rows.setdefault(row["chunk_id"], []).append(json.dumps(row, sort_keys=True))
    return {chunk: hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() for chunk, lines in rows.items()}


@contextmanager
def server(latency: float, rate: float, seed: int) -> Iterator[str]:
    """A test server in a process of its own; its address."""
    command = [sys.executable, "-m", "hippo.testing.server", "--port", "0", "--latency", str(latency)]
    command += ["--fault-rate", str(rate), "--fault-kinds", _KINDS, "--seed", str(seed), "--hang", "3.0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  (our own module)
    try:
        assert process.stdout is not None  # noqa: S101  (it is a pipe)
        yield process.stdout.readline().strip().removesuffix("/v1")
    finally:
        process.terminate()
        process.wait()


def fetch(url: str) -> str:
    """Text at an address on this machine."""
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310  (our own server)
        text: str = reply.read().decode()
        return text


if __name__ == "__main__":
    main()
