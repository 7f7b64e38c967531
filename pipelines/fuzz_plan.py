"""What a run of `pipelines.fuzz` still has to try, and what came of the rest; kept in a file, so that it can go on."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.common import write
from pipelines.fuzz_target import Target
from pipelines.fuzz_worker import Finding, Job, Report

__all__ = ["Plan", "keep", "resume"]


@dataclass(slots=True)
class Plan:
    """What is left to try of a target, and what came of the rest."""

    target: Target
    planned: int
    given: int = 0
    again: list[Job] = field(default_factory=list)
    report: Report = field(default_factory=Report)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    saved: list[Finding] = field(default_factory=list)

    def progress(self) -> float:
        """Share of the inputs that were handed out; those that have to be tried again come first."""
        return self.given / self.planned if not self.again else -1.0

    def next_job(self, seed: int) -> Job | None:
        """The next inputs; None: there are no more."""
        if self.again:
            return self.again.pop()
        count = min(self.target.batch, self.planned - self.given)
        if count <= 0:
            return None
        self.given += count
        return Job(self.target, seed, self.given - count, count)


def keep(path: Path, plans: Mapping[str, Plan], under_way: "list[Job]", seed: int, seconds: float) -> None:
    """Write what has been done; inputs that are under way count as not tried. The file is replaced in one step."""
    targets = {
        name: _state(plan, [job for job in under_way if job.target.name == name]) for name, plan in plans.items()
    }
    fresh = path.with_name(f"{path.name}.new")
    write(fresh, {"seed": seed, "seconds": seconds, "targets": targets})
    fresh.replace(path)


def _state(plan: Plan, under_way: "list[Job]") -> dict[str, Any]:
    return {
        "given": plan.given,
        "again": [[job.first, job.count] for job in (*plan.again, *under_way)],
        "outcomes": dict(plan.report.outcomes),
        "slowest": plan.report.slowest,
        "kinds": [[*kind, times] for kind, times in plan.kinds.items()],
        "saved": [asdict(finding) for finding in plan.saved],
    }


def resume(path: Path, plans: Mapping[str, Plan], seed: int) -> float:
    """Go on from what `keep` wrote, if there is any; targets that are not in it begin anew.

    Returns:
        Seconds that were spent before.

    Raises:
        ValueError: It is the state of a run with another seed.
    """
    if not path.exists():
        return 0.0
    state = json.loads(path.read_text(encoding="utf-8"))
    if state["seed"] != seed:
        raise ValueError(f"{path} is the state of a run with seed {state['seed']}, not {seed}")
    for name, known in state["targets"].items():
        if name not in plans:
            continue
        plan = plans[name]
        plan.given = known["given"]
        plan.again = [Job(plan.target, seed, first, count) for first, count in known["again"]]
        plan.report = Report(Counter(known["outcomes"]), [], known["slowest"])
        plan.kinds = Counter({(kind, problem): times for kind, problem, times in known["kinds"]})
        plan.saved = [Finding(**finding) for finding in known["saved"]]
    return float(state["seconds"])
