import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.errors import InputError, QuestionError
from hippo.evaluation import (
    exact_match,
    f1,
    full_chain_recall_at,
    normalise_answer,
    recall_at,
)

RANKINGS = [["a", "b", "b", "c", "d"], ["x", "a"], []]
GOLDS = [{"b", "d"}, {"a"}, {"z"}]

rankings_strategy = st.lists(st.sampled_from("abcdef"), max_size=8)
gold_strategy = st.sets(st.sampled_from("abcdef"), min_size=1)


@pytest.mark.parametrize(("k", "expected"), [(1, [0, 0, 0]), (2, [0.5, 1, 0]), (3, [0.5, 1, 0]), (4, [1, 1, 0])])
def test_recall_counts_documents_not_chunks(k: int, expected: list[float]) -> None:
    scores = recall_at(k, RANKINGS, GOLDS)
    assert scores.dtype == np.float64
    assert scores.tolist() == expected


def test_full_chain_needs_every_gold_document() -> None:
    assert full_chain_recall_at(3, RANKINGS, GOLDS).tolist() == [0, 1, 0]
    assert full_chain_recall_at(4, RANKINGS, GOLDS).tolist() == [1, 1, 0]


@pytest.mark.parametrize("measure", [recall_at, full_chain_recall_at])
def test_wrong_arguments(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(QuestionError, match="k must be at least 1, got 0"):
        measure(0, RANKINGS, GOLDS)
    with pytest.raises(InputError, match="as many, got 3 and 2"):
        measure(1, RANKINGS, GOLDS[:2])
    with pytest.raises(InputError, match="question 1 has no gold document"):
        measure(1, [["a"], ["a"]], [{"a"}, set()])


@given(rankings_strategy, gold_strategy, st.integers(1, 8))
def test_measures_are_shares_that_grow_with_k(ranking: list[str], gold: set[str], k: int) -> None:
    recall = [recall_at(j, [ranking], [gold])[0] for j in (k, k + 1)]
    assert 0 <= recall[0] <= recall[1] <= 1
    assert full_chain_recall_at(k, [ranking], [gold])[0] == float(recall[0] == 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Beatles", "beatles"),
        ("  An  apple,\ta pear; THE end! ", "apple pear end"),
        ("a.an.the", "aanthe"),
        ("theatre", "theatre"),
        ("U.S.A.", "usa"),
        ("well-known", "wellknown"),
        ("¿Qué?", "¿qué"),
        ("the", ""),
    ],
)
def test_normalise_answer(text: str, expected: str) -> None:
    assert normalise_answer(text) == expected


def test_exact_match_is_with_any_answer() -> None:
    assert exact_match("the U.S.", ["United States", "us"]) == 1.0
    assert exact_match("US army", ["United States", "us"]) == 0.0


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("the cat sat", ["cat"], 2 / 3),  # precision 1/2, recall 1
        ("cat cat dog", ["cat dog dog"], 2 / 3),  # two of three on either side
        ("cat", ["dog", "a cat"], 1.0),
        ("cat", ["dog"], 0.0),
        ("the", ["a"], 0.0),
    ],
)
def test_f1_by_hand(prediction: str, answers: list[str], expected: float) -> None:
    assert f1(prediction, answers) == pytest.approx(expected)


def test_answers_must_be_given() -> None:
    for measure in (exact_match, f1):
        with pytest.raises(InputError, match="at least one accepted answer"):
            measure("x", [])
