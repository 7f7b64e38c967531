"""Moments of vectors against the similarities themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.backends.scoring.arrays import ArrayScoring
from hippo.backends.scoring.compiled import CompiledScoring
from hippo.search.moments import Moments

WAYS = [ArrayScoring(), CompiledScoring()]


def expected(moments: Moments, query: np.ndarray) -> np.ndarray:
    """Mean and deviation, both ways alike."""
    [one], [other] = (way.expected(moments.mean, moments.covariance, query[None]) for way in WAYS)
    assert one == pytest.approx(other, abs=1e-7)
    return one


def unit(rng: np.random.Generator, count: int, dimension: int) -> np.ndarray:
    vectors = rng.standard_normal((count, dimension)) + rng.standard_normal(dimension)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 12))
def test_moments_are_those_of_the_similarities(seed, count, dimension):
    rng = np.random.default_rng(seed)
    vectors, [query] = unit(rng, count, dimension), unit(rng, 1, dimension)
    cosines = vectors.astype(np.float64) @ query.astype(np.float64)
    mean, deviation = expected(Moments.of(vectors), query)
    assert mean == pytest.approx(cosines.mean(), abs=1e-9)
    assert deviation == pytest.approx(cosines.std(), abs=1e-7)


def test_blocks_add_up():
    rng = np.random.default_rng(1)
    vectors, [query] = unit(rng, 40_000, 4), unit(rng, 1, 4)
    cosines = vectors.astype(np.float64) @ query.astype(np.float64)
    assert expected(Moments.of(vectors), query) == pytest.approx((cosines.mean(), cosines.std()), abs=1e-9)


def test_no_vectors_and_equal_vectors_do_not_deviate():
    [query] = unit(np.random.default_rng(2), 1, 8)
    assert expected(Moments.of(np.empty((0, 8), np.float32)), query).tolist() == [0.0, 0.0]
    mean, deviation = expected(Moments.of(np.tile(query, (50, 1))), query)
    assert mean == pytest.approx(1.0, abs=1e-6)
    assert deviation < 1e-6


def test_what_a_query_gets_does_not_depend_on_the_others():
    rng = np.random.default_rng(3)
    moments, queries = Moments.of(unit(rng, 50, 383)), unit(rng, 7, 383)
    for way in WAYS:
        together = way.expected(moments.mean, moments.covariance, queries)
        for place in range(7):
            alone = way.expected(moments.mean, moments.covariance, queries[place : place + 1])
            np.testing.assert_array_equal(alone[0], together[place])
