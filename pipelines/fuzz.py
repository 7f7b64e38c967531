"""Random and mutated inputs for every reader and parser: no crash, no hang, no memory beyond a multiple of the input.

    python -m pipelines.fuzz --inputs 10000000 --out runs/fuzz.json
    python -m pipelines.fuzz --target file.pdf --seconds 60
    python -m pipelines.fuzz --state runs/fuzz-state.json       stop it, and start it again: it goes on

Tries the targets of `pipelines.fuzz_targets` in processes of their own: readers of files, chunking, extraction by
rules, keys and terms, replies of language models, conditions, configuration, questions. A finding is an error that is
not one of `hippo.errors`, an input that takes more than --limit seconds of processor time, or ten times as many in all
(a busy machine alone makes no finding), a process that dies, or memory beyond 32 MiB and 100 bytes for each byte of the
input. Inputs of every kind of finding are saved, and the exit status is 1.

Files that a third-party package parses are read as always, in the process that contains what it does: that it crashed
there, or was ended, is an outcome ("contained"). The own process of a run that hangs or dies is replaced.

An own mutator, rather than a fuzzer guided by coverage: an input depends on the seed and its number alone, so that a
finding can be made again anywhere; the seeds have the structure that such a fuzzer has to discover; and most of the
code tried is written in Python, where following coverage takes more time than the code.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from pipelines.common import new_parser, publish, table
from pipelines.fuzz_plan import Plan, keep, resume
from pipelines.fuzz_target import Target
from pipelines.fuzz_targets import CONTAINED, TARGETS
from pipelines.fuzz_worker import Finding, Job, Report, input_of, processor_time, work

_INPUTS = 10_000_000
_SAVED = 3
"""Inputs that are saved of each kind of finding."""
_MOST_LOST = 50
"""Processes that hang or die until a run gives up."""
_NAP = 0.2
_KEEP = 10.0
"""Seconds between two states of a run that are kept."""
_PATIENCE = 10
"""Times as many seconds that an input may take where it waits, or others have the processors."""
_START = 60.0
"""Seconds until a process has begun: it imports its packages."""


def main() -> None:
    """Parse arguments, run, print, write; exit with 1 where something was found."""
    parser = new_parser(__doc__)
    parser.add_argument("--inputs", type=_positive, default=_INPUTS, help="inputs of all targets together")
    parser.add_argument("--seconds", type=float, help="stop after so many, whatever is left")
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one; may be repeated")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of processor time that one input may take")
    parser.add_argument("--processes", type=_positive, default=os.cpu_count() or 1, help="how many try inputs")
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="folder for inputs that did harm")
    parser.add_argument("--state", type=Path, help="file of what was done: a run that finds it goes on")
    arguments = parser.parse_args()
    chosen = [TARGETS[name] for name in arguments.target or TARGETS]
    result = run(chosen, arguments)
    publish(arguments, result, report(result))
    sys.exit(1 if result["findings"] else 0)


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise ArgumentTypeError(f"must be at least 1, got {value}")
    return int(value)


class _Hand:
    """A process that does jobs."""

    def __init__(self, context: Any, folder: Path) -> None:
        self.connection, theirs = context.Pipe()
        self.clock = context.Array("d", 3, lock=False)
        self.job: Job | None = None
        self.since = 0.0
        self.process = context.Process(target=work, args=(theirs, self.clock, folder), daemon=True)
        folder.mkdir(exist_ok=True)
        self.process.start()
        theirs.close()

    def give(self, job: Job) -> None:
        self.job, self.since = job, time.monotonic()
        self.clock[0], self.clock[1], self.clock[2] = job.first, self.since + _START, float("inf")
        self.connection.send(job)

    def trouble(self, limit: float) -> tuple[str, str] | None:
        """Kind and problem, where the process is lost."""
        if not self.process.is_alive():
            return "crash", f"the process ended with {self.process.exitcode}"
        began, worked = self.clock[1], processor_time(self.process.pid)
        if not began:
            return None
        if worked is not None and worked - self.clock[2] > limit:
            return "hang", f"takes more than {limit:g} s"
        most = limit if worked is None else _PATIENCE * limit
        return ("hang", f"waits for more than {most:g} s") if time.monotonic() - began > most else None

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def run(targets: Sequence[Target], arguments: Namespace) -> dict[str, Any]:
    """Try inputs until there are enough, or the time is over.

    Args:
        targets: What to try.
        arguments: As in the command line: `inputs`, `seconds`, `seed`, `limit`, `processes`, `failures`, `state`.
    """
    shares = sum(target.share for target in targets)
    plans = {one.name: Plan(one, max(1, round(arguments.inputs * one.share / shares))) for one in targets}
    before = resume(arguments.state, plans, arguments.seed) if arguments.state else 0.0
    began = kept = time.monotonic()
    deadline = began + arguments.seconds if arguments.seconds else float("inf")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / str(number) for number in range(arguments.processes)]
        hands = {folder: _Hand(context, folder) for folder in folders}
        try:
            lost = 0
            while _feed(hands, plans, arguments.seed, time.monotonic() < deadline and lost < _MOST_LOST):
                wait([hand.connection for hand in hands.values() if hand.job], _NAP)
                for folder, hand in hands.items():
                    if not _collect(hand, plans, arguments.limit):
                        hands[folder] = _Hand(context, folder)
                        lost += 1
                _save(plans, arguments.failures)
                if arguments.state and time.monotonic() - kept > _KEEP:
                    kept = time.monotonic()
                    _keep(arguments, plans, hands, before + kept - began)
        except KeyboardInterrupt:
            print("interrupted: this is what was found until then", file=sys.stderr)
        finally:
            for hand in hands.values():
                hand.end()
    seconds = before + time.monotonic() - began
    if arguments.state:
        _keep(arguments, plans, hands, seconds)
    return _result(plans, seconds, arguments.seed)


def _keep(arguments: Namespace, plans: Mapping[str, Plan], hands: Mapping[Path, _Hand], seconds: float) -> None:
    keep(arguments.state, plans, [hand.job for hand in hands.values() if hand.job], arguments.seed, seconds)


def _feed(hands: Mapping[Path, _Hand], plans: Mapping[str, Plan], seed: int, more: bool) -> bool:
    """Give idle processes work, of the target that is least advanced; whether any work is under way."""
    for hand in hands.values():
        if hand.job is None and more:
            for plan in sorted(plans.values(), key=Plan.progress):
                if job := plan.next_job(seed):
                    hand.give(job)
                    break
    return any(hand.job for hand in hands.values())


def _collect(hand: _Hand, plans: Mapping[str, Plan], limit: float) -> bool:
    """Take a report if there is one; False where the process is lost and has to be replaced."""
    if hand.job is None:
        return True
    plan = plans[hand.job.target.name]
    if hand.connection.poll():
        try:
            _add(plan.report, hand.connection.recv())
        except EOFError:
            pass
        else:
            hand.job = None
            return True
    trouble = hand.trouble(limit)
    if trouble is None:
        return True
    # What came of the inputs before is lost with the process: they are tried again, up to the one that did harm.
    job, number = hand.job, int(hand.clock[0])
    hand.end()
    plan.report.outcomes[trouble[0]] += 1
    plan.report.findings.append(Finding(job.target.name, job.seed, number, *trouble))
    for first, end in ((job.first, number), (number + 1, job.first + job.count)):
        if first < end:
            plan.again.append(Job(job.target, job.seed, first, end - first))
    return False


def _add(total: Report, more: Report) -> None:
    total.outcomes += more.outcomes
    total.findings += more.findings
    total.slowest = max(total.slowest, more.slowest)


def _result(plans: Mapping[str, Plan], seconds: float, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "inputs": sum(plan.report.outcomes.total() for plan in plans.values()),
        "targets": {
            name: {"outcomes": dict(plan.report.outcomes.most_common()), "slowest": round(plan.report.slowest, 3)}
            for name, plan in plans.items()
        },
        "kinds": [
            {"target": name, "kind": kind, "problem": problem, "times": times}
            for name, plan in plans.items()
            for (kind, problem), times in plan.kinds.items()
        ],
        "findings": [asdict(finding) for plan in plans.values() for finding in plan.saved],
    }


def _save(plans: Mapping[str, Plan], folder: Path) -> None:
    """Write the first inputs of every kind of finding, and what they did, as soon as they are found."""
    for plan in plans.values():
        for finding in plan.report.findings:
            plan.kinds[finding.kind, finding.problem] += 1
            if plan.kinds[finding.kind, finding.problem] > _SAVED:
                continue
            plan.saved.append(finding)
            print(f"{finding.target}: {finding.kind}: {finding.problem} (input {finding.number})", file=sys.stderr)
            folder.mkdir(parents=True, exist_ok=True)
            value = input_of(plan.target, finding.seed, finding.number)
            name = f"{finding.kind}-{finding.target.replace(' ', '-')}-{finding.seed}-{finding.number}"
            (folder / name).write_bytes(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)
            (folder / f"{name}.json").write_text(json.dumps(asdict(finding), indent=1) + "\n", encoding="utf-8")
        plan.report.findings.clear()


def report(result: Mapping[str, Any]) -> str:
    """The result as text."""
    rows = []
    for name, target in result["targets"].items():
        outcomes = target["outcomes"]
        contained = outcomes.get(CONTAINED, 0)
        rows.append([name, sum(outcomes.values()), len(outcomes), contained, f"{target['slowest']:.2f}"])
    lines = [table(["target", "inputs", "outcomes", "contained", "slowest (s)"], rows)]
    lines.append(f"\n{result['inputs']} inputs in {result['seconds']:.0f} s, seed {result['seed']}")
    lines += [f"{one['target']}: {one['kind']}: {one['problem']} ({one['times']} times)" for one in result["kinds"]]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
