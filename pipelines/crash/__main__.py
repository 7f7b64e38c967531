"""Crashes, failing disks and flipped bits: does an index lose or double anything?

    python -m pipelines.crash --kills 500 --points 300 --faults 500 --full 100 --flips 300 --log runs/crash.jsonl
    python -m pipelines.crash --kills 10 --points 45 --faults 10 --full 5 --flips 10

Each trial takes an index in the middle of a history: documents are added, updated, deleted and synchronised with a
folder, remembered, merged and forgotten, snapshots are published and pruned, stores of older versions are brought up to
date; every third history extracts by a language model whose every reply is paid for. The next operation then comes to
harm:

* "kill": SIGKILL at a random moment;
* "point": SIGKILL at a named point of the library, each in turn (`pipelines.crash.points`);
* "fault": one write, fsync, rename or the like fails with an input/output error;
* "full": the disk is full, a small file system in memory; where none can be mounted, calls fail for want of space;
* "flip": one bit is flipped, in a snapshot, another file, or a log that a crash has left.

Then readers must see the state before or after the operation, complete; `hippo.maintenance.check` must find nothing
wrong but the flipped bit, which has to be named where it changes anything, and repaired; doing the operation again must
finish it and give bit by bit what a fresh index of the same documents holds; and no reply that was kept may be paid
for again. Whatever else happens is a finding; then the exit status is 1.

Trials depend on the seed and their numbers. With `--log` their outcomes are appended to a file, and those that are
there are not made again: so many trials can be made in pieces, and beside each other from different `--first`.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pipelines.common import new_parser, publish, table
from pipelines.crash.disk import build_shim, with_shim
from pipelines.crash.history import Operation, Place, perform
from pipelines.crash.judge import read
from pipelines.crash.processes import preload
from pipelines.crash.trials import Bench, Outcome, counts

_OPTIONS = {"kill": "kills", "point": "points", "fault": "faults", "full": "full", "flip": "flips"}
_SHIM = "HIPPO_CRASH_FOLDER"


def main() -> None:
    """Parse arguments, make the trials, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--kills", type=int, default=50, help="processes killed at random moments")
    parser.add_argument("--points", type=int, default=45, help="processes killed at named points")
    parser.add_argument("--faults", type=int, default=50, help="calls to the disk that fail, one in a trial")
    parser.add_argument("--full", type=int, default=10, help="disks that run full")
    parser.add_argument("--flips", type=int, default=30, help="bits that are flipped, one in a trial")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of histories and moments")
    parser.add_argument("--log", type=Path, help="file of outcomes, one JSON document a line; is added to")
    arguments = parser.parse_args()
    folder = os.environ.pop(_SHIM, None)
    if folder is None:
        # Removed by the process that takes the place of this one.
        folder = tempfile.mkdtemp(prefix="hippo-crash-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108
        os.environ[_SHIM] = folder
        with_shim(build_shim(Path(folder)), ["-m", "pipelines.crash", *sys.argv[1:]])
    run(arguments, Path(folder))


def run(arguments: argparse.Namespace, folder: Path) -> None:
    """Make the trials in a folder."""
    known = {(one.harm, one.number): one for one in logged(arguments.log)}
    preload(first)
    bench = Bench(folder, arguments.seed)
    outcomes = []
    for harm, number in planned({harm: getattr(arguments, option) for harm, option in _OPTIONS.items()}):
        number += arguments.first
        outcome = known.get((harm, number)) or made(bench, harm, number, arguments.log)
        outcomes.append(outcome)
        print("!" if outcome.wrong else ".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    findings = [one for one in outcomes if one.wrong]
    if not findings:
        shutil.rmtree(folder)
    result = {
        "trials": len(outcomes),
        "counts": counts(outcomes),
        "points": reached(outcomes),
        "lost_replies": sum(one.lost for one in outcomes),
        "findings": [asdict(one) for one in findings],
    }
    publish(arguments, result, report(outcomes))
    for one in findings:
        print(f"{one.harm} {one.number}, {one.operation}, {one.what}: {'; '.join(one.wrong)}", file=sys.stderr)
    sys.exit(1 if findings else 0)


def planned(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Trials of all kinds in turn, so that a run that is broken off has made its share of each."""
    every = [(harm, number) for harm, count in counts.items() for number in range(count)]
    return sorted(every, key=lambda one: ((one[1] + 0.5) / counts[one[0]], one[0]))


def made(bench: Bench, harm: str, number: int, log: Path | None) -> Outcome:
    """A trial, which is written down."""
    outcome = bench.trial(harm, number)
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
    return outcome


def logged(log: Path | None) -> Iterator[Outcome]:
    """Outcomes of earlier runs."""
    if log and log.exists():
        for line in log.read_text(encoding="utf-8").splitlines():
            yield Outcome(**json.loads(line))


def first(folder: Path) -> None:
    """Use all that trials use."""
    for extractor in ("pattern", "llm"):
        place = Place(folder / extractor)
        place.empty()
        perform(place, Operation("add", extractor, documents={"d": "Ada Arlen met Boris Bremau in Corvo."}))
        perform(place, Operation("prune", extractor))
        read(place.root)


def reached(outcomes: list[Outcome]) -> dict[str, int]:
    """How often a process was killed at each point."""
    names = [one.what for one in outcomes if one.harm == "point" and one.ended == "killed"]
    return {name: names.count(name) for name in dict.fromkeys(sorted(names))}


def report(outcomes: list[Outcome]) -> str:
    """The table for people."""
    rows: list[list[object]] = []
    for harm, ended in counts(outcomes).items():
        found = sum(1 for one in outcomes if one.harm == harm and one.wrong)
        rows.append([harm, sum(ended.values()), ", ".join(f"{count} {how}" for how, count in ended.items()), found])
    lines = [table(["harm", "trials", "how they ended", "findings"], rows), ""]
    if points := reached(outcomes):
        lines += [table(["killed at", "times"], [[name, times] for name, times in points.items()]), ""]
    lost = sum(one.lost for one in outcomes)
    lines.append(
        f"replies asked for again that had been kept: 0 unless found; heard, but not yet kept at a kill: {lost}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
