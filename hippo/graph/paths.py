"""The strongest paths between two nodes, exactly, among those of a limited number of steps.

Yen's algorithm (1971) finds k shortest paths of any length, with one search of the whole graph for every step of every
path. Here paths are short, so a table says what is still to come: h_r(v), the least cost from v to the target in at
most r steps, from `h_r(v) = min(h_{r-1}(v), min_u c(v, u) + h_{r-1}(u))`. It never promises too little, so extending
the most promising path first (A*) completes paths in the order of their cost.
"""

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["cheapest_paths"]

_MOST_EXPANSIONS = 50_000
"""Paths, whole and begun, that one search looks at."""

_Path = tuple[int, ...]


def cheapest_paths(
    costs: "csr_array", source: int, target: int, *, k: int, most_steps: int
) -> list[tuple[float, tuple[int, ...]]]:
    """The k cheapest paths without repeated nodes, cheapest first; ties by number of steps, then by nodes.

    Where there are fewer than k, the search of a dense neighbourhood may not end in reasonable time. It stops after
    50,000 paths, whole and begun; those found by then are the cheapest, and there may be more.

    Args:
        costs: Cost of every step, CSR `(n, n)`, non-negative; rows are where a step begins.
        source: Where paths begin.
        target: Where they end, another node.
        k: Number of paths, at least 1; there may be fewer.
        most_steps: Steps that a path may have, at least 1.

    Returns:
        Cost and nodes of each.
    """
    ahead = _least_costs(costs, source, target, most_steps)
    queue: list[tuple[float, int, _Path, float, Iterator[tuple[float, float, int]]]] = []

    def offer(path: _Path, siblings: Iterator[tuple[float, float, int]]) -> None:
        """Put the best of the remaining extensions of a path into the queue."""
        for bound, cost, node in siblings:
            if node not in path:
                heapq.heappush(queue, (bound, len(path), (*path, node), cost, siblings))
                return

    found: list[tuple[float, _Path]] = []
    offer((source,), _extensions(costs, ahead[most_steps - 1], source, 0.0))
    for _ in range(_MOST_EXPANSIONS):
        if not queue or len(found) == k:
            break
        _, steps, path, cost, siblings = heapq.heappop(queue)
        offer(path[:-1], siblings)
        if path[-1] == target:
            found.append((cost, path))
        elif steps < most_steps:
            offer(path, _extensions(costs, ahead[most_steps - steps - 1], path[-1], cost))
    return found


def _extensions(
    costs: "csr_array", ahead: "NDArray[np.float64]", node: int, spent: float
) -> Iterator[tuple[float, float, int]]:
    """Neighbours from which the target can be reached: least cost of the whole, cost so far, node; cheapest first."""
    span = slice(costs.indptr[node], costs.indptr[node + 1])
    nodes = costs.indices[span]
    so_far = spent + costs.data[span]
    bounds = so_far + ahead[nodes]
    for place in np.lexsort((nodes, bounds)):
        if not np.isfinite(bounds[place]):
            return
        yield float(bounds[place]), float(so_far[place]), int(nodes[place])


def _least_costs(costs: "csr_array", source: int, target: int, most_steps: int) -> "list[NDArray[np.float64]]":
    """h_0 … h_{most_steps - 1}: float64 `(n,)` each, infinite where the target is too far. The source is avoided."""
    now = np.full(costs.shape[0], np.inf)
    now[target] = 0.0
    table = [now]
    begins = costs.indptr[:-1]
    isolated = np.diff(costs.indptr) == 0
    for _ in range(most_steps - 1):
        onward = np.append(costs.data + now[costs.indices], np.inf)
        now = np.minimum(now, np.where(isolated, np.inf, np.minimum.reduceat(onward, begins)))
        now[source] = np.inf
        table.append(now)
    return table
