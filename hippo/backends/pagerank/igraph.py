"""igraph's PRPACK: an exact solver written by others, for parity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.problem import Graph, Problem, outcomes
from hippo.backends.pagerank.stopping import head_excess, interval, l1_factor
from hippo.errors import MissingExtraError
from hippo.protocols import PageRankResult, Walk

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = ["IgraphPageRank"]


class IgraphPageRank:
    """Personalized PageRank by PRPACK (Gleich, Gray, Greif and Lau 2010), through igraph.

    A gain needs no other graph: multiplying the weight of every edge by g_u g_v gives w_uv g_u g_v / Σ_v' w_uv' g_u
    g_v' = w_uv g_v / Σ_v' w_uv' g_v', the query-aware walk, on a graph that is still undirected.

    igraph sees only nodes that have edges, so what it does about dangling nodes does not matter. With ρ the mass of r
    on the others and y the scores of r / (1 - ρ) on the nodes with edges, x = (1 - ρ) / (1 - d ρ) y there and c r
    elsewhere. PRPACK fixes its own tolerance. One further sweep measures the residual, from which the bounds of the
    result follow.

    Raises:
        MissingExtraError: igraph is not installed.
    """

    def __init__(self) -> None:
        try:
            import igraph
        except ImportError as error:
            raise MissingExtraError("engine 'igraph'", "igraph", "all") from error
        self._new_graph = igraph.Graph

    def rank(
        self,
        walk: Walk,
        restart: Float64,
        *,
        tolerance: float = 1e-9,
        top: int | None = None,
        candidates: slice | None = None,
    ) -> PageRankResult:
        """Scores of a block of questions, one after the other. See `hippo.protocols.PageRank.rank`.

        `certified` means what it means for `PowerPageRank`. `tolerance` changes nothing but that: see `residual` for
        what was reached. `iterations` is 1: PRPACK does not tell.

        Raises:
            InputError: An argument cannot be used.
        """
        problem = Problem.of(walk, restart, tolerance, top, candidates)
        n, m = problem.shape
        scores, residual = np.empty((n, m), order="F"), np.empty(m)
        certified = np.empty(m, dtype=bool)
        for column in range(m):
            estimate = self._solve(problem, column)
            scores[:, column], residual[column], certified[column] = _measure(problem, column, estimate)
        stopped = outcomes(certified, residual, problem)
        return PageRankResult(scores, residual, certified, "igraph", np.ones(m, dtype=np.int64), stopped)

    def _solve(self, problem: Problem, column: int) -> Float64:
        live = problem.graph.live
        [restart] = problem.restart(slice(column, column + 1)).T
        scores: Float64 = restart * problem.scale[column]
        mass = restart[live].sum()
        if mass == 0.0:
            return scores
        network, first, second, weights = problem.graph.memo("igraph", lambda: self._build(problem.graph))
        if problem.gain is not None:
            gain = problem.gain[:, min(column, problem.gain.shape[1] - 1)]
            weights = weights * gain[first] * gain[second]
        # PRPACK's arithmetic depends on the scale of the weights; the walk does not.
        found = network.personalized_pagerank(
            directed=False,
            damping=problem.damping,
            reset=restart[live].tolist(),
            weights=(weights / weights.max()).tolist(),
            implementation="prpack",
        )
        scores[live] = np.asarray(found) * mass * problem.scale[column] / (1.0 - problem.damping)
        return scores

    def _build(self, graph: Graph) -> tuple[Any, Int64, Int64, Float64]:
        """The nodes with edges as an igraph graph; of each edge the two nodes (rows of `graph`) and the weight."""
        matrix = graph.adjacency
        rows = np.repeat(np.arange(graph.n), np.diff(matrix.indptr))
        kept = (rows < matrix.indices) & (matrix.data > 0)
        first, second = rows[kept], matrix.indices[kept].astype(np.int64)
        number = np.cumsum(graph.live) - 1
        network = self._new_graph(n=int(graph.live.sum()), edges=np.column_stack((number[first], number[second])))
        return network, first, second, matrix.data[kept]


def _measure(problem: Problem, column: int, estimate: Float64) -> tuple[Float64, float, bool]:
    """The estimate one sweep further, the bound of its L1 error, and whether it is certified."""
    graph, damping, chosen = problem.graph, problem.damping, problem.candidates
    gain = np.ones(graph.n) if problem.gain is None else problem.gain[:, min(column, problem.gain.shape[1] - 1)]
    strength = graph.adjacency @ gain
    spread = np.divide(estimate, strength, out=np.zeros(graph.n), where=graph.live)
    scores = (
        damping * gain * (graph.adjacency @ spread)
        + problem.scale[column] * problem.restart(slice(column, column + 1))[:, 0]
    )
    left = scores - estimate
    volume = gain * strength
    potential = np.divide(left, volume, out=np.zeros(graph.n), where=graph.live)
    mass, total = float(np.abs(left).sum()), float(left.sum())
    residual = l1_factor(damping) * mass
    certified = residual <= problem.tolerance
    if problem.top is not None:
        bounds = interval(damping, mass, total, float(potential.min()), float(potential.max()))
        certified = head_excess(scores[chosen], volume[chosen], bounds, problem.top) < 1.0
    return scores.clip(min=0.0), residual, certified
