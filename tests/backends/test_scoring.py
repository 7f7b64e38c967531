"""Scoring of texts: compiled loops beside NumPy, and the same bits for a question whatever it is asked with."""

import numpy as np
import pytest

from hippo.backends import scoring
from hippo.backends.scoring.arrays import ArrayScoring
from hippo.backends.scoring.compiled import CompiledScoring, wide_blocks

WAYS = [ArrayScoring, CompiledScoring]


def unit(rng: np.random.Generator, count: int, width: int) -> np.ndarray:
    vectors = rng.standard_normal((count, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("count", "width"), [(1, 5), (7, 384), (8, 64), (1003, 383)])
def test_products_are_the_same_bits_alone_and_among_others(way, count, width):
    rng = np.random.default_rng(count)
    vectors, queries = unit(rng, count, width), unit(rng, 9, width)
    vectors[-1] = vectors[0]
    vectors.flags.writeable = False
    together = way().products(vectors, queries)
    assert together.shape == (count, 9)
    np.testing.assert_allclose(together, vectors @ queries.T, atol=1e-6)
    np.testing.assert_array_equal(together[0], together[-1])
    for place in range(9):
        np.testing.assert_array_equal(way().products(vectors, queries[place : place + 1])[:, 0], together[:, place])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("count", "width"), [(1, 5), (9, 64), (2051, 383)])
def test_products_of_halves_are_those_of_the_same_numbers(way, count, width):
    rng = np.random.default_rng(count)
    vectors, queries = unit(rng, count, width).astype(np.float16), unit(rng, 3, width)
    vectors[:, ::3] *= np.float16(2e-5)  # some have fewer digits than others
    vectors[-1] = vectors[0]
    vectors.flags.writeable = False
    found = way().products(vectors, queries)
    assert (found.dtype, found.shape) == (np.float32, (count, 3))
    np.testing.assert_array_equal(found, way().products(vectors.astype(np.float32), queries))
    np.testing.assert_array_equal(found[0], found[-1])
    for place in range(3):
        np.testing.assert_array_equal(way().products(vectors, queries[place : place + 1])[:, 0], found[:, place])


def test_every_half_is_widened_exactly():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 31 * 2)
    for part, block in wide_blocks(halves):
        wide = halves[part].astype(np.float32)
        np.testing.assert_array_equal(block.view(np.uint32), wide.view(np.uint32))  # zeros with their signs
    [(_, block)] = wide_blocks(halves[:5, ::2])
    np.testing.assert_array_equal(block, halves[:5, ::2].astype(np.float32))


@pytest.mark.parametrize("way", WAYS)
def test_words_are_added_up_and_their_moments_are_those_of_all_texts(way):
    rng = np.random.default_rng(3)
    texts = np.concatenate([np.sort(rng.choice(50, size, replace=False)) for size in (40, 1, 20)]).astype(np.int32)
    weights = rng.random(61).astype(np.float32)
    spans = np.array([[0, 40], [41, 61]])
    bounds = np.array([0, 2, 2, 3])
    [scores, nothing, third], of_words = way().words(texts, weights, np.concatenate([spans, [[40, 41]]]), bounds, 50)
    expected = np.zeros(50)
    for start, stop in spans:
        expected[texts[start:stop]] += weights[start:stop]
    np.testing.assert_array_equal(scores, expected)
    assert of_words[0] == pytest.approx((expected.mean(), expected.std()))
    assert not nothing.any()
    assert of_words[1].tolist() == [0.0, 0.0]
    assert np.flatnonzero(third).tolist() == [texts[40]]
    alone, of_one = way().words(texts, weights, spans, bounds[:2], 50)
    np.testing.assert_array_equal(alone[0], scores)
    np.testing.assert_array_equal(of_one[0], of_words[0])


@pytest.mark.parametrize("way", WAYS)
def test_scores_are_fused_as_standard_scores(way):
    rng = np.random.default_rng(4)
    cosines, words = rng.random((3, 100)).astype(np.float32), rng.random((3, 100))
    cosines[2] = np.float32(0.7)
    of_cosines, of_words = way().moments(cosines), way().moments(words)
    assert of_cosines[0] == pytest.approx((cosines[0].mean(), cosines[0].std()), rel=1e-5)
    fused = way().fused(cosines, of_cosines, words, of_words, 0.3)
    for place in range(2):
        standard = [
            (values - values.mean()) / values.std() for values in (cosines[place].astype(np.float64), words[place])
        ]
        np.testing.assert_allclose(fused[place], standard[0] + 0.3 * standard[1], atol=1e-12)
        own = slice(place, place + 1)
        alone = way().fused(cosines[own], of_cosines[own], words[own], of_words[own], 0.3)
        np.testing.assert_array_equal(alone[0], fused[place])
        np.testing.assert_array_equal(way().moments(cosines[own])[0], of_cosines[place])
    assert not way().fused(cosines[2:], of_cosines[2:], words[2:], np.zeros((1, 2)), 0.3).any()
    assert way().moments(cosines[:1, :0]).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("count", [0, 1, 7, 8])
def test_few_texts_are_scored_for_many_questions(way, kind, count):
    rng = np.random.default_rng(count)
    cosines = way().products(unit(rng, count, 16).astype(kind), unit(rng, 3, 16)).T
    of_cosines, words = way().moments(cosines), np.zeros((3, count))
    fused = way().fused(cosines, of_cosines, words, np.zeros((3, 2)), 0.3)
    assert fused.shape == (3, count)
    np.testing.assert_allclose(of_cosines[:, 0], cosines.mean(axis=1) if count else 0.0, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_the_best_are_the_head_of_the_full_order(way):
    rng = np.random.default_rng(5)
    for size in (0, 1, 5, 200):
        scores = rng.integers(0, 9, size).astype(np.float64)
        order = np.lexsort((np.arange(size), -scores))
        for count in (0, 1, 3, 50, 500):
            assert way().best(scores, count).tolist() == order[:count].tolist()


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, 1e308, 5e-324])
def test_many_of_the_best_are_those_whatever_the_scores_are(odd):
    rng = np.random.default_rng(6)
    for scores in (rng.standard_normal(300), np.zeros(300), np.full(300, -odd)):
        for places in ([], [7], range(0, 300, 2)):
            changed = scores.copy()
            changed[places] = odd
            for count in (25, 199, 300):
                expected = ArrayScoring().best(changed, count)
                if np.isnan(changed).any():
                    # In no order that could be told, but no place twice.
                    assert len(set(CompiledScoring().best(changed, count).tolist())) == count
                else:
                    np.testing.assert_array_equal(CompiledScoring().best(changed, count), expected)


def test_many_texts_are_scored_by_compiled_loops(monkeypatch):
    assert isinstance(scoring.scoring(scoring.COMPILED_FROM), CompiledScoring)
    assert isinstance(scoring.scoring(scoring.COMPILED_FROM - 1), ArrayScoring)
    monkeypatch.setattr(scoring.importlib.util, "find_spec", lambda name: None)
    assert isinstance(scoring.scoring(scoring.COMPILED_FROM), ArrayScoring)
