import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.background import run
from hippo.config import ReaderConfig
from hippo.errors import LLMUnavailableError, QuestionError
from hippo.reader import fuse, retrieve_in_steps
from hippo.types import Completion, Explanation, Hit, LLMRequest, Recognition, Retrieval, Step, Usage

Class = Callable[..., Any]
Make = Callable[..., Hit]
Reply = str | Completion | Exception


def ranking(hit: Make, chunks: Sequence[str]) -> tuple[Hit, ...]:
    return tuple(hit(rank, f"text of {chunk}", None, chunk) for rank, chunk in enumerate(chunks, start=1))


@pytest.fixture(scope="session")
def search(model: Class, hit: Make) -> Callable[..., tuple[Retrieval, list[str], Any]]:
    """Retrieve in steps from rankings by query ("*": any other), with a model that replies in turn."""

    def go(rankings: dict[str, str], replies: list[Reply], *, steps: int = 3, k: int = 3) -> Any:
        queries = []
        waiting = iter(replies)

        async def retrieve(query: str) -> Retrieval:
            queries.append(query)
            hits = ranking(hit, rankings.get(query, rankings.get("*", "")))
            usage = {"recognition": Usage(1), "reader": Usage(0, 1)}
            recognition = Recognition("none" if len(queries) > 1 else "kept", (), 1)
            return Retrieval(query, "mine", hits, {"damping": 0.5}, (), {"walk": 2.0}, recognition, (), usage)

        def reply(request: LLMRequest) -> str | Completion:
            said = next(waiting)
            if isinstance(said, Exception):
                raise said
            return said

        llm = model(reply)
        settings = ReaderConfig(steps=steps)
        found = run(retrieve_in_steps("Q?", retrieve=retrieve, llm=llm, steps=steps, k=k, settings=settings))
        return found, queries, llm

    return go


def test_rounds_are_fused_and_recorded(search: Class) -> None:
    found, queries, _ = search({"Q?": "abc", "Who is b?": "bde", "*": "e"}, ["Who is\nb [1]?", "And e."], k=4)
    assert queries == ["Q?", "Who is b?", "And e."]
    expected = {"b": 1 / 62 + 1 / 61, "e": 1 / 63 + 1 / 61, "a": 1 / 61, "d": 1 / 62}
    assert [hit.chunk_id for hit in found.hits] == list(expected)
    assert [hit.score for hit in found.hits] == pytest.approx(list(expected.values()), abs=1e-15)
    assert [hit.rank for hit in found.hits] == [1, 2, 3, 4]
    assert found.steps == (
        Step("Q?", ("a", "b", "c"), (1.0, 1 / 2, 1 / 3), "Who is b [1]?"),
        Step("Who is b?", ("b", "d", "e"), (1.0, 1 / 2, 1 / 3), "And e."),
        Step("And e.", ("e",), (1.0,), None),
    )
    assert (found.question, found.profile) == ("Q?", "mine")
    assert found.parameters == {
        "damping": 0.5,
        "steps": 3,
        "fusion": "reciprocal rank, k0 = 60",
        "stopped": None,
        "recognition_outcomes": ["kept", "none", "none"],
    }
    assert found.usage == {"recognition": Usage(3), "reader": Usage(2, 3, 200, 20, 1.0)}
    assert found.seconds["walk"] == 6.0
    assert found.seconds["think"] >= 0


def test_the_model_sees_the_best_passages_and_its_thoughts(search: Class) -> None:
    _, _, llm = search({"Q?": "abc", "*": "dba"}, ["Find d.", "Find more."], k=2)
    first, second = (request.messages[-1].content for request in llm.requests)
    assert "text of b" in first
    assert "text of c" not in first  # the third of two
    assert "thoughts so far" not in first
    assert "- Find d.\n" in second
    assert second.endswith(" question\nQ?")


