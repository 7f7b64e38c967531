"""Which questions one system wins and which it loses, beside another one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hippo.errors import InputError, UnknownNameError
from hippo.evaluation.compare import Difference, paired_difference
from hippo.evaluation.results import Evaluation, Measured
from hippo.types import to_dict

__all__ = ["Change", "Changes", "compare_results"]


@dataclass(frozen=True, slots=True)
class Change:
    """A question for which two systems differ.

    Attributes:
        id: Id of the question.
        question: Its text.
        a: Value of the first system.
        b: Value of the second.
        found: Gold documents that only one of the two has among its first k, by that one's name, "a" or "b"; k is that
            of the measure, or else all that were ranked.
    """

    id: str
    question: str
    a: float
    b: float
    found: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Changes:
    """Two systems, question by question.

    Attributes:
        a: Name of the first.
        b: Name of the second.
        measure: What is compared, higher is better.
        difference: Mean of b - a, with its interval and tests.
        wins: Questions for which b has the higher value, the largest gain first.
        losses: Questions for which a has, the largest loss first.
        ties: Number of questions with equal values.
        unmatched: Number of questions that only one of the two was asked.
    """

    a: str
    b: str
    measure: str
    difference: Difference
    wins: tuple[Change, ...]
    losses: tuple[Change, ...]
    ties: int
    unmatched: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        data: dict[str, Any] = to_dict(self)
        return data


def compare_results(
    a: Evaluation,
    b: Evaluation,
    *,
    measure: str | None = None,
    system_a: str | None = None,
    system_b: str | None = None,
    confidence: float = 0.95,
) -> Changes:
    """Wins and losses of `b` against `a`, by the ids of their questions.

    Args:
        a: The baseline.
        b: The other one; it may be the same evaluation, with another system.
        measure: Which measure; None: Recall@5, or else the first that both have.
        system_a: Which system of `a`; None: its first.
        system_b: Which system of `b`; None: its first.
        confidence: Of the interval, in (0, 1).

    Raises:
        InputError: They have no question or no measure in common, or one id stands for two questions.
        UnknownNameError: There is no such system or measure.
    """
    name_a, one = _system(a, system_a)
    name_b, other = _system(b, system_b)
    common = [name for name in one.scores if name in other.scores]
    if not common:
        raise InputError(
            f"{name_a!r} and {name_b!r} have no measure in common: {list(one.scores)}, {list(other.scores)}"
        )
    chosen = measure or ("Recall@5" if "Recall@5" in common else common[0])
    if chosen not in common:
        raise UnknownNameError("measure", chosen, common)
    place = {question.id: row for row, question in enumerate(b.questions)}
    pairs = [(row, place[question.id]) for row, question in enumerate(a.questions) if question.id in place]
    if not pairs:
        raise InputError(f"{name_a!r} and {name_b!r} were asked different questions")
    cut = chosen.rpartition("@")[2]
    k = int(cut) if cut.isdecimal() else None
    changes, ties = [], 0
    for left, right in pairs:
        question = a.questions[left]
        if question.text != b.questions[right].text:
            raise InputError(
                f"question {question.id!r} is {question.text!r} here and {b.questions[right].text!r} there"
            )
        values = float(one.scores[chosen][left]), float(other.scores[chosen][right])
        if values[0] == values[1]:
            ties += 1
            continue
        first, second = one.rankings[left][:k], other.rankings[right][:k]
        found = question.gold.intersection(first), question.gold.intersection(second)
        only = {"a": tuple(sorted(found[0] - found[1])), "b": tuple(sorted(found[1] - found[0]))}
        changes.append(Change(question.id, question.text, *values, only))
    rows = np.array(pairs)
    difference = paired_difference(
        one.scores[chosen][rows[:, 0]], other.scores[chosen][rows[:, 1]], confidence=confidence
    )
    unmatched = len(a.questions) + len(b.questions) - 2 * len(pairs)
    ordered = sorted(changes, key=lambda change: (-abs(change.b - change.a), change.id))
    return Changes(
        name_a,
        name_b,
        chosen,
        difference,
        tuple(change for change in ordered if change.b > change.a),
        tuple(change for change in ordered if change.b < change.a),
        ties,
        unmatched,
    )


def _system(results: Evaluation, name: str | None) -> tuple[str, Measured]:
    """A system by name, or the first one."""
    if name is None:
        return next(iter(results.systems.items()))
    if name not in results.systems:
        raise UnknownNameError("system", name, list(results.systems))
    return name, results.systems[name]
