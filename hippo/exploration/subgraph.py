"""The part of a graph that a picture shows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hippo.graph.model import Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["edges_among", "nodes_around", "weights_of"]


def nodes_around(
    graph: Graph, needed: Sequence[int], activation: "Sequence[NDArray[np.float64]]", most: int
) -> "tuple[NDArray[np.int64], int]":
    """Nodes to draw: those that are needed, then those of most activation.

    Where nothing walked, entities next to the needed passages follow, those of most of them first.

    Args:
        graph: The graph.
        needed: Nodes in the order in which they are needed; repeats make no difference.
        activation: Of all nodes, float64 `(n,)` each: their sum counts.
        most: Number of nodes.

    Returns:
        Nodes, int64, and the number of nodes that activation reached and that are not among them.
    """
    chosen = np.fromiter(dict.fromkeys(needed), np.int64)[:most]
    worth = sum(activation, np.zeros(graph.n_nodes)) if activation else _beside(graph, chosen)
    reached = int(np.count_nonzero(worth))
    among = int(np.count_nonzero(worth[chosen]))
    worth[chosen] = 0.0
    count = min(most - len(chosen), reached - among)
    candidates = np.argpartition(-worth, count - 1)[:count] if count > 0 else np.empty(0, np.int64)
    if count > 0:
        # Ties at the border go to the lower rows, whatever partitioning did.
        candidates = np.flatnonzero(worth >= worth[candidates].min())
        candidates = candidates[np.lexsort((candidates, -worth[candidates]))][:count]
    return np.concatenate([chosen, candidates]), reached - among - len(candidates)


def _beside(graph: Graph, nodes: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """How many of some nodes each entity is next to, float64 `(n,)`."""
    spans = [graph.indices[graph.indptr[node] : graph.indptr[node + 1]] for node in nodes.tolist()]
    counts = np.bincount(np.concatenate([np.empty(0, np.int32), *spans]), minlength=graph.n_nodes).astype(np.float64)
    counts[graph.passages] = 0.0
    return counts


def edges_among(graph: Graph, nodes: "NDArray[np.int64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Edges with both ends among some nodes.

    Args:
        graph: The graph.
        nodes: Without repeats, int64 `(m,)`.

    Returns:
        Pairs of positions in `nodes`, int64 `(e, 2)`, each edge once, and their places in `graph.indices`, `(e,)`.
    """
    position = np.full(graph.n_nodes, -1, np.int64)
    position[nodes] = np.arange(len(nodes))
    starts, ends = graph.indptr[nodes], graph.indptr[nodes + 1]
    sizes = ends - starts
    offsets = np.repeat(starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    places = np.arange(int(sizes.sum())) + offsets
    sources, targets = np.repeat(np.arange(len(nodes)), sizes), position[graph.indices[places]]
    kept = targets > sources
    return np.column_stack([sources[kept], targets[kept]]), places[kept]


def weights_of(graph: Graph, places: "NDArray[np.int64]", kind_weights: Mapping[str, float]) -> "NDArray[np.float64]":
    """Σ_kind α_kind · w_kind of some entries of the graph, float64; a kind not named weighs 1."""
    total = np.zeros(len(places))
    for kind, weights in graph.weights.items():
        total += kind_weights.get(kind, 1.0) * weights[places]
    return total
