"""Relaxation: the sweeps of power iteration in place, so that each node has the news of those before it.

With z = x ⊘ s a walk solves z = G z + b (see `hippo.backends.pagerank.sweep`), a system whose matrix is, up to a
diagonal scaling, symmetric and positive definite: successive over-relaxation converges for every 0 < ω < 2 (Ostrowski
1954), and with ω = 2 / (1 + √(1 - d²)) about twice as fast as Chebyshev's semi-iteration (Young 1954). What is handed
over is one plain sweep further, because its residual says how far it is from the solution
(`hippo.backends.pagerank.stopping`), and because nodes with the same neighbours then have the same score, to the last
bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.problem import Graph, Problem, outcomes
from hippo.backends.pagerank.relaxation_kernel import WIDTH, Loops
from hippo.backends.pagerank.stopping import head_excess, interval, l1_factor
from hippo.backends.pagerank.sweep import sweeps_to
from hippo.protocols import PageRankResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64

__all__ = ["relax", "relaxation_factor"]

# How much faster than Chebyshev's semi-iteration, as measured on graphs of indexes; the theory says 2.
_FASTER = 1.7
# The order of the best k is rarely proven before the error has shrunk k^1.5 times so often.
_TO_ORDER = 1e3
# Bounds shrink faster than the error at first.
_EARLY = 0.7
_LEAST_BLOCK = 3
"""Columns from which sweeping a whole block is cheaper than one by one."""


def relaxation_factor(damping: float) -> float:
    """ω = 2 / (1 + √(1 - d²)).

    Examples:
        >>> relaxation_factor(0.8)
        1.25
    """
    return 2.0 / (1.0 + math.sqrt(1.0 - damping**2))


def relax(problem: Problem, loops: Loops, max_iterations: int, threads: int) -> PageRankResult:
    """Solve a problem.

    Args:
        problem: The problem.
        loops: What sweeps.
        max_iterations: Most sweeps.
        threads: Blocks of columns swept at the same time.
    """
    n, m = problem.restart.shape
    scores, residual = np.empty((n, m), order="F"), np.empty(m)
    certified, iterations = np.zeros(m, dtype=bool), np.empty(m, dtype=np.int64)
    matrix = problem.graph.memo("unsigned", lambda: _unsigned(problem.graph))
    width = WIDTH if m >= _LEAST_BLOCK else 1

    def run(start: int) -> None:
        columns = slice(start, min(start + width, m))
        block = _Block(problem, columns, width, loops, matrix)
        for j, swept, bound, proven in block.solve(max_iterations):
            column = start + j
            scores[:, column] = block.scores[:, j]
            iterations[column], residual[column], certified[column] = swept, bound, proven

    starts = range(0, m, width)
    if min(threads, len(starts)) > 1:
        with ThreadPoolExecutor(min(threads, len(starts))) as pool:
            list(pool.map(run, starts))
    else:
        for start in starts:
            run(start)
    stopped = outcomes(certified, residual, problem)
    return PageRankResult(scores, residual, certified, "power", iterations, stopped)


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The adjacency with unsigned indices."""

    indptr: NDArray[Any]
    indices: NDArray[Any]
    data: Float64


def _unsigned(graph: Graph) -> _Matrix:
    matrix = graph.adjacency
    if graph.nnz >= np.iinfo(np.uint32).max:
        return _Matrix(matrix.indptr, matrix.indices, matrix.data)
    # Those of 32 bits are shared.
    indptr, indices = (
        part.view(np.uint32) if part.itemsize == 4 else part.astype(np.uint32)
        for part in (matrix.indptr, matrix.indices)
    )
    return _Matrix(indptr, indices, matrix.data)