@pytest.mark.parametrize(
    ("reply", "stopped", "thought"),
    [
        ("[enough]", "enough", "[enough]"),
        ("It is b. [Enough]", "enough", "It is b. [Enough]"),
        ("Find d!", "repeated thought", "Find d!"),
        ("q", "repeated thought", "q"),
        ("", "no usable thought", "(no thought in the reply '')"),
        ("[1] ...\n", "no usable thought", "(no thought in the reply '[1] ...')"),
        (Completion("x", "filtered"), "no usable thought", "(no thought: the reply was withheld by the provider)"),
    ],
)
def test_it_stops_early_and_says_why(search: Class, reply: str | Completion, stopped: str, thought: str) -> None:
    found, queries, _ = search({"Q?": "abc", "*": "dba"}, ["Find d", reply], steps=5)
    assert queries == ["Q?", "Find d"]
    assert (found.parameters["steps"], found.parameters["stopped"]) == (2, stopped)
    assert [step.thought for step in found.steps] == ["Find d", thought]
    assert {hit.chunk_id for hit in found.hits} == {"a", "b", "d"}


def test_a_thought_cut_off_is_still_searched(search: Class) -> None:
    _, queries, _ = search({"*": "a"}, [Completion("Find the mayor of", "length")], steps=2)
    assert queries == ["Q?", "Find the mayor of"]


def test_one_step_asks_no_model(search: Class) -> None:
    found, queries, llm = search({"Q?": "abc"}, [], steps=1, k=2)
    assert (queries, llm.requests, found.steps) == (["Q?"], [], ())
    assert [hit.score for hit in found.hits] == [1.0, 1 / 2]


def test_an_outage_is_an_error(search: Class) -> None:
    with pytest.raises(LLMUnavailableError, match="overloaded"):
        search({"*": "a"}, ["Find d.", LLMUnavailableError("function", "overloaded", None)])


@pytest.mark.parametrize(("steps", "k", "name"), [(0, 1, "steps"), (1, 0, "k")])
def test_wrong_numbers(model: Class, steps: int, k: int, name: str) -> None:
    async def retrieve(query: str) -> Retrieval:
        raise LLMUnavailableError("function", "must not be reached", None)

    with pytest.raises(QuestionError, match=f"{name} must be at least 1, got 0"):
        run(retrieve_in_steps("Q", retrieve=retrieve, llm=model(str), steps=steps, k=k, settings=ReaderConfig()))


def test_ties_go_to_the_first_ranking_and_evidence_to_the_highest_rank(hit: Make) -> None:
    why = {name: Explanation((), (), None, None, share) for name, share in (("low", 0.1), ("high", 0.9))}
    first = ranking(hit, "abcd")
    second = tuple(replace(item, explanation=why["high"]) for item in ranking(hit, "bax"))
    first = tuple(replace(item, explanation=why["low"]) for item in first)
    fused = fuse([first, second], 10)
    assert [item.chunk_id for item in fused] == ["a", "b", "c", "x", "d"]
    assert fused[0].score == fused[1].score
    assert [item.explanation for item in fused] == [why["low"], why["high"], why["low"], why["high"], why["low"]]
    assert fuse([], 3) == fuse([()], 3) == ()


@given(st.lists(st.permutations("abcdef").map(lambda chunks: chunks[:4]), min_size=1, max_size=5), st.integers(1, 7))
def test_fusion_is_the_published_sum(hit: Make, chunks: list[list[str]], k: int) -> None:
    rankings = [ranking(hit, found) for found in chunks]
    fused = fuse(rankings, k)
    every = fuse(rankings, 100)
    assert fused == every[:k]
    for item in every:
        ranks = [found.index(item.chunk_id) + 1 for found in chunks if item.chunk_id in found]
        assert item.score == math.fsum(1 / (60 + rank) for rank in ranks)
    assert {item.chunk_id for item in every} == {chunk for found in chunks for chunk in found}
    scores = [item.score for item in every]
    assert scores == sorted(scores, reverse=True)
    backwards = {item.chunk_id: item.score for item in fuse(rankings[::-1], 100)}
    assert backwards == {item.chunk_id: item.score for item in every}
