"""The conformance suite of re-rankers."""
# ruff: noqa: S101 - a suite of tests asserts

import math

import pytest

from hippo.protocols import Reranker

__all__ = ["RerankerConformance"]

QUESTIONS = ["Where was Ada Lovelace born?", "What lies on the Tiber?"]
PASSAGES = [
    ["Ada Lovelace\nAda Lovelace was born in London.", "Rome lies on the Tiber.", "", "A long river. " * 400],
    ["Rome lies on the Tiber.", "北京 is a city \ud800"],
]


class RerankerConformance:
    """What every `hippo.protocols.Reranker` keeps to. Subclass it with a fixture `reranker`."""

    @pytest.fixture
    def reranker(self) -> Reranker:
        """The re-ranker under test."""
        raise NotImplementedError("a subclass defines the fixture `reranker`")

    def test_is_a_reranker(self, reranker: Reranker) -> None:
        """It has the methods, and a fingerprint that stays."""
        assert isinstance(reranker, Reranker)
        assert isinstance(reranker.fingerprint, str)
        assert reranker.fingerprint == reranker.fingerprint != ""

    def test_gives_a_finite_number_for_every_passage(self, reranker: Reranker) -> None:
        """Also for empty, long and foreign ones, and as many as there are passages."""
        given = reranker.rerank(QUESTIONS, PASSAGES)
        assert [len(one) for one in given] == [4, 2]
        assert all(math.isfinite(value) for one in given for value in one)

    def test_nothing_to_read_is_no_error(self, reranker: Reranker) -> None:
        """No questions, and a question without passages."""
        assert list(reranker.rerank([], [])) == []
        assert [len(one) for one in reranker.rerank(QUESTIONS, [[], PASSAGES[1]])] == [0, 2]

    def test_says_the_same_again(self, reranker: Reranker) -> None:
        """The same call gives the same numbers."""
        first, second = (reranker.rerank(QUESTIONS, PASSAGES) for _ in range(2))
        assert [list(one) for one in first] == [list(one) for one in second]

    def test_leaves_its_arguments_alone(self, reranker: Reranker) -> None:
        """Lists of questions and passages are as they were."""
        questions, passages = list(QUESTIONS), [list(texts) for texts in PASSAGES]
        reranker.rerank(questions, passages)
        assert (questions, passages) == (QUESTIONS, PASSAGES)
