"""The accelerated sweep over a block of questions, written once for NumPy arrays and torch tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hippo.backends.pagerank.problem import Graph, Problem
from hippo.backends.pagerank.stopping import Interval, head_excess, interval, l1_factor

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = ["Arrays", "Block", "NumpyArrays", "contraction", "relaxation_factor", "sweeps_to"]

_FIRST_CHECK = 4


def contraction(damping: float) -> float:
    """Factor by which one accelerated sweep shrinks the error in the long run: d / (1 + √(1 - d²))."""
    return damping / (1.0 + math.sqrt(1.0 - damping**2))


def relaxation_factor(damping: float) -> float:
    """What over-relaxation multiplies a step by: ω = 2 / (1 + √(1 - d²)) (Young 1954).

    Examples:
        >>> relaxation_factor(0.8)
        1.25
    """
    return 2.0 / (1.0 + math.sqrt(1.0 - damping**2))


def sweeps_to(excess: float, damping: float) -> float:
    """Sweeps that shrink the error by the factor `excess`.

    Examples:
        >>> round(sweeps_to(1e9, 0.5), 1), round(sweeps_to(1e9, 0.7), 1)
        (15.7, 23.1)
    """
    return math.log(max(excess, 1.0)) / -math.log(contraction(damping))


class Arrays(Protocol):
    """What a sweep needs beyond the operators that NumPy arrays and torch tensors share."""

    def put(self, array: Float64) -> Any:
        """The array where the sweep runs, C-contiguous."""

    def get(self, array: Any) -> Float64:
        """The array in main memory."""

    def matrix(self, graph: Graph) -> Any:
        """The adjacency where the sweep runs."""

    def column(self, block: Any, j: int) -> Any:
        """Column j of a block `(n, m)`, or the only one of `(n, 1)`, contiguous."""

    def head_excess(self, scores: Any, volume: Any, bounds: Interval, top: int) -> float:
        """See `hippo.backends.pagerank.stopping.head_excess`."""


class NumpyArrays:
    """Arrays in main memory."""

    def put(self, array: Float64) -> Any:
        """The array itself, C-contiguous."""
        return np.ascontiguousarray(array)

    def get(self, array: Any) -> Float64:
        """The array itself."""
        return np.asarray(array)

    def matrix(self, graph: Graph) -> Any:
        """The adjacency itself."""
        return graph.adjacency

    def column(self, block: Any, j: int) -> Any:
        """Column j of a block `(n, m)`, or the only one of `(n, 1)`, contiguous."""
        return np.ascontiguousarray(block[:, min(j, block.shape[1] - 1)])

    def head_excess(self, scores: Any, volume: Any, bounds: Interval, top: int) -> float:
        """See `hippo.backends.pagerank.stopping.head_excess`."""
        return head_excess(scores, volume, bounds, top)


class Block:
    """Columns of a problem that are swept together; each leaves when it is done.

    W is symmetric, so with s = W g one sweep of all questions is one product of the shared adjacency with a dense
    block: x ← d g ⊙ (W (x ⊘ s)) + c r. The iterate is kept as z = x ⊘ s, for which the sweep is z ← G z + b with
    G = diag(d g ⊘ s) W and b = c r ⊘ s. P is similar to a symmetric matrix, so the eigenvalues of G lie in [-d, d], and
    Chebyshev's semi-iteration applies (Golub and Varga 1961):

        z_{t+1} = z_{t-1} + ω_{t+1} (G z_t + b - z_{t-1}),
        ω_1 = 1,  ω_2 = 1 / (1 - d²/2),  ω_{t+1} = 1 / (1 - d² ω_t / 4).

    G z_t + b - z_t is the residual q ⊘ s, at no extra product, and q ⊘ D = (q ⊘ s) ⊘ g is the potential h. What is
    handed over is (G z_t + b) ⊙ s. For nodes without edges s is set to 1 and d g ⊘ s to 0, so that z is c r from the
    start and stays so.
    """

    def __init__(self, problem: Problem, arrays: Arrays, columns: slice) -> None:
        live = problem.graph.live[:, None]
        gain = problem.gains(columns)
        strength = problem.graph.strength[:, None] if gain is None else problem.graph.adjacency @ gain
        weight = np.where(live, strength, 1.0)
        factor = problem.damping * live / weight
        if gain is not None:
            factor *= gain
        volume = strength if gain is None else strength * gain
        self.columns: Int64 = np.arange(columns.start, columns.stop)
        self.problem, self.arrays = problem, arrays
        self._matrix = arrays.matrix(problem.graph)
        self._shift = arrays.put(problem.restart(columns) * problem.scale[columns] / weight)
        self._weight, self._factor = arrays.put(weight), arrays.put(factor)
        self._volume = arrays.put(volume[problem.candidates])
        self._gain = None if gain is None else arrays.put(gain)
        self._now, self._before = self._shift + 0.0, self._shift * 0.0
        self._next = self._now
        self._omega, self._sweeps = 2.0, 0
        first = sweeps_to(1.0 / problem.tolerance, problem.damping) * 0.9 if problem.top is None else _FIRST_CHECK
        self._due = np.full(len(self.columns), max(1, int(first)))

    def sweep(self, last: bool) -> list[tuple[int, Float64, float, bool]]:
        """One sweep.

        Args:
            last: No other will follow: hand over everything.

        Returns:
            The columns that are done, which leave the block: column, scores `(n,)`, bound of the L1 error, whether
            certified.
        """
        step = self._matrix @ self._now
        step *= self._factor
        step += self._shift
        self._next = step
        self._sweeps += 1
        done = self._collect(last)
        self._omega = 1.0 / (1.0 - self.problem.damping**2 * self._omega / 4.0)
        step = self._next
        step -= self._before
        step *= self._omega
        self._before += step
        self._now, self._before = self._before, self._now
        return done

    def _collect(self, last: bool) -> list[tuple[int, Float64, float, bool]]:
        done = []
        left = np.ones(len(self.columns), dtype=bool)
        for j in range(len(self.columns)):
            if last or self._due[j] <= self._sweeps:
                scores, residual, excess = self._measure(j)
                reached = residual <= self.problem.tolerance
                proven = reached if self.problem.top is None else excess < 1.0
                if proven or reached or last:
                    done.append((int(self.columns[j]), scores, residual, proven))
                    left[j] = False
                else:
                    self._due[j] += self._wait(residual, excess)
        if done:
            self._keep(np.flatnonzero(left))
        return done

    def _measure(self, j: int) -> tuple[Float64, float, float]:
        """Scores of a column, the bound of their L1 error, and how far the order of the top is from a proof."""
        problem, arrays = self.problem, self.arrays
        scores, weight = arrays.column(self._next, j), arrays.column(self._weight, j)
        step = scores - arrays.column(self._now, j)
        potential = step if self._gain is None else step / arrays.column(self._gain, j)
        least, greatest = float(potential.min()), float(potential.max())
        step *= weight
        mass, total = float(abs(step).sum()), float(step.sum())
        scores = scores * weight
        excess = math.inf
        if problem.top is not None:
            bounds = interval(problem.damping, mass, total, least, greatest)
            volume = arrays.column(self._volume, j)
            excess = arrays.head_excess(scores[problem.candidates], volume, bounds, problem.top)
        return arrays.get(scores.clip(min=0.0)), l1_factor(problem.damping) * mass, excess

    def _wait(self, residual: float, excess: float) -> int:
        """Sweeps until the next look at a column."""
        # The bounds shrink faster than the error at first: aim low, a look costs no more than a sweep.
        order = 0.7 * sweeps_to(excess, self.problem.damping)
        tolerance = sweeps_to(residual / self.problem.tolerance, self.problem.damping)
        return max(1, math.ceil(min(order, tolerance)))

    def _keep(self, left: Int64) -> None:
        shared = self._weight.shape[1] == 1 and len(self.columns) > 1
        self.columns, self._due = self.columns[left], self._due[left]
        self._shift, self._now, self._before, self._next = (
            block[:, left] for block in (self._shift, self._now, self._before, self._next)
        )
        if not shared and len(left):
            self._weight, self._factor, self._volume = (
                block[:, left] for block in (self._weight, self._factor, self._volume)
            )
            self._gain = None if self._gain is None else self._gain[:, left]
