"""Does the graph help here? A plain answer from an evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hippo.errors import InputError, UnknownNameError
from hippo.evaluation.compare import Difference, paired_difference
from hippo.evaluation.results import Evaluation
from hippo.types import to_dict

__all__ = ["RIVALS", "Verdict", "verdict", "verdicts"]

RIVALS = ("dense", "bm25", "hybrid")
"""Profiles that rank without the graph."""

_FEW = 30
"""Questions below which an interval says little."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a system is better than the best of others.

    Attributes:
        says: "helps": it is better than each of the others; "harms": worse than the best one; "open": these questions
            do not tell. Better and worse mean that the interval of the difference leaves out 0.
        measure: What was compared.
        system: Who was judged.
        rival: The best of the others by its mean.
        difference: System - rival, in the unit of the measure.
        questions: Number of questions.
        about: Which questions: "all", "one passage" or "several passages".
    """

    says: Literal["helps", "harms", "open"]
    measure: str
    system: str
    rival: str
    difference: Difference
    questions: int
    about: str = "all"

    def to_text(self) -> str:
        """A sentence or two."""
        change = self.difference
        by = f"{100 * change.mean:+.1f} [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"
        asked = f"{self.questions} question{'' if self.questions == 1 else 's'}"
        beside = f"{self.measure} {by} points beside {self.rival}, the best profile without it; {asked}"
        said = {
            "helps": f"the graph helps: {beside}",
            "harms": f"the graph harms: {beside}. Use the profile {self.rival} for such questions",
            "open": f"these questions do not tell whether the graph helps: {beside}",
        }[self.says]
        about = {"all": "All questions", "one passage": "Needing one passage"}.get(
            self.about, "Needing several passages"
        )
        few = f". These are few questions: ask more than {_FEW}" if self.questions < _FEW else ""
        return f"{about}: {said}{few}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        data: dict[str, Any] = to_dict(self)
        return data


def verdict(
    results: Evaluation,
    *,
    measure: str | None = None,
    system: str = "hippo",
    rivals: Sequence[str] = RIVALS,
    only: "np.ndarray[tuple[int], np.dtype[np.bool_]] | None" = None,
    about: str = "all",
) -> Verdict:
    """Judge a system against others of an evaluation.

    It helps only if the interval of its difference to each of them lies above 0, so that choosing the best of several
    rivals by the same questions flatters nobody.

    Args:
        results: The evaluation.
        measure: Which measure; None: Recall@5, or else the first.
        system: Who is judged.
        rivals: With whom it is compared, as far as they were evaluated.
        only: Which questions count, bool `(n,)`, at least one true; None: all.
        about: What to call these questions.

    Raises:
        InputError: There is nothing to compare with.
        UnknownNameError: There is no such system or measure.
    """
    if system not in results.systems:
        raise UnknownNameError("system", system, list(results.systems))
    ours = results.systems[system].scores
    chosen = measure or ("Recall@5" if "Recall@5" in ours else next(iter(ours)))
    if chosen not in ours:
        raise UnknownNameError("measure", chosen, list(ours))
    kept = np.ones(len(results.questions), bool) if only is None else only
    others = {name: results.systems[name].scores[chosen][kept] for name in rivals if name in results.systems}
    if not others or system in others:
        raise InputError(f"a verdict on {system!r} needs one of {', '.join(rivals)} beside it")
    changes = {
        name: paired_difference(values, ours[chosen][kept], confidence=results.confidence)
        for name, values in others.items()
    }
    best = max(others, key=lambda name: float(others[name].mean()))
    says: Literal["helps", "harms", "open"] = "open"
    if all(change.low > 0 for change in changes.values()):
        says = "helps"
    elif changes[best].high < 0:
        says = "harms"
    return Verdict(says, chosen, system, best, changes[best], int(kept.sum()), about)


def verdicts(results: Evaluation, *, measure: str | None = None, system: str = "hippo") -> list[Verdict]:
    """Verdicts for all questions, and apart for those that need one passage and those that need several.

    Arguments and errors are those of `verdict`; but there is none where there is nobody to judge, or to compare with.
    """
    if system not in results.systems or not any(name in results.systems for name in RIVALS):
        return []
    several = np.array([len(question.gold) > 1 for question in results.questions])
    made = [verdict(results, measure=measure, system=system)]
    if several.any() and not several.all():
        for about, rows in (("one passage", ~several), ("several passages", several)):
            made.append(verdict(results, measure=measure, system=system, only=rows, about=about))
    return made
