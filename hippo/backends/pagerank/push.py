"""Forward push: one question on a large graph, at a cost that depends on how far activation spreads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.problem import Problem
from hippo.backends.pagerank.push_kernel import ESTIMATE, GAIN, RESIDUE, STRENGTH, compiled
from hippo.backends.pagerank.stopping import head_excess, interval, l1_factor
from hippo.backends.pagerank.sweep import sweeps_to
from hippo.errors import ConfigError
from hippo.protocols import PageRankResult, Walk

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = ["PushPageRank"]

# A push reads an entry at random where a sweep streams it: measured at about three times the cost.
_RANDOM_ACCESS = 3.0
# By how much the threshold falls from one try of the bounds to the next.
_LEAST_STEP, _GREATEST_STEP = 2.0, 10.0
# Sweeps that prove the order of the best, in practice.
_SWEEPS_TO_ORDER = 10.0


class PushPageRank:
    """Forward push (Andersen, Chung and Lang 2006) from sparse seeds, compiled by numba.

    Potentials above a threshold are pushed, then the bounds of `hippo.backends.pagerank.stopping` are tried, and the
    threshold falls until they prove the order of the top or the tolerance. The gain is read, and s = W g summed, only
    where activation comes by. Where that would cost more than sweeping the whole graph, `power` takes over: dense
    seeds, tight tolerances.

    Args:
        max_work: Entries of the adjacency to read for one question before `power` takes over; None: what `power` is
            estimated to cost.
        power: The engine that takes over; None: one with its defaults.

    Raises:
        MissingExtraError: numba is not installed.
    """

    def __init__(self, *, max_work: float | None = None, power: PowerPageRank | None = None) -> None:
        if max_work is not None and not max_work >= 0:
            raise ConfigError("PushPageRank", "max_work", f"must be at least 0, got {max_work}")
        self._push, self._untouched = compiled()
        self._max_work = max_work
        self._power = power or PowerPageRank()
        self._free: list[_State] = []

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

        `certified` means what it means for `PowerPageRank`. `engine` is "push" if that did all questions, else "power"
        if that did at least one. `iterations` counts pushes, or sweeps.

        Raises:
            InputError: An argument cannot be used.
        """
        return self.solve(Problem.of(walk, restart, tolerance, top, candidates))

    def solve(self, problem: Problem) -> PageRankResult:
        """`rank` for a validated problem."""
        n, m = problem.restart.shape
        scores, residual = np.zeros((n, m), order="F"), np.empty(m)
        certified, iterations = np.empty(m, dtype=bool), np.empty(m, dtype=np.int64)
        state = self._take(n)
        left = []
        for column in range(m):
            run = _Run(problem, column, state, self._push, self._untouched)
            if run.solve(scores[:, column], self._budget(problem)):
                residual[column], certified[column] = run.residual, run.certified
                iterations[column] = run.pushes
            else:
                left.append(column)
            run.clear()
        self._free.append(state)
        if left:
            swept = self._power.solve(problem.only(left))
            scores[:, left], residual[left] = swept.scores, swept.residual
            certified[left], iterations[left] = swept.certified, swept.iterations
        return PageRankResult(scores, residual, certified, "power" if left else "push", iterations)

    def _budget(self, problem: Problem) -> float:
        if self._max_work is not None:
            return self._max_work
        sweeps = sweeps_to(1.0 / problem.tolerance, problem.damping)
        if problem.top is not None:
            sweeps = min(sweeps, _SWEEPS_TO_ORDER)
        return (problem.graph.nnz + problem.graph.n) * sweeps / _RANDOM_ACCESS

    def _take(self, n: int) -> _State:
        # A state that another thread uses is not in the list; one of a graph of another size is let go.
        try:
            state = self._free.pop()
        except IndexError:
            return _State(n)
        return state if len(state.queue) == n else _State(n)


class _State:
    """Arrays of n nodes, zeroed where they were touched after each question and so used again."""

    def __init__(self, n: int) -> None:
        self.table = np.zeros((n, 4))
        self.queued = np.zeros(n, dtype=np.uint8)
        self.queue = np.empty(n, dtype=np.int64)
        self.touched = np.empty(n, dtype=np.int64)
        self.cursor = np.zeros(n, dtype=np.int64)


