"""Search of similar names by buckets: most pairs are found, and always the same ones."""

import numpy as np
import pytest

from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.graph.buckets import bucket_pairs, buckets
from hippo.graph.synonyms import Similar, find_similar, recall_of


def clustered(count: int, dimension: int = 48, seed: int = 0) -> np.ndarray:
    """Unit vectors, every fifth of which has four others near it."""
    chance = np.random.default_rng(seed)
    centres = np.repeat(chance.standard_normal((-(-count // 5), dimension)), 5, axis=0)[:count]
    vectors = centres + chance.uniform(0.1, 0.7, (count, 1)) * chance.standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def search(vectors, exact, threshold=0.8, known=None, eligible=None):
    count = len(vectors)
    known = known or (Similar.none(), np.zeros(count, bool))
    every = np.ones(count, bool) if eligible is None else eligible
    return find_similar(vectors, threshold, known, ExactVectorIndex, every, exact=exact)


def codes(similar, count):
    return set((similar.low * count + similar.high).tolist())


@pytest.mark.parametrize("dimension", [32, 384])
def test_nearly_all_pairs_are_found_and_no_others(dimension):
    vectors = clustered(2000, dimension)
    exact, met = search(vectors, exact=True), search(vectors, exact=False)
    every, found = codes(exact, 2000), codes(met, 2000)
    assert found <= every
    assert len(found) > 0.9 * len(every) > 100
    recall, pairs = recall_of(met, np.arange(2000), vectors, 0.8, ExactVectorIndex)
    assert 0 < pairs <= len(every)
    assert recall == pytest.approx(len(found) / len(every), abs=0.1)
    places = dict(zip(sorted(every), exact.similarity.tolist(), strict=True))
    for low, high, value in zip(met.low.tolist(), met.high.tolist(), met.similarity.tolist(), strict=True):
        assert places[low * 2000 + high] == value


@pytest.mark.parametrize("gathered", [5, 1 << 22])
def test_few_new_names_meet_those_that_they_meet_among_many(gathered, monkeypatch):
    monkeypatch.setattr("hippo.graph.buckets._SQUARE", 64)
    vectors, fresh = clustered(1000, 24), np.random.default_rng(2).random(1000) < 0.3
    rows = np.flatnonzero(np.random.default_rng(3).random(1000) < 0.9)
    found = []
    for few in (-1, 1000):
        monkeypatch.setattr("hippo.graph.buckets._FEW", few)
        if few > 0:
            monkeypatch.setattr("hippo.graph.buckets._GATHERED", gathered)
        pairs = [(low, high) for low, high in bucket_pairs(vectors, rows, fresh, 0.6)]
        low, high = (np.concatenate(part) for part in zip(*pairs, strict=True))
        assert (low < high).all()
        found.append(set(zip(low.tolist(), high.tolist(), strict=True)))
    assert found[0] == found[1]
    near = np.triu(vectors[rows] @ vectors[rows].T >= 0.6, 1)
    one, other = np.nonzero(near)
    every = set(zip(rows[one].tolist(), rows[other].tolist(), strict=True))
    # Some pairs that are near do not meet: they are left out by both.
    assert len(found[1]) > 100
    assert any((fresh[low] or fresh[high]) and (low, high) not in found[1] for low, high in every)


def test_the_bucket_of_a_vector_follows_from_it_alone():
    vectors = clustered(300)
    whole = buckets(vectors, np.arange(300), 3)
    for rows in ([7], [299, 0, 7], list(range(100, 200))):
        assert buckets(vectors, np.array(rows), 3).tolist() == whole[rows].tolist()
    assert buckets(np.ascontiguousarray(vectors[::-1]), np.arange(300), 3).tolist() == whole[::-1].tolist()


@pytest.mark.parametrize("small", [1, 48])
def test_in_steps_as_at_once(small, monkeypatch):
    """Also where buckets are large, and compared in several blocks."""
    monkeypatch.setattr("hippo.graph.buckets._SMALL", small)
    monkeypatch.setattr("hippo.graph.buckets._FEW", -1)
    monkeypatch.setattr("hippo.graph.buckets._SQUARE", 3)
    vectors = clustered(400, 8)
    at_once = search(vectors, exact=False)
    step = np.random.default_rng(1).integers(0, 3, 400)
    known, rows = (Similar.none(), np.empty(0, np.int64)), np.empty(0, np.int64)
    for last in range(3):
        before, rows = rows, np.flatnonzero(step <= last)
        places = np.searchsorted(rows, before)
        moved = Similar(places[known[0].low], places[known[0].high], known[0].similarity)
        known = (search(vectors[rows], exact=False, known=(moved, np.isin(rows, before))), rows)
    for name in ("low", "high", "similarity"):
        assert np.array_equal(getattr(known[0], name), getattr(at_once, name))
    assert len(at_once.low) > 500


def test_who_takes_no_part_is_in_no_pair():
    vectors = clustered(200)
    eligible = np.arange(200) % 3 > 0
    found = search(vectors, exact=False, eligible=eligible)
    assert len(found.low)
    assert eligible[found.low].all()
    assert eligible[found.high].all()


def test_nothing_to_compare():
    empty = np.empty((0, 4), np.float32)
    assert list(bucket_pairs(empty, np.empty(0, np.int64), np.empty(0, bool), 0.5)) == []
    assert recall_of(Similar.none(), np.arange(1), clustered(1), 0.8, ExactVectorIndex) == (1.0, 0)
