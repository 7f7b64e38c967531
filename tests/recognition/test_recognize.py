"""The step between linking and seeding: distinct texts, policies, filters that break their promise."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hippo.errors import ConfigError, LLMRefusedError, LLMReplyError
from hippo.retrieval.recognize import Recognized, recognize
from hippo.types import Recognition, Usage

POLICIES = ("dense", "unfiltered", "error")


class Filter:
    """Answers by a function of question and facts, and remembers what it was shown."""

    fingerprint = "filter/1"

    def __init__(self, answer: Callable[[str, Sequence[str]], Any]) -> None:
        self.answer = answer
        self.shown: list[list[str]] = []
        self.calls = 0

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        self.calls += 1
        self.shown += map(list, facts)
        return [self.answer(question, texts) for question, texts in zip(questions, facts, strict=True)]


class Raw:
    """Returns a value, whatever it is asked."""

    fingerprint = "raw/1"

    def __init__(self, value: Any) -> None:
        self.value = value

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> Any:
        return self.value


def keep_named(question: str, facts: Sequence[str]) -> Recognition:
    """Keeps the facts that are a word of the question; "?" fails."""
    if "?" in question:
        return Recognition("failed", (), len(facts), "it said nothing", usage=Usage(requests=2))
    kept = tuple(place for place, fact in enumerate(facts) if fact in question.split())
    return Recognition("kept" if kept else "none", kept, len(facts), usage=Usage(requests=1))


def ask(
    fact_filter: Any,
    questions: Sequence[str],
    facts: Sequence[Sequence[str]],
    when_none: str = "dense",
    when_failed: str = "unfiltered",
) -> list[Recognized]:
    return recognize(fact_filter, questions, facts, when_none=when_none, when_failed=when_failed)


@pytest.mark.parametrize("when_none", POLICIES)
@pytest.mark.parametrize("when_failed", POLICIES)
def test_kept_facts_seed_whatever_the_policies(when_none: str, when_failed: str) -> None:
    found = ask(Filter(keep_named), ["b c"], [["a", "b", "c"]], when_none, when_failed)
    assert found == [Recognized(Recognition("kept", (1, 2), 3, usage=Usage(requests=1)), (1, 2))]


@pytest.mark.parametrize("other", POLICIES)
def test_each_outcome_has_its_policy(other: str) -> None:
    for policy, seeds in (("dense", None), ("unfiltered", (0, 1, 2))):
        none = ask(Filter(keep_named), ["z"], [["a", "b", "c"]], policy, other)[0]
        assert none == Recognized(Recognition("none", (), 3, fallback=policy, usage=Usage(requests=1)), seeds)
        failed = ask(Filter(keep_named), ["?"], [["a", "b", "c"]], other, policy)[0]
        usage = Usage(requests=2)
        assert failed == Recognized(Recognition("failed", (), 3, "it said nothing", policy, usage), seeds)


def test_errors_say_what_happened() -> None:
    with pytest.raises(LLMReplyError) as none:
        ask(Filter(keep_named), ["z"], [["a", "b", "a"]], "error", "dense")
    assert none.value.args == ("filter/1", "selection of facts", "kept none of 3 facts")
    with pytest.raises(LLMReplyError) as failed:
        ask(Filter(keep_named), ["?"], [["a"]], "dense", "error")
    assert failed.value.args == ("filter/1", "selection of facts", "it said nothing")
    with pytest.raises(LLMReplyError, match="no reason was given"):
        ask(Raw([Recognition("failed", (), 1)]), ["?"], [["a"]], "dense", "error")


def test_repeated_texts_are_shown_once_and_kept_together() -> None:
    fact_filter = Filter(keep_named)
    found = ask(fact_filter, ["b", "b c", "?"], [["a", "b", "a", "b"], ["c", "c", "c"], ["d", "d"]])
    assert fact_filter.shown == [["a", "b"], ["c"], ["d"]]
    assert [item.seeds for item in found] == [(1, 3), (0, 1, 2), (0, 1)]
    assert [(item.recognition.kept, item.recognition.shown) for item in found] == [
        ((1, 3), 4),
        ((0, 1, 2), 3),
        ((), 2),
    ]


@pytest.mark.parametrize("policy", POLICIES)
def test_questions_without_facts_are_not_asked_about(policy: str) -> None:
    fact_filter = Filter(keep_named)
    found = ask(fact_filter, ["x", "b", "?"], [[], ["a", "b"], []], policy, policy)
    nothing = Recognized(Recognition("none", (), 0, fallback="unfiltered"), ())
    assert (found[0], found[2]) == (nothing, nothing)
    assert found[1].seeds == (1,)
    assert (fact_filter.calls, fact_filter.shown) == (1, [["a", "b"]])


def test_nothing_to_ask_is_no_call() -> None:
    fact_filter = Filter(keep_named)
    assert ask(fact_filter, [], []) == []
    assert len(ask(fact_filter, ["x", "y"], [[], []])) == 2
    assert fact_filter.calls == 0


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "1 questions need as many results, got NoneType"),
        ([], "1 questions need as many results, got 0"),
        ([Recognition("none", (), 3)] * 2, "got 2"),
        ([(0, 1)], "must be a Recognition, got tuple"),
        ([Recognition("maybe", (), 3)], "outcome must be kept, none or failed, got 'maybe'"),  # type: ignore[arg-type]
        ([Recognition("kept", (0,), 4)], "3 facts were shown, not 4"),
        ([Recognition("none", None, 3)], "kept positions must be a tuple, got NoneType"),  # type: ignore[arg-type]
        ([Recognition("kept", 1, 3)], "kept positions must be a tuple, got int"),  # type: ignore[arg-type]
        ([Recognition("kept", (), 3)], r"'kept' does not go with the kept positions \[\]"),
        ([Recognition("none", (1,), 3)], r"'none' does not go with the kept positions \[1\]"),
        ([Recognition("failed", (1,), 3)], "'failed' does not go with"),
        ([Recognition("kept", (3,), 3)], r"whole numbers from 0 to 2, got \[3\]"),
        ([Recognition("kept", (-1,), 3)], "from 0 to 2"),
        ([Recognition("kept", (True,), 3)], "whole numbers"),
        ([Recognition("kept", (1, 1), 3)], r"ascending, without repeats, got \[1, 1\]"),
        ([Recognition("kept", (2, 0), 3)], "ascending"),
    ],
)
def test_filters_that_break_their_promise(value: Any, problem: str) -> None:
    with pytest.raises(LLMReplyError, match=problem) as caught:
        ask(Raw(value), ["b"], [["a", "b", "c"]])
    assert caught.value.args[:2] == ("raw/1", "selection of facts")


def test_a_fallback_is_ours_to_name() -> None:
    found = ask(Raw([Recognition("kept", (0,), 1, fallback="dense")]), ["b"], [["a"]])
    assert found == [Recognized(Recognition("kept", (0,), 1), (0,))]


def test_refusals_pass_and_policies_are_checked() -> None:
    def refuse(question: str, facts: Sequence[str]) -> Recognition:
        raise LLMRefusedError("m", "bad key", "Set it")

    with pytest.raises(LLMRefusedError):
        ask(Filter(refuse), ["b"], [["a"]])
    with pytest.raises(ConfigError, match="when_none: must be dense, unfiltered or error, got 'none'"):
        ask(Filter(keep_named), ["b"], [["a"]], "none")
    with pytest.raises(ConfigError, match="when_failed"):
        ask(Filter(keep_named), ["b"], [["a"]], "dense", "")