class _Run:
    """One question."""

    def __init__(self, problem: Problem, column: int, state: _State, push: Any, untouched: Any) -> None:
        self.problem, self.state = problem, state
        self.pushes, self.residual, self.certified = 0, math.inf, False
        self._push, self._untouched = push, untouched
        graph, gain = problem.graph, problem.gain
        if gain is None:
            self.gain = graph.memo("ones", lambda: np.ones(graph.n))
        else:
            self.gain = np.ascontiguousarray(gain[:, min(column, gain.shape[1] - 1)])
        self.highest = float(self.gain.max())
        seeds = np.flatnonzero(problem.restart[:, column])
        self.seeds, self.count = seeds, len(seeds)
        self.mass = problem.restart[seeds, column] * problem.scale[column]

    def solve(self, scores: Float64, budget: float) -> bool:
        """Write the scores `(n,)`, all zero before; False: the budget was spent first."""
        problem, graph, state, table = self.problem, self.problem.graph, self.state, self.state.table
        matrix = graph.adjacency
        threshold = self._plant()
        # The seeds' potentials are not bounded by it yet.
        bounded = False
        while True:
            touched = state.touched[: self.count]
            rows = table[touched]
            left = float(rows[:, RESIDUE].sum())
            self.residual = l1_factor(problem.damping) * left
            reached = self.residual <= problem.tolerance
            excess = math.inf
            if problem.top is not None and (bounded or left == 0.0):
                excess = self._excess(rows, touched, threshold, left, problem.top)
            self.certified = reached if problem.top is None else excess < 1.0
            if reached or self.certified:
                scores[touched] = rows[:, RESIDUE] + rows[:, ESTIMATE]
                return True
            threshold /= min(max(excess, _LEAST_STEP), _GREATEST_STEP)
            self.count, read, pushes, waiting = self._push(
                matrix.indptr,
                matrix.indices,
                matrix.data,
                self.gain,
                problem.damping,
                threshold,
                budget,
                table,
                state.cursor,
                state.queued,
                state.queue,
                state.touched,
                self.count,
            )
            budget -= read
            self.pushes += pushes
            bounded = True
            if waiting or budget <= 0:
                return False

    def _plant(self) -> float:
        """Put the seeds into the state; about the greatest potential among them."""
        graph, state, seeds = self.problem.graph, self.state, self.seeds
        live = graph.live[seeds]
        gain = self.gain[seeds]
        state.touched[: self.count] = seeds
        state.cursor[seeds] = graph.adjacency.indptr[seeds]
        state.table[seeds, GAIN] = gain
        state.table[seeds, np.where(live, RESIDUE, ESTIMATE)] = self.mass
        volume = gain * graph.strength[seeds] * self.highest
        return float((self.mass[live] / volume[live]).max(initial=0.0))

    def _excess(self, rows: Float64, touched: Int64, threshold: float, left: float, top: int) -> float:
        problem, graph = self.problem, self.problem.graph
        start, stop = problem.candidates.start, problem.candidates.stop
        chosen = (touched >= start) & (touched < stop)
        nodes, rows = touched[chosen], rows[chosen]
        if len(nodes) < min(top, stop - start):
            return math.inf
        summed = self.state.cursor[nodes] == graph.adjacency.indptr[nodes + 1]
        volume = rows[:, GAIN] * np.where(summed, rows[:, STRENGTH], graph.strength[nodes] * self.highest)
        scores = rows[:, RESIDUE] + rows[:, ESTIMATE]
        if len(nodes) < stop - start:
            # One stands for all that have not been touched: score 0, the greatest volume among them.
            highest = float(self.gain[start:stop].max())
            order = graph.memo(("descending", start, stop), lambda: start + np.argsort(-graph.strength[start:stop]))
            other = self._untouched(order, graph.strength, self.gain, highest, self.state.table)
            volume = np.append(volume, other * self.highest)
            scores = np.append(scores, 0.0)
        bounds = interval(problem.damping, left, left, 0.0, threshold)
        return head_excess(scores, volume, bounds, top)

    def clear(self) -> None:
        """Zero what was touched."""
        touched = self.state.touched[: self.count]
        self.state.table[touched] = 0.0
        self.state.queued[touched] = 0
