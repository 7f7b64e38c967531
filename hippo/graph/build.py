"""From pairs of nodes to the graph.

Pure functions of arrays: the same content gives the same arrays, in whatever order it came.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hippo.graph.model import Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Pairs", "assemble", "count_pairs", "distinct_pairs", "extended"]

Pairs = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float32]"]
"""Unordered pairs of nodes and their weights: three arrays of one length, each pair once."""


def count_pairs(first: "NDArray[np.int64]", second: "NDArray[np.int64]", n: int) -> Pairs:
    """Unordered pairs with the number of times that each occurs; self pairs are left out. Nodes are in [0, n)."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    codes, counts = np.unique((low * n + high)[low != high], return_counts=True)
    return codes // n, codes % n, counts.astype(np.float32)


def distinct_pairs(first: "NDArray[np.int64]", second: "NDArray[np.int64]", n: int) -> Pairs:
    """Unordered pairs, each with weight 1."""
    low, high, counts = count_pairs(first, second, n)
    return low, high, np.ones_like(counts)


def assemble(n_entities: int, n_passages: int, pairs: Mapping[str, Pairs]) -> Graph:
    """Lay the pairs of every kind over one symmetric CSR pattern.

    Args:
        n_entities: E.
        n_passages: P.
        pairs: Pairs of nodes in [0, E + P) by kind, each unordered pair at most once within a kind. The order of the
            kinds makes no difference: the graph has them by name.
    """
    n = n_entities + n_passages
    sorted_pairs = {kind: _sorted(*pairs[kind], n) for kind in sorted(pairs)}
    # Runs that are in order already are merged, in linear time.
    runs = [np.empty(0, np.int64), *(codes for codes, _ in sorted_pairs.values())]
    pattern = np.sort(np.concatenate(runs), kind="stable")
    # What np.unique gives, which is slower by far: it counts on repeats, and here are few.
    pattern = pattern[np.diff(pattern, prepend=-1) > 0]
    weights = {}
    for kind, (codes, values) in sorted_pairs.items():
        row = np.zeros(len(pattern), np.float32)
        row[np.searchsorted(pattern, codes)] = values
        weights[kind] = row
    indptr = np.searchsorted(pattern, np.arange(n + 1, dtype=np.int64) * n)
    return Graph(n_entities, n_passages, indptr.astype(np.int64), (pattern % max(n, 1)).astype(np.int32), weights)


def extended(graph: Graph, n_entities: int, n_passages: int, pairs: Mapping[str, Pairs]) -> Graph:
    """A graph with more nodes and pairs; what is there is copied and not built anew.

    Args:
        graph: The graph. Its entities keep their rows, and so do its passages: new ones come after them.
        n_entities: E, new ones included.
        n_passages: P, likewise.
        pairs: More pairs by kind, of nodes in [0, E + P), each unordered pair at most once within a kind. Weights of
            pairs that the kind joins already add up.
    """
    n, shift = n_entities + n_passages, n_entities - graph.n_entities
    sizes = np.diff(graph.indptr)
    rows = np.repeat(_moved(np.arange(graph.n_nodes), graph.n_entities, shift), sizes)
    codes = rows * n + _moved(graph.indices.astype(np.int64), graph.n_entities, shift)
    more = {kind: _sorted(*pairs[kind], n) for kind in sorted(pairs)}
    wanted = np.unique(np.concatenate([np.empty(0, np.int64), *(found for found, _ in more.values())]))
    places = np.searchsorted(codes, wanted)
    new = np.ones(len(wanted), bool)
    inside = places < len(codes)
    new[inside] = codes[places[inside]] != wanted[inside]
    pattern = np.insert(codes, places[new], wanted[new])
    weights = {}
    for kind in sorted({*graph.weights, *more}):
        old = graph.weights.get(kind)
        row = np.zeros(len(pattern), np.float32) if old is None else np.insert(old, places[new], np.float32(0))
        if kind in more:
            found, values = more[kind]
            row[np.searchsorted(pattern, found)] += values
        weights[kind] = row
    counts = np.zeros(n + 1, np.int64)
    counts[_moved(np.arange(graph.n_nodes), graph.n_entities, shift) + 1] = sizes
    counts += np.bincount(wanted[new] // max(n, 1) + 1, minlength=n + 1)
    return Graph(n_entities, n_passages, np.cumsum(counts), (pattern % max(n, 1)).astype(np.int32), weights)


def _moved(nodes: "NDArray[np.int64]", n_entities: int, shift: int) -> "NDArray[np.int64]":
    """Nodes of passages, moved by the number of new entities."""
    return nodes + shift * (nodes >= n_entities)


def _sorted(
    first: "NDArray[np.int64]", second: "NDArray[np.int64]", weights: "NDArray[np.float32]", n: int
) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
    """Codes `row * n + column` of both directions of each pair, ascending, and their weights."""
    from scipy.sparse import coo_array

    both = np.concatenate([first, second]), np.concatenate([second, first])
    # Rows by counting, then columns within each row: far less work than sorting codes.
    matrix = coo_array((np.tile(weights, 2), both), shape=(n, n)).tocsr()
    matrix.sort_indices()
    rows = np.repeat(np.arange(n, dtype=np.int64), np.diff(matrix.indptr))
    return rows * n + matrix.indices, matrix.data
