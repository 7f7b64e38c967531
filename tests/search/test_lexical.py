"""BM25 against the bm25s package and against the formula, written out."""

import math
from collections import Counter

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.search.lexical import K1, B, LexicalIndex
from hippo.search.terms import terms

WORDS = [*"abcdefgh", "ada", "東京", "京都", "лев"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=12)


def by_formula(texts: list[str], question: str) -> list[float]:
    counts = [Counter(terms(text)) for text in texts]
    mean = sum(map(Counter.total, counts)) / len(counts)
    scores = []
    for count in counts:
        score = 0.0
        for word in set(terms(question)):
            holding = sum(word in other for other in counts)
            idf = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
            if count[word]:
                norm = K1 * (1 - B + B * count.total() / mean)
                score += idf * count[word] * (K1 + 1) / (count[word] + norm)
        scores.append(score)
    return scores


@given(TEXTS, st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=6).map(" ".join))
def test_scores_are_those_of_the_formula(texts, question):
    scores = LexicalIndex.build(texts).scores(question)
    assert scores.dtype == np.float64
    assert scores.shape == (len(texts),)
    if texts:
        np.testing.assert_allclose(scores, by_formula(texts, question), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_bm25s(seed):
    """bm25s leaves out the factor k1 + 1 of its "lucene" method, as Lucene does: the order is the same."""
    rng = np.random.default_rng(seed)
    words = [f"w{number}" for number in range(50)]
    texts = [" ".join(rng.choice(words, rng.integers(1, 40))) for _ in range(200)]
    reference = bm25s.BM25(method="lucene", k1=K1, b=B)
    reference.index([terms(text) for text in texts], show_progress=False)
    index = LexicalIndex.build(texts)
    for _ in range(20):
        question = sorted(set(rng.choice(words, 4)))
        expected = reference.get_scores(question) * (K1 + 1)
        np.testing.assert_allclose(index.scores(" ".join(question)), expected, rtol=1e-5, atol=1e-6)


@given(TEXTS, st.randoms(use_true_random=False))
def test_order_of_the_texts_makes_no_difference(texts, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    index, shuffled = LexicalIndex.build(texts), LexicalIndex.build([texts[place] for place in order])
    assert np.array_equal(index.vocabulary, shuffled.vocabulary)
    assert np.array_equal(index.scores("ada b 東京")[order], shuffled.scores("ada b 東京"))


def test_a_repeated_term_of_the_question_counts_once_and_an_unknown_one_not():
    index = LexicalIndex.build(["ada lovelace", "charles babbage"])
    assert np.array_equal(index.scores("Ada, ADA ada nobody"), index.scores("ada"))
    assert index.scores("ada")[0] > 0 == index.scores("ada")[1]
    assert not index.scores("nobody").any()
    assert not index.scores("").any()


@pytest.mark.parametrize("texts", [[], [""], ["", "..."]])
def test_nothing_to_find(texts):
    index = LexicalIndex.build(texts)
    assert index.scores("ada").tolist() == [0.0] * len(texts)
    assert len(index.vocabulary) == 0
    assert index.indptr.tolist() == [0]


def test_arrays_are_as_documented():
    index = LexicalIndex.build(["b a a", "", "a c"])
    assert [array.dtype for array in (index.vocabulary, index.indptr, index.texts, index.weights)] == [
        np.uint64,
        np.int64,
        np.int32,
        np.float32,
    ]
    assert (np.diff(index.vocabulary.astype(object)) > 0).all()
    for start, end in zip(index.indptr[:-1], index.indptr[1:], strict=True):
        assert (np.diff(index.texts[start:end]) > 0).all()
    assert len(index.texts) == 4
    assert (index.weights > 0).all()
