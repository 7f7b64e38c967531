"""Indexing with a language model that fails: what is lost, what is paid for twice, what it costs in time.

    python -m pipelines.llm_faults --chunks 2000 --fault-rate 0.2 --kills 5 --out runs/llm_faults.json
    python -m pipelines.llm_faults --chunks 100 --latency 0.02 --kills 1

Indexes the same synthetic corpus four times with the extractor `llm`, each time through the command line into a new
folder, against `hippo.testing.server` in a process of its own:

* "clean": a server without faults;
* "waiting": one without faults, where each request takes as long as its faults in the next run would have cost a client
  that asks again at once, waits as long as a Retry-After says and gives up after its time-out;
* "faults": a share of the requests fails: 429 with Retry-After, 500, 503, time-outs, connections cut in the middle,
  replies that are truncated, garbage or empty;
* "killed": the same, and `hippo index` is killed with SIGKILL at random moments of its work and started again. A
  reply that is on its way when a process dies is lost to any client; to tell these from replies that hippo has heard
  and lost, the server is stopped until the process has dealt with all that it was sent, and goes on after the kill.

All faults but one hit an arrival, so the next attempt may go well. A truncated reply is a matter of the passage, as of
a model that runs out of tokens over it: it is truncated each time, whatever else goes wrong, and asked for in halves.
So "faults" and "killed" have to end with the same snapshot, file by file; both hold other facts than "clean" where a
model that is asked about half a passage says something else.

Reported are chunks done, chunks whose stored facts differ between runs, whether the published snapshots are the same,
replies that were paid for more than once, and time.

Time is compared by the stage of extraction alone, since starting and storing are the same in all runs. "waiting" over
"clean" is what such a server costs any client. "faults" over "waiting" is what hippo adds: its back-off, its fewer
requests at a time after a 429, passages asked again in halves, the work of all that. Nothing is subtracted: delays pass
while other requests are worked on, so no sum of them says how long a run would have taken without.
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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo.snapshot import Snapshot
from hippo.store import Store
from pipelines.common import fetch, new_parser, publish, server_process, table

_KINDS = "429,500,503,timeout,cut,truncated,garbage,empty"
_LASTING = "truncated"
_POLL = 0.2
"""Seconds between two looks at how far a run has come."""
_LOOKS, _QUIET = 400, 4
"""Most looks at a process that is to have dealt with all replies, and how many of them in a row must see nothing."""
_TIMEOUT = 4.0
"""Seconds after which the client gives up; faults that hang take longer."""
_PATIENT = 120.0
"""The same where nothing hangs for ever."""
_NAMES = ("Ada", "Boris", "Clara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Irene", "Jonas", "Katya", "Luca")
_PLACES = ("Arlen", "Bremau", "Corvo", "Dunwick", "Estel", "Farrow", "Gorizia", "Halden", "Istria", "Jarrow")


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: what its server does, how long its client waits, how often it is killed."""

    server: tuple[str, ...] = ()
    timeout: float = _PATIENT
    kills: int = 0


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--chunks", type=int, default=2000, help="documents of one chunk each")
    parser.add_argument("--fault-rate", type=float, default=0.2, help="share of the requests that fail, below 1")
    parser.add_argument("--kills", type=int, default=5, help="how often the last run is killed")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that the server takes to answer")
    parser.add_argument("--concurrency", type=int, default=32, help="requests under way at a time")
    parser.add_argument("--seed", type=int, default=0, help="of faults and kills")
    arguments = parser.parse_args()
    result = run(arguments)
    publish(arguments, result, report(result))


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The four runs, and what they differ in."""
    failing: tuple[str, ...] = ("--fault-rate", str(arguments.fault_rate), "--fault-kinds", _KINDS, "--hang", "9.0")
    failing += ("--lasting", _LASTING, "--seed", str(arguments.seed))
    plans = {
        "clean": Plan(),
        "waiting": Plan((*failing, "--instead-wait", str(_TIMEOUT))),
        "faults": Plan(failing, _TIMEOUT),
        "killed": Plan(failing, _TIMEOUT, arguments.kills),
    }
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus.jsonl"
        corpus.write_text("\n".join(map(json.dumps, documents(arguments.chunks))) + "\n", encoding="utf-8")
        runs = {name: one_run(Path(scratch) / name, corpus, arguments, plan) for name, plan in plans.items()}
    facts = {name: one.pop("facts") for name, one in runs.items()}
    sums = {name: one.pop("sums") for name, one in runs.items()}
    seconds = {name: one["extraction_seconds"] for name, one in runs.items()}
    return {
        "chunks": arguments.chunks,
        "runs": runs,
        "chunks_that_differ": {
            "waiting from clean": differing(facts["waiting"], facts["clean"]),
            "faults from clean": differing(facts["faults"], facts["clean"]),
            "killed from faults": differing(facts["killed"], facts["faults"]),
        },
        "same_snapshot": {"killed as faults": sums["killed"] == sums["faults"]},
        "slowdown": {
            "waiting over clean": round(seconds["waiting"] / seconds["clean"], 3),
            "faults over waiting": round(seconds["faults"] / seconds["waiting"], 3),
            "faults over clean": round(seconds["faults"] / seconds["clean"], 3),
        },
    }


def report(result: Mapping[str, Any]) -> str:
    """The result as text: a column per run."""
    runs = result["runs"]
    measures = [name for name in runs["clean"] if name != "faults"]
    rows = [
        [name.replace("_", " "), *("" if one[name] is None else one[name] for one in runs.values())]
        for name in measures
    ]
    rows.append(["faults", *(sum(one["faults"].values()) for one in runs.values())])
    lines = [table([f"{result['chunks']} chunks", *runs], rows), ""]
    for title in ("chunks_that_differ", "same_snapshot", "slowdown"):
        lines += [f"{title.replace('_', ' ')}, {name}: {value}" for name, value in result[title].items()]
    return "\n".join(lines)


def differing(left: Mapping[str, str], right: Mapping[str, str]) -> int:
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


def one_run(folder: Path, corpus: Path, arguments: argparse.Namespace, plan: Plan) -> dict[str, Any]:
    """Index once, killed as often as said, against a server of its own."""
    command = [sys.executable, "-m", "hippo", "index", str(folder), str(corpus), "--json", "--quiet"]
    command += ["--extractor", "llm", "--llm", "openai:test", "--encoder", "none", "--chunking", "document"]
    with server_process(arguments.latency, *plan.server) as (url, answering):
        environment = {
            **os.environ,
            "HIPPO_LLM__OPENAI__BASE_URL": f'"{url}/v1"',
            "HIPPO_LLM__CONCURRENCY": str(arguments.concurrency),
            "HIPPO_LLM__TIMEOUT": str(plan.timeout),
        }
        began = time.perf_counter()
        kill(command, environment, url, answering, plan.kills, arguments)
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
        seconds = time.perf_counter() - began
        stats = fetch(f"{url}/stats")
    result = json.loads(done.stdout)
    replies = [one["replies"] for one in stats["requests"].values()]
    return {
        "seconds": round(seconds, 2),
        # Of the last start alone where there were several, which says nothing.
        "extraction_seconds": None if plan.kills else round(result["seconds"]["extract"], 2),
        "chunks_done": result["chunks"] - len(result["failed"]) - result["pending"],
        "failed": len(result["failed"]),
        "faults": stats["faults"],
        "requests": stats["arrived"],
        "distinct_requests": stats["distinct"],
        "replies_paid": sum(replies),
        "paid_more_than_once": sum(count > 1 for count in replies),
        "facts": stored_facts(folder),
        "sums": published(folder),
    }


def kill(
    command: list[str],
    environment: dict[str, str],
    url: str,
    answering: "subprocess.Popen[str]",
    times: int,
    arguments: argparse.Namespace,
) -> None:
    """Start a command and kill it, so often, each time a random moment after so and so many requests have arrived."""
    chance = random.Random(arguments.seed)  # noqa: S311  (moments to kill at, not secrets)
    for target in sorted(chance.uniform(0.02, 0.98) * 2 * arguments.chunks for _ in range(times)):
        process = subprocess.Popen(  # noqa: S603  (our own module)
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and fetch(f"{url}/stats")["arrived"] < target:
            time.sleep(_POLL)
        time.sleep(chance.uniform(0.0, _POLL))
        answering.send_signal(signal.SIGSTOP)
        settle(process.pid, int(url.rpartition(":")[2]))
        process.kill()
        process.wait()
        answering.send_signal(signal.SIGCONT)


def settle(process: int, port: int) -> None:
    """Wait until a process has heard all that a server has sent, and has nothing left to do."""
    quiet = 0
    for _ in range(_LOOKS):
        quiet = 0 if _waiting(process, port) or _working(process) else quiet + 1
        if quiet == _QUIET:
            return
        time.sleep(_POLL / 4)


def _waiting(process: int, port: int) -> bool:
    """Whether there is anything in the machine that a process has not read from a server on it; see proc(5)."""
    for line in Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].rpartition(":")[2], 16) == port and int(fields[4].rpartition(":")[2], 16):
            return True
    return False


def _working(process: int) -> bool:
    """Whether a thread of a process runs, or would if there were a processor for it."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        # The name in parentheses may hold spaces.
        if (thread / "stat").read_text().rpartition(")")[2].split()[0] in "RD":
            return True
    return False


def published(folder: Path) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 sum of every file of the newest snapshot, but for what says when documents came."""
    with Snapshot.open(folder, verify=True) as snapshot:
        return {name: sums for name, sums in snapshot.sums.items() if not name.startswith("history.")}


def stored_facts(folder: Path) -> dict[str, str]:
    """A hash of the facts and mentions of each chunk."""
    with Store.open(folder) as store:
        rows: dict[str, list[str]] = {}
        for table_ in (store.facts_table(), store.mentions_table()):
            for row in table_.to_pylist():
                rows.setdefault(row["chunk_id"], []).append(json.dumps(row, sort_keys=True))
    return {chunk: hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() for chunk, lines in rows.items()}


if __name__ == "__main__":
    main()
