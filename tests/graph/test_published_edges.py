"""Weights of the published systems, on pairs small enough to reckon by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.graph.build import assemble, count_pairs
from hippo.graph.published import listings, named, overwrite, searching
from hippo.graph.synonyms import Similar

ALPHAS = {"relation": 2.0, "contains": 1.0, "synonym": 2.0, "follows": 0.0}


def similar(*pairs: tuple[int, int, float]) -> Similar:
    low, high, values = zip(*sorted(pairs), strict=True) if pairs else ((), (), ())
    return Similar(np.array(low, np.int64), np.array(high, np.int64), np.array(values, np.float32))


def weights(n, triples, pairs, lists, most=101):
    """Undirected weights as the published walk sees them, by pair."""
    first, second = np.array(triples, np.int64).reshape(-1, 2).T
    found = similar(*pairs)
    relation, synonym = overwrite(count_pairs(first, second, n), found, listings(found, np.array(lists), most), n)
    matrix = assemble(n, 0, {"relation": relation, "synonym": synonym}).adjacency(ALPHAS).toarray()
    assert np.array_equal(matrix, matrix.T)
    return {(int(low), int(high)): round(float(matrix[low, high]), 6) for low, high in np.argwhere(np.triu(matrix))}


def test_a_triple_weighs_two_whichever_way_it_points():
    assert weights(3, [(0, 1), (1, 0), (1, 2), (2, 2)], [], [True] * 3) == {(0, 1): 4.0, (1, 2): 2.0}


def test_a_list_of_similar_names_takes_the_place_of_the_count():
    assert weights(3, [(0, 1), (0, 1), (0, 1)], [(0, 1, 0.9), (1, 2, 0.85)], [True] * 3) == {(0, 1): 1.8, (1, 2): 1.7}


def test_a_pair_that_only_one_side_lists_keeps_half_of_its_count():
    pairs, lists = [(0, 1, 0.9), (1, 2, 0.85)], [False, True, False]
    assert weights(3, [(0, 1), (0, 1), (0, 1)], pairs, lists) == {(0, 1): 3.9, (1, 2): 0.85}


def test_a_pair_that_no_side_lists_keeps_its_count():
    assert weights(2, [(0, 1)], [(0, 1, 0.9)], [False, False]) == {(0, 1): 2.0}


def test_lists_hold_the_nearest():
    """Entity 0 has three neighbours and lists two of them; each of the three lists it."""
    pairs = [(0, 1, 0.9), (0, 2, 0.95), (0, 3, 0.85)]
    assert listings(similar(*pairs), np.ones(4, bool), 2).tolist() == [2, 2, 1]
    assert weights(4, [(0, 3)], pairs, [True] * 4, most=2) == {(0, 1): 1.8, (0, 2): 1.9, (0, 3): 1.85}


@pytest.mark.parametrize(
    ("key", "lists", "listed"),
    [("", False, False), ("us", False, True), ("u s", False, True), ("u s a", True, True), ("1911", True, True)],
)
def test_short_names_list_none_but_are_listed(key, lists, listed):
    assert (searching([key])[0], named([key])[0]) == (lists, listed)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20),
    st.dictionaries(
        st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: pair[0] < pair[1]),
        st.sampled_from([0.8125, 0.875, 0.9375]),
    ),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_as_with_a_dictionary_of_directions(triples, pairs, lists):
    written: dict[tuple[int, int], float] = {}
    for subject, target in triples:
        for way in ((subject, target), (target, subject)):
            written[way] = written.get(way, 0.0) + 1.0
    for (low, high), cosine in pairs.items():
        for way in ((low, high), (high, low)):
            if lists[way[0]]:
                written[way] = cosine
    expected: dict[tuple[int, int], float] = {}
    for (start, end), weight in written.items():
        if start != end:
            pair = min(start, end), max(start, end)
            expected[pair] = expected.get(pair, 0.0) + weight
    found = weights(6, triples, [(*pair, cosine) for pair, cosine in pairs.items()], lists)
    assert found == pytest.approx(expected)
