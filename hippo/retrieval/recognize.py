"""Recognition memory between linking and seeding: asks a fact filter, checks its answer, applies the policies.

"Kept none" and "failed" are different outcomes with a policy each; neither changes the method without saying so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hippo.errors import ConfigError, LLMReplyError
from hippo.protocols import FactFilter
from hippo.tracing import traced
from hippo.types import Recognition

__all__ = ["Recognized", "recognize"]


@dataclass(frozen=True, slots=True)
class Recognized:
    """What to do with the candidate facts of one question.

    Attributes:
        recognition: The filter's answer, in positions of the candidates, with its fallback.
        seeds: Positions of the candidates to seed the walk from, ascending; None: rank by vectors alone.
    """

    recognition: Recognition
    seeds: tuple[int, ...] | None


@traced("hippo.retrieve.recognize")
def recognize(
    fact_filter: FactFilter,
    questions: Sequence[str],
    facts: Sequence[Sequence[str]],
    *,
    when_none: str,
    when_failed: str,
) -> list[Recognized]:
    """Ask a filter about the candidate facts of a block of questions.

    Each distinct text of a question is shown once; what is kept of it is kept of its repeats. A question without
    candidates is not asked about: its outcome is "none" of 0, and nothing but "unfiltered" is left to do, whatever the
    policies say.

    Args:
        fact_filter: The filter.
        questions: m questions.
        facts: Texts of the candidate facts of each, best first.
        when_none: Where it keeps nothing: "dense", "unfiltered" or "error".
        when_failed: The same where it gave no usable answer.

    Returns:
        One result per question, in order.

    Raises:
        LLMReplyError: A policy is "error" and applies, or the filter's answer is not of the shape that
            `hippo.protocols.FactFilter` asks for.
        LLMRefusedError: The filter's model refuses every request.
        LLMBudgetError: The limit on what may be spent was reached.
        ConfigError: A policy is unknown.
    """
    policies = {"none": when_none, "failed": when_failed}
    for outcome, policy in policies.items():
        if policy not in ("dense", "unfiltered", "error"):
            key, problem = f"when_{outcome}", f"must be dense, unfiltered or error, got {policy!r}"
            raise ConfigError("recognition", key, problem)
    shown = [list(dict.fromkeys(texts)) for texts in facts]
    asked = [place for place, texts in enumerate(shown) if texts]
    answers = _ask(fact_filter, [questions[place] for place in asked], [shown[place] for place in asked])
    results = [Recognized(Recognition("none", (), 0, fallback="unfiltered"), ())] * len(questions)
    for place, answer in zip(asked, answers, strict=True):
        whole = _with_repeats(answer, shown[place], facts[place])
        results[place] = _apply(policies.get(whole.outcome), whole, fact_filter)
    return results


def _ask(fact_filter: FactFilter, questions: list[str], shown: list[list[str]]) -> list[Recognition]:
    if not questions:
        return []
    answers = fact_filter.recognize(questions, shown)
    if not isinstance(answers, Sequence) or len(answers) != len(questions):
        count = len(answers) if isinstance(answers, Sequence) else type(answers).__name__
        raise _unusable(fact_filter, f"{len(questions)} questions need as many results, got {count}")
    for question, texts, answer in zip(questions, shown, answers, strict=True):
        if problem := _problem(answer, len(texts)):
            raise _unusable(fact_filter, f"{problem} (question {question!r})")
    return list(answers)


def _problem(answer: object, count: int) -> str | None:
    """What is wrong with a filter's answer about `count` facts; None: nothing. Plug-ins are not ours to trust."""
    if not isinstance(answer, Recognition):
        return f"a result must be a Recognition, got {type(answer).__name__}"
    kept: Any = answer.kept
    if answer.outcome not in ("kept", "none", "failed"):
        return f"outcome must be kept, none or failed, got {answer.outcome!r}"
    if not isinstance(kept, Sequence):
        return f"kept positions must be a tuple, got {type(kept).__name__}"
    if answer.shown != count:
        return f"{count} facts were shown, not {answer.shown}"
    if (answer.outcome == "kept") != bool(kept):
        return f"outcome {answer.outcome!r} does not go with the kept positions {list(kept)}"
    if not all(type(position) is int and 0 <= position < count for position in kept):
        return f"kept positions must be whole numbers from 0 to {count - 1}, got {list(kept)}"
    if list(kept) != sorted(set(kept)):
        return f"kept positions must be ascending, without repeats, got {list(kept)}"
    return None


def _with_repeats(answer: Recognition, shown: Sequence[str], facts: Sequence[str]) -> Recognition:
    """The answer about distinct texts as one about the candidates."""
    texts = {shown[position] for position in answer.kept}
    kept = tuple(position for position, text in enumerate(facts) if text in texts)
    return replace(answer, kept=kept, shown=len(facts))


def _apply(policy: str | None, answer: Recognition, fact_filter: FactFilter) -> Recognized:
    """The answer with its fallback; `policy` is None where facts were kept."""
    if policy is None:
        return Recognized(replace(answer, fallback=None), answer.kept)
    if policy == "error":
        none = f"kept none of {answer.shown} facts"
        raise _unusable(fact_filter, none if answer.outcome == "none" else answer.reason or "no reason was given")
    seeds = None if policy == "dense" else tuple(range(answer.shown))
    return Recognized(replace(answer, fallback=policy), seeds)


def _unusable(fact_filter: FactFilter, problem: str) -> LLMReplyError:
    return LLMReplyError(fact_filter.fingerprint, "selection of facts", problem)
