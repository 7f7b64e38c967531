"""Crashes and failing disks: does an index lose or double anything?

    python -m pipelines.crash --kills 500 --faults 500 --full 100 --out runs/crash.json
    python -m pipelines.crash --kills 10 --faults 10 --full 5

Each trial takes an index in the middle of a history of adds, updates, deletes and prunes, starts the next operation in
a process of its own, and lets that come to harm: SIGKILL at a random moment; one write, fsync, rename or the like fails
with an input/output error; the disk is full from some call on. Then readers must see the state before or after the
operation, complete; `hippo.maintenance.check` must find nothing wrong; doing the operation again must finish it, and
give bit by bit what a fresh index of the same documents holds. Whatever else happens is a finding; then the exit status
is 1.
"""

import errno
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pipelines.common import new_parser, publish, table
from pipelines.crash.trials import Bench, Outcome, build_shim


def main() -> None:
    """Parse arguments, make the trials, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--kills", type=int, default=50, help="processes killed at random moments")
    parser.add_argument("--faults", type=int, default=50, help="calls to the disk that fail, one in a trial")
    parser.add_argument("--full", type=int, default=10, help="disks that are full from some call on")
    parser.add_argument("--seed", type=int, default=0, help="of histories and moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hippo-crash-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        bench = Bench(root, arguments.seed)
        outcomes = repeat(arguments.kills, bench.kill)
        if arguments.faults or arguments.full:
            shim = build_shim(root)
            outcomes += repeat(arguments.faults, lambda: bench.fail(shim, code=errno.EIO, sticky=False))
            outcomes += repeat(arguments.full, lambda: bench.fail(shim, code=errno.ENOSPC, sticky=True))
    findings = [one for one in outcomes if one.wrong]
    result = {"trials": len(outcomes), "counts": counts(outcomes), "findings": [asdict(one) for one in findings]}
    publish(arguments, result, report(outcomes))
    for one in findings:
        print(f"{one.kind}, {one.operation}, {one.ended}: {'; '.join(one.wrong)}", file=sys.stderr)
    sys.exit(1 if findings else 0)


def repeat(count: int, trial: Callable[[], Outcome]) -> list[Outcome]:
    """A trial, so many times, with a dot on standard error for each."""
    outcomes = []
    for _ in range(count):
        outcomes.append(trial())
        print("!" if outcomes[-1].wrong else ".", end="", file=sys.stderr, flush=True)
    if count:
        print(file=sys.stderr)
    return outcomes


def counts(outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
    """Number of trials by kind of harm, and by how they ended."""
    found: dict[str, Counter[str]] = {}
    for one in outcomes:
        found.setdefault(one.kind, Counter())[one.ended] += 1
    return {kind: dict(sorted(ended.items())) for kind, ended in found.items()}


def report(outcomes: list[Outcome]) -> str:
    """The table for people."""
    rows: list[list[object]] = []
    for kind, ended in counts(outcomes).items():
        wrong = sum(1 for one in outcomes if one.kind == kind and one.wrong)
        rows.append(
            [kind, str(sum(ended.values())), ", ".join(f"{count} {how}" for how, count in ended.items()), str(wrong)]
        )
    return table(["harm", "trials", "how they ended", "findings"], rows)


if __name__ == "__main__":
    main()
