"""Linking: standard scores, and candidates that are sure to hold the best."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hippo.backends.scoring.codes import Codes
from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.retrieval.link import Linked, Linker, Scaled, standard_score
from hippo.search.lexical import LexicalIndex
from hippo.search.moments import Moments

WORDS = [f"w{number}" for number in range(30)]


def make(seed: int, count: int, spread: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS, rng.integers(0, 6))) for _ in range(count)]
    vectors = rng.standard_normal((count + 1, 8)) * spread + rng.standard_normal(8)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return texts, vectors[1:], vectors[0]


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 600),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.3, 3.0]),
    st.sampled_from([0.05, 1.0]),
    st.booleans(),
)
def test_candidates_hold_the_best(seed, count, best, weight, spread, coded):
    texts, vectors, query = make(seed, count, spread)
    # Of similarities that hardly differ, the standard scores are rounding.
    assume(count == 1 or np.std(vectors @ query) > 1e-3)
    words, moments = LexicalIndex.build(texts), Moments.of(vectors)
    [whole] = Linker(words, vectors, moments).link(["w1 w2 w3"], query[None], weight)
    search = {"codes": Codes.of(vectors)} if coded else {"index": ExactVectorIndex(vectors)}
    [some] = Linker(words, vectors, moments, **search).link(["w1 w2 w3"], query[None], weight, best=best)
    assert len(whole.rows) == count
    expected, found = whole.best(best), some.best(best)
    np.testing.assert_allclose(some.fused[found], whole.fused[expected], atol=5e-4)
    apart = np.diff(whole.fused[expected], prepend=np.inf, append=-np.inf)
    clear = (np.abs(apart[:-1]) > 1e-3) & (np.abs(apart[1:]) > 1e-3)
    clear[-1:] = False  # what follows the last one may tie with it
    assert np.array_equal(some.rows[found][clear], whole.rows[expected][clear])


def test_codes_find_the_best_that_are_shown_and_those_of_further_vectors():
    texts, vectors, query = make(5, 700, 1.0)
    words, moments = LexicalIndex.build(texts), Moments.of(vectors)
    hidden = np.zeros(700, bool)
    asked = ["w1 w2", "w3"], np.stack([query, vectors[3]]), 0.3
    for last in (700, 690):
        base, more = vectors[:last], vectors[last:] if last < 700 else None
        hidden[:] = False
        for rows in ([], [2, 5, 699], range(695)):
            hidden[list(rows)] = True
            options = {"more": more, "hidden": hidden}
            whole = Linker(words, base, moments, **options).link(*asked)
            coded = Linker(words, base, moments, codes=Codes.of(base), **options)
            for one, other, alone in zip(
                whole,
                coded.link(*asked, best=5),
                [coded.link([q], v[None], 0.3, best=5)[0] for q, v in zip(*asked[:2], strict=True)],
                strict=True,
            ):
                assert one.rows[one.best(5)].tolist() == other.rows[other.best(5)].tolist()
                np.testing.assert_array_equal(other.fused, alone.fused)
                assert (other.sure is None) == (len(other.rows) == 700)
                np.testing.assert_array_equal(other.cosines.values, one.cosines.values[other.rows])


def test_similarities_by_codes_are_off_by_no_more_than_they_say():
    rng = np.random.default_rng(2)
    for width in (3, 64, 5000):
        vectors, queries = rng.standard_normal((200, width)), rng.standard_normal((6, width))
        vectors, queries = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (vectors, queries))
        vectors[0], vectors[1], vectors[2], queries[0] = 0.0, np.eye(width)[0], 1e-42, np.eye(width)[0]
        near, errors = Codes.of(vectors.astype(np.float32)).similarities(queries.astype(np.float32))
        off = np.abs(near - queries @ vectors.T)
        assert (off <= errors[:, None]).all()
        assert errors.max() < 0.03
        assert not off[:, 0].any()


def test_candidates_grow_until_they_are_sure():
    """Words and vectors disagree: the best 64 of either hold none of the best of both."""
    groups = [(100, 1.0, "x"), (100, 0.0, "ada ada ada"), (10, 0.95, "ada ada x"), (2000, 0.0, "x")]
    cosines = np.concatenate([np.full(count, cosine) for count, cosine, _ in groups])
    vectors = np.column_stack([cosines, np.sqrt(1 - cosines**2)]).astype(np.float32)
    words = LexicalIndex.build([text for count, _, text in groups for _ in range(count)])
    moments, query = Moments.of(vectors), np.array([[1, 0]], np.float32)
    [whole] = Linker(words, vectors, moments).link(["ada"], query, 1.0)
    [some] = Linker(words, vectors, moments, ExactVectorIndex(vectors)).link(["ada"], query, 1.0, best=10)
    assert whole.rows[whole.best(10)].tolist() == some.rows[some.best(10)].tolist() == list(range(200, 210))
    hidden = np.zeros(len(vectors), bool)
    hidden[200:208] = True
    [whole] = Linker(words, vectors, moments, hidden=hidden).link(["ada"], query, 1.0)
    [some] = Linker(words, vectors, moments, ExactVectorIndex(vectors), hidden=hidden).link(
        ["ada"], query, 1.0, best=10
    )
    assert whole.rows[whole.best(10)].tolist() == some.rows[some.best(10)].tolist()
    assert whole.rows[whole.best(2)].tolist() == [208, 209]


@given(st.integers(0, 2**32 - 1), st.integers(2, 200))
def test_scores_are_standard_and_fused(seed, count):
    texts, vectors, query = make(seed, count, 1.0)
    linker = Linker(LexicalIndex.build(texts), vectors, Moments.of(vectors))
    [linked] = linker.link(["w1 w2"], query[None], 0.3)
    cosines = (vectors @ query).astype(np.float64)
    np.testing.assert_allclose(linked.dense, (cosines - cosines.mean()) / cosines.std(), atol=1e-3)
    assert linked.cosines.deviation == pytest.approx(cosines.std(), abs=1e-6)
    if linked.lexical.any():
        assert linked.lexical.mean() == pytest.approx(0, abs=1e-9)
        assert linked.lexical.std() == pytest.approx(1)
    np.testing.assert_allclose(linked.fused, linked.dense + 0.3 * linked.lexical)


def test_without_vectors_words_decide():
    texts, vectors, query = make(1, 50, 1.0)
    words = LexicalIndex.build(texts)
    for linked in (
        *Linker(words).link(["w1"], query[None], 0.3),
        *Linker(words, vectors, Moments.of(vectors)).link(["w1"], None, 0.3, best=5),
    ):
        assert linked.dense is None
        assert np.array_equal(linked.fused, linked.lexical)


@pytest.mark.parametrize("seed", range(10))
def test_equal_texts_get_equal_scores(seed):
    """Rounding of equal similarities must not be blown up to standard scores."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((2, 256)) + 1.0
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    same = np.tile(vectors[:1], (41, 1))
    linker = Linker(LexicalIndex.build(["ada"] * 41), same, Moments.of(same))
    for queries in (vectors[1:], vectors):
        for linked in linker.link(["ada"] * len(queries), queries, 0.3):
            assert not linked.fused.any()
            assert linked.best(3).tolist() == [0, 1, 2]


