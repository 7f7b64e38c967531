"""The graph's arrays against a reference made of dictionaries."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hippo.graph import model
from hippo.graph.build import assemble, count_pairs, distinct_pairs
from hippo.graph.model import Graph

N_ENTITIES, N_PASSAGES = 6, 4
N = N_ENTITIES + N_PASSAGES
LINKS = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), max_size=30)


def columns(links):
    array = np.array(links, dtype=np.int64).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def build(links_by_kind) -> Graph:
    return assemble(
        N_ENTITIES, N_PASSAGES, {kind: count_pairs(*columns(links), N) for kind, links in links_by_kind.items()}
    )


def dense(graph: Graph, kind: str) -> np.ndarray:
    matrix = np.zeros((graph.n_nodes, graph.n_nodes), np.float32)
    for node in range(graph.n_nodes):
        span = slice(graph.indptr[node], graph.indptr[node + 1])
        matrix[node, graph.indices[span]] = graph.weights[kind][span]
    return matrix


@given(LINKS, LINKS)
def test_graph_is_that_of_a_dictionary(relations, others):
    graph = build({"relation": relations, "other": others})
    for kind, links in (("relation", relations), ("other", others)):
        expected = Counter(tuple(sorted(link)) for link in links if link[0] != link[1])
        matrix = dense(graph, kind)
        assert np.array_equal(matrix, matrix.T)
        assert not matrix.diagonal().any()
        assert {(int(low), int(high)): int(matrix[low, high]) for low, high in np.argwhere(np.triu(matrix))} == expected
        assert graph.edge_counts[kind] == len(expected)
    assert (graph.indptr.dtype, graph.indices.dtype) == (np.int64, np.int32)
    for node in range(N):
        assert (np.diff(graph.indices[graph.indptr[node] : graph.indptr[node + 1]]) > 0).all()


@given(LINKS, LINKS, st.randoms(use_true_random=False))
def test_order_and_direction_of_the_links_make_no_difference(relations, others, random):
    def shuffled(links):
        turned = [link if random.random() < 0.5 else link[::-1] for link in links]
        random.shuffle(turned)
        return turned

    first = build({"relation": relations, "other": others})
    second = build({"relation": shuffled(relations), "other": shuffled(others)})
    assert np.array_equal(first.indptr, second.indptr)
    assert np.array_equal(first.indices, second.indices)
    assert all(np.array_equal(first.weights[kind], second.weights[kind]) for kind in first.weights)


@given(LINKS)
def test_distinct_pairs_weigh_one(links):
    low, high, weights = distinct_pairs(*columns(links), N)
    assert (low < high).all()
    assert (weights == 1).all()
    assert len(weights) == len({frozenset(link) for link in links if link[0] != link[1]})


ALPHAS = st.sampled_from([0.0, 0.3, 1.0, 2.0])


def test_adjacency_is_the_same_however_many_entries_are_weighed_at_once(monkeypatch):
    links = [(0, 1), (0, 2), (1, 7), (3, 9), (4, 5), (4, 5)]
    graph = build({"relation": links, "other": links[2:]})
    whole = graph.adjacency({"relation": 0.3}).toarray()
    monkeypatch.setattr(model, "_ENTRIES", 3)
    np.testing.assert_array_equal(graph.adjacency({"relation": 0.3}).toarray(), whole)
    assert whole[7, 1] == float(np.float32(0.3)) + 1.0


@given(LINKS, LINKS, ALPHAS, ALPHAS)
def test_adjacency_weighs_the_kinds(relations, others, alpha, beta):
    graph = build({"relation": relations, "other": others})
    before = graph.indices.copy(), graph.indptr.copy()
    for part in (graph.indices, graph.indptr, *graph.weights.values()):
        part.flags.writeable = False
    matrix = graph.adjacency({"relation": alpha, "other": beta})
    expected = alpha * dense(graph, "relation").astype(np.float64) + beta * dense(graph, "other").astype(np.float64)
    np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-6)
    assert matrix.has_canonical_format
    assert (matrix.data > 0).all()
    assert np.array_equal(graph.indices, before[0])
    assert np.array_equal(graph.indptr, before[1])
    np.testing.assert_allclose(graph.adjacency({"other": 0.0}).toarray(), dense(graph, "relation"))


def test_an_empty_graph():
    graph = assemble(0, 0, {"relation": count_pairs(*columns([]), 0)})
    assert graph.indptr.tolist() == [0]
    assert graph.edge_counts == {"relation": 0}
    assert graph.adjacency({}).shape == (0, 0)
    assert graph.passages == slice(0, 0)
