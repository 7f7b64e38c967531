"""The job of `python -m pipelines.crash`: which trials are made, what they came to."""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from hippo.errors import InputError
from hippo.extraction.pattern import PatternExtractor
from hippo.indexing.runs import versions
from hippo.maintenance.doctor import examine_snapshots
from hippo.types import Chunk
from pipelines.common import publish, table
from pipelines.crash.history import Operation, Place, perform
from pipelines.crash.judge import read
from pipelines.crash.processes import preload
from pipelines.crash.trials import Bench, Outcome, counts

__all__ = ["planned", "run"]

_OPTIONS = {"kill": "kills", "point": "points", "fault": "faults", "full": "full", "flip": "flips"}


def run(arguments: argparse.Namespace, folder: Path) -> None:
    """Make the trials in a folder."""
    known = {(one.harm, one.number): one for one in logged(arguments.log)}
    preload(first, again)
    bench = Bench(folder, arguments.seed, arguments.histories)
    outcomes = []
    for harm, number in planned({harm: getattr(arguments, option) for harm, option in _OPTIONS.items()}):
        number += arguments.first
        try:
            outcome = known.get((harm, number)) or made(bench, harm, number, arguments.log)
        except InputError as error:
            sys.exit(f"error: {error}")
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


def again(folder: Path) -> None:
    """Use what trials use of it and can be used here."""
    chunk = Chunk("c", "d", 0, "Ada Arlen met Boris Bremau in Corvo.", 0, 36)
    PatternExtractor().extract([chunk])
    for extractor in ("pattern", "llm"):
        root = Place(folder / extractor).root
        read(root)
        examine_snapshots(root)
    versions()


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