class _Block:
    """Columns that are swept together, filled up to a whole block. All look for an end at the same sweeps."""

    def __init__(self, problem: Problem, columns: slice, width: int, loops: Loops, matrix: _Matrix) -> None:
        n, used = problem.graph.n, columns.stop - columns.start
        self._problem, self._used, self._loops = problem, used, loops
        self._matrix = matrix.indptr, matrix.indices, matrix.data
        self._alone = width == 1
        self._gain, self._shift = np.ones((n, width)), np.zeros((n, width))
        if problem.gain is not None:
            self._gain[:, :used] = problem.gain[:, columns] if problem.gain.shape[1] > 1 else problem.gain
        np.multiply(problem.restart[:, columns], problem.scale[columns], out=self._shift[:, :used])
        self.scores = np.empty((n, width))
        """Of the last sweep that was measured, float64 `(n, width)`."""
        adjacency = problem.graph.adjacency
        self._strength = (adjacency @ self._gain[:, 0])[:, None] if self._alone else adjacency @ self._gain
        isolated = ~problem.graph.live
        self._strength[isolated] = 1.0
        self._factor = np.divide(self._gain, self._strength)
        self._factor *= problem.damping
        self._factor[isolated] = 0.0
        self._shift /= self._strength

    def solve(self, max_iterations: int) -> Iterator[tuple[int, int, float, bool]]:
        """Columns as they are done: place in the block, sweeps, bound of the L1 error, whether certified."""
        problem = self._problem
        z = self._shift.copy()
        step = self._loops.relax_one if self._alone else self._loops.relax_block
        omega = relaxation_factor(problem.damping)
        # Of more candidates, some are nearer to each other.
        goal = 1.0 / problem.tolerance if problem.top is None else _TO_ORDER * problem.top**1.5
        first = math.ceil(sweeps_to(goal, problem.damping) / _FASTER)
        # Looks are on a grid, so that several columns share one; when a column is looked at depends on it alone.
        stride = max(1, first // 4)
        due, swept = dict.fromkeys(range(self._used), first), 0
        while due:
            following = min(*due.values(), max_iterations - 1)
            for _ in range(following - swept):
                step(*self._matrix, self._factor, self._shift, omega, z)
            swept = following
            last = swept >= max_iterations - 1
            found = self._measured(z)
            for j in [j for j, at in due.items() if last or at <= swept]:
                bound, excess = self._outcome(j, found[:, j])
                proven = excess < 1.0
                if proven or bound <= problem.tolerance or last:
                    del due[j]
                    yield j, swept + 1, bound, proven
                else:
                    wait = sweeps_to(min(excess, bound / problem.tolerance), problem.damping) / _FASTER
                    due[j] += stride * max(1, round(_EARLY * wait / stride))

    def _measured(self, z: Float64) -> Float64:
        """A plain sweep, whose scores are kept; returned are, by column, extremes of potentials, |q|₁ and Σ q."""
        parts = self._factor, self._shift, self._strength, self._gain
        if not self._alone:
            found = np.empty((4, WIDTH))
            self._loops.measure_block(*self._matrix, *parts, z, self.scores, found)
            return found
        factor, shift, strength, gain = (part[:, 0] for part in parts)
        swept = self._problem.graph.adjacency @ z[:, 0]
        swept *= factor
        swept += shift
        residual = swept - z[:, 0]
        potential = residual / gain
        residual *= strength
        extremes = potential.min(), potential.max()
        swept *= strength
        np.maximum(swept, 0.0, out=self.scores[:, 0])
        return np.array([*extremes, np.abs(residual).sum(), residual.sum()])[:, None]

    def _outcome(self, j: int, found: Float64) -> tuple[float, float]:
        """Bound of the L1 error of a column, and how many times too wide the bounds are to prove what was asked for."""
        problem = self._problem
        least, greatest, mass, total = map(float, found)
        bound = l1_factor(problem.damping) * mass
        if problem.top is None:
            return bound, bound / problem.tolerance
        chosen = problem.candidates
        volume = self._strength[chosen, j] * self._gain[chosen, j]
        bounds = interval(problem.damping, mass, total, least, greatest)
        return bound, head_excess(self.scores[chosen, j], volume, bounds, problem.top)
