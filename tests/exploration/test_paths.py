"""The strongest paths, compared with all paths of small graphs."""

from itertools import pairwise, permutations
from time import process_time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hippo.graph.paths import cheapest_paths

Edges = dict[tuple[int, int], float]
SIZE = 7


def matrix(edges: Edges, size: int = SIZE) -> csr_array:
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    return csr_array((np.array([*edges.values()]), (rows, columns)), shape=(size, size))


def by_hand(edges: Edges, most_steps: int) -> list[tuple[float, tuple[int, ...]]]:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(SIZE))
    graph.add_weighted_edges_from((left, right, cost) for (left, right), cost in edges.items())
    found = [tuple(path) for path in nx.all_simple_paths(graph, 0, 1, cutoff=most_steps)]
    cost = {path: sum(edges[step] for step in pairwise(path)) for path in found}
    return sorted(((cost[path], path) for path in found), key=lambda one: (one[0], len(one[1]), one[1]))


@st.composite
def graphs(draw: st.DrawFn) -> Edges:
    pairs = [(left, right) for left in range(SIZE) for right in range(SIZE) if left != right]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=30))
    # Whole costs, so that sums are exact; some are alike, one is nothing.
    return {pair: float(draw(st.integers(0, 4))) for pair in sorted(chosen)}


@given(edges=graphs(), k=st.integers(1, 12), most_steps=st.integers(1, 6))
def test_paths_are_the_cheapest_of_all(edges: Edges, k: int, most_steps: int) -> None:
    costs = matrix(edges)
    found = cheapest_paths(costs, 0, 1, k=k, most_steps=most_steps)
    expected = by_hand(edges, most_steps)
    assert [cost for cost, _ in found] == [cost for cost, _ in expected[:k]]
    assert len({path for _, path in found}) == len(found)
    assert set(found) <= set(expected)


def test_a_longer_path_may_be_cheaper() -> None:
    costs = matrix({(0, 1): 5.0, (0, 2): 1.0, (2, 1): 1.0, (2, 0): 0.1})
    assert cheapest_paths(costs, 0, 1, k=3, most_steps=4) == [(2.0, (0, 2, 1)), (5.0, (0, 1))]


@pytest.mark.parametrize("edges", [{}, {(0, 2): 1.0}, {(2, 1): 1.0}, {(1, 0): 1.0}])
def test_no_path(edges: Edges) -> None:
    assert cheapest_paths(matrix(edges), 0, 1, k=3, most_steps=4) == []


def test_a_dense_dead_end_does_not_hold_up_the_search() -> None:
    clique = [2, *range(3, 32)]
    edges = dict.fromkeys([(0, 2), (2, 0), (2, 1), (1, 2), *permutations(clique, 2)], 1.0)
    began = process_time()
    assert cheapest_paths(matrix(edges, 32), 0, 1, k=3, most_steps=7) == [(2.0, (0, 2, 1))]
    assert process_time() - began < 2