@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.floats(0.001, 1), st.booleans())
def test_weights_sum_to_one_and_fall_with_the_score(seed, count, temperature, dense):
    fused = np.random.default_rng(seed).standard_normal(count)
    scores = Scaled(fused, 0.0, 0.1)
    linked = Linked(np.arange(count), fused, scores if dense else None, scores)
    best = linked.best(10)
    weights = linked.weights(best, temperature)
    assert len(weights) == min(10, count)
    assert weights.sum() == pytest.approx(1)
    assert (np.diff(weights) <= 0).all()
    assert len(linked.weights(best[:0], temperature)) == 0


def test_nothing_to_link():
    linker = Linker(LexicalIndex.build([]), np.empty((0, 4), np.float32), Moments.of(np.empty((0, 4), np.float32)))
    [linked] = linker.link(["ada"], np.array([[1, 0, 0, 0]], np.float32), 0.3)
    assert len(linked.rows) == len(linked.best(5)) == 0
    assert standard_score(np.empty(0, np.float32), 0.0, 1.0).shape == (0,)


def test_many_questions_are_searched_for_at_once_and_found_as_alone():
    class Counting(ExactVectorIndex):
        together = 4

        def search(self, queries, k):
            asked.append((len(queries), k))
            return super().search(queries, k)

    _, vectors, query = make(3, 600, 1.0)
    # What is near has other words than what is far, so that only the whole holds what is best for the last question.
    texts = [f"w{place % 7} {'remote' if one < 0.7 else 'beside'}" for place, one in enumerate(vectors @ query)]
    words, moments = LexicalIndex.build(texts), Moments.of(vectors)
    questions, queries = [*(f"w{place}" for place in range(8)), "remote"], np.concatenate([vectors[:8], query[None]])
    asked: list[tuple[int, int]] = []
    linker = Linker(words, vectors, moments, Counting(vectors))
    many = linker.link(questions, queries, 1.0, best=5)
    assert asked == [(4, 64), (4, 64), (1, 64), (1, 256), (1, 600)]
    for place, one in enumerate(many):
        [alone] = linker.link(questions[place : place + 1], queries[place : place + 1], 1.0, best=5)
        np.testing.assert_array_equal(one.rows, alone.rows)
        np.testing.assert_array_equal(one.fused, alone.fused)


def test_candidates_know_of_how_many_they_are_sure():
    texts, vectors, query = make(3, 600, 1.0)
    words, moments = LexicalIndex.build(texts), Moments.of(vectors)
    indexed = Linker(words, vectors, moments, ExactVectorIndex(vectors))
    [some] = indexed.link(["w1"], query[None], 0.0, best=5)
    assert some.sure == 5
    assert len(some.rows) < 600
    for everything in (
        *indexed.link(["w1"], query[None], 0.0),
        *indexed.link(["w1"], query[None], 0.0, best=600),
        *Linker(words).link(["w1"], None, 0.0, best=5),
    ):
        assert everything.sure is None
        assert len(everything.rows) == 600
