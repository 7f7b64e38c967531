"""Figures of a graph, by hand."""

import numpy as np
import pytest

from hippo.graph.model import Graph
from hippo.graph.statistics import Bin, graph_statistics


def make(pairs: list[tuple[int, int]], entities: int, passages: int) -> Graph:
    nodes = entities + passages
    joined = np.zeros((nodes, nodes), np.float32)
    for left, right in pairs:
        joined[left, right] = joined[right, left] = 1
    rows, columns = np.nonzero(joined)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=nodes))]).astype(np.int64)
    return Graph(entities, passages, indptr, columns.astype(np.int32), {"contains": np.ones(len(columns), np.float32)})


def test_by_hand() -> None:
    """Entity 0 is in three passages, entity 1 in one of them, entity 2 in none, passage 6 stands alone."""
    found = graph_statistics(make([(0, 3), (0, 4), (0, 5), (1, 5)], 3, 4))
    assert (found.entities, found.passages, found.edges) == (3, 4, {"contains": 4})
    assert found.degrees["entities"] == (Bin(0, 0, 1), Bin(1, 1, 1), Bin(2, 3, 1))
    assert found.degrees["passages"] == (Bin(0, 0, 1), Bin(1, 1, 2), Bin(2, 3, 1))
    assert found.mean_degree == {"entities": pytest.approx(4 / 3), "passages": 1.0}
    assert found.max_degree == {"entities": 3, "passages": 2}
    assert (found.components, found.largest, found.isolated) == (3, (5, 1, 1), 2)


def test_nothing() -> None:
    found = graph_statistics(make([], 0, 0))
    assert (found.components, found.largest, found.degrees) == (0, (), {"entities": (), "passages": ()})
