"""Synonym edges: every pair above the threshold, in however many steps the entities come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.graph.synonyms import Similar, comparable, find_similar, limit


def vectors_of(seed: int, count: int, dimension: int = 4) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def search(keys, vectors, threshold, known=None, index_of=ExactVectorIndex):
    known = known or (Similar.none(), np.zeros(len(keys), bool))
    return find_similar(vectors, threshold, known, index_of, comparable(keys))


def same(first: Similar, second: Similar) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("low", "high", "similarity"))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("marie curie", True),
        ("usa", True),
        ("us", False),
        ("1911", False),
        ("12 may 1961", False),
        ("apollo 11", False),
        ("apollo ١١", False),
        ("东京", True),
        ("京", True),
        ("서울", True),
        ("c++", False),
    ],
)
def test_what_may_have_synonyms(key, expected):
    assert comparable([key]).tolist() == [expected]


@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.floats(0.1, 0.99))
def test_all_pairs_above_the_threshold(seed, count, threshold):
    keys = [f"name{'s' * place}" if place % 5 else f"name {place}" for place in range(count)]
    vectors = vectors_of(seed, count)
    similar = search(keys, vectors, threshold)
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    wanted = comparable(keys)
    found = set(zip(similar.low.tolist(), similar.high.tolist(), strict=True))
    assert len(found) == len(similar.low)
    for low in range(count):
        for high in range(low + 1, count):
            if abs(cosines[low, high] - threshold) > 1e-6:
                assert ((low, high) in found) == (wanted[low] and wanted[high] and cosines[low, high] > threshold)
    assert (similar.similarity >= np.float32(threshold)).all()
    assert (similar.similarity <= 1).all()
    np.testing.assert_allclose(similar.similarity, cosines[similar.low, similar.high], atol=1e-6)
    assert (np.lexsort((similar.high, similar.low)) == np.arange(len(similar.low))).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0.2, 0.9), st.data())
def test_in_steps_as_at_once(seed, count, threshold, data):
    """Entities come in any order, between those that are there already."""
    keys, vectors = ["name"] * count, vectors_of(seed, count)
    step = np.array(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    known, rows = (Similar.none(), np.empty(0, np.int64)), np.empty(0, np.int64)
    for last in range(3):
        before, rows = rows, np.flatnonzero(step <= last)
        places = np.searchsorted(rows, before)
        moved = Similar(places[known[0].low], places[known[0].high], known[0].similarity)
        compared = np.isin(rows, before)
        known = (search([keys[row] for row in rows], vectors[rows], threshold, (moved, compared)), rows)
    assert same(known[0], search(keys, vectors, threshold))


@given(st.integers(0, 2**32 - 1), st.integers(0, 25), st.integers(0, 6))
def test_limit_keeps_the_nearest_of_either_side(seed, count, most):
    vectors = vectors_of(seed, count, 3)
    similar = search(["name"] * count, vectors, 0.3)
    low, high, values = limit(similar, most)
    kept = set(zip(low.tolist(), high.tolist(), strict=True))
    pairs = list(zip(similar.low.tolist(), similar.high.tolist(), similar.similarity.tolist(), strict=True))
    nearest: set[tuple[int, int]] = set()
    for node in range(count):
        own = sorted((-value, a + b - node, (a, b)) for a, b, value in pairs if node in (a, b))
        nearest.update(pair for _, _, pair in own[:most])
    assert kept == nearest
    assert len(kept) == len(values)


def test_a_hub_of_near_alikes_is_cut():
    vectors = np.tile(np.array([[1.0, 0.0]], np.float32), (30, 1))
    low, _, values = limit(search(["name"] * 30, vectors, 0.9), 2)
    assert len(low) < 30 * 2
    assert (values == 1).all()


def test_nothing_to_compare():
    for keys in ([], ["1911"], ["marie curie"]):
        assert same(search(keys, vectors_of(1, len(keys)), 0.5), Similar.none())


def test_no_pair_is_compared_twice(monkeypatch):
    """A block of new names is compared with those before it and with itself alone."""
    monkeypatch.setattr("hippo.graph.synonyms._BLOCK", 10)
    compared = []

    class Counting(ExactVectorIndex):
        def range_search(self, queries, threshold):
            compared.append(len(queries) * len(self))
            return super().range_search(queries, threshold)

    keys, vectors = ["name" + "s" * place for place in range(95)], vectors_of(1, 95)
    found = search(keys, vectors, 0.5, index_of=Counting)
    assert sum(compared) < 0.6 * 95**2
    assert same(found, search(keys, vectors, 0.5))
    compared.clear()
    known = np.arange(95) % 10 > 0
    part = found.without(~np.ones(95, bool))
    inside = known[part.low] & known[part.high]
    before = Similar(part.low[inside], part.high[inside], part.similarity[inside])
    assert same(search(keys, vectors, 0.5, (before, known), Counting), found)
    assert sum(compared) == 10 * 95
