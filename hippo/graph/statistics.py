"""The shape of a graph in figures: how nodes are joined, by what, and into how many pieces."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.graph.model import Graph
from hippo.types.plain import Plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bin", "GraphStatistics", "graph_statistics"]

_LARGEST = 10


@dataclass(frozen=True, slots=True)
class Bin(Plain):
    """Number of nodes that have from `low` to `high` neighbours, both included."""

    low: int
    high: int
    nodes: int


@dataclass(frozen=True, slots=True)
class GraphStatistics(Plain):
    """Figures of a graph.

    Attributes:
        entities: Number of entities.
        passages: Number of passages.
        edges: Number of pairs joined by each kind of edge.
        degrees: By "entities" and "passages": how many of them have how many neighbours, in bins that double.
        mean_degree: By the same: neighbours in the mean.
        max_degree: By the same: most neighbours of one.
        components: Number of connected pieces.
        largest: Nodes of the largest pieces, at most ten, largest first.
        isolated: Number of nodes without any neighbour.
    """

    entities: int
    passages: int
    edges: Mapping[str, int]
    degrees: Mapping[str, tuple[Bin, ...]]
    mean_degree: Mapping[str, float]
    max_degree: Mapping[str, int]
    components: int
    largest: tuple[int, ...]
    isolated: int


def graph_statistics(graph: Graph) -> GraphStatistics:
    """Figures of a graph. Neighbours count once, whatever joins them; pieces are those of all kinds of edge."""
    from scipy.sparse.csgraph import connected_components

    degrees = np.diff(graph.indptr).astype(np.int64)
    parts = {"entities": degrees[: graph.n_entities], "passages": degrees[graph.n_entities :]}
    number, labels = connected_components(graph.adjacency({}), directed=False) if graph.n_nodes else (0, degrees)
    sizes = np.sort(np.bincount(labels, minlength=number))[::-1]
    return GraphStatistics(
        graph.n_entities,
        graph.n_passages,
        dict(sorted(graph.edge_counts.items())),
        {name: _bins(values) for name, values in parts.items()},
        {name: float(values.mean()) if len(values) else 0.0 for name, values in parts.items()},
        {name: int(values.max(initial=0)) for name, values in parts.items()},
        int(number),
        tuple(sizes[:_LARGEST].tolist()),
        int((degrees == 0).sum()),
    )


def _bins(degrees: "NDArray[np.int64]") -> tuple[Bin, ...]:
    """0, 1, 2 to 3, 4 to 7, and so on up to the largest."""
    if not len(degrees):
        return ()
    places = np.where(degrees > 0, np.frexp(degrees.astype(np.float64))[1], 0)
    counts = np.bincount(places)
    edges = [(0, 0), *((2 ** (place - 1), 2**place - 1) for place in range(1, len(counts)))]
    return tuple(Bin(low, high, int(count)) for (low, high), count in zip(edges, counts, strict=True))
