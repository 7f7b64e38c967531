"""Forward push: one question on a large graph, at a cost that depends on how far activation spreads."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.problem import Graph, Problem
from hippo.backends.pagerank.push_kernel import COLUMNS, CURSOR, GAIN, RESIDUE, STRENGTH, Loops, compiled
from hippo.backends.pagerank.solver import Solver
from hippo.backends.pagerank.stopping import head_excess, interval, l1_factor
from hippo.backends.pagerank.sweep import relaxation_factor, sweeps_to
from hippo.errors import ConfigError, InputError
from hippo.protocols import PageRankResult, Walk

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = ["LocalRanks", "PushPageRank"]

# A push reads an entry at random where a sweep streams it: measured at about three times the cost.
_RANDOM_ACCESS = 3.0
# By how much the threshold falls from one try of the bounds to the next.
_LEAST_STEP, _GREATEST_STEP = 2.0, 10.0
# Entries read for one question from which slack is given in proportion to them: about a hundredth of a second.
_PATIENCE = 5e5
# Times that the slack grows at most.
_MOST_PATIENCE = 30.0
# No potential is below: what is left then cannot be pushed.
_LEAST_THRESHOLD = 1e-100
# Sweeps that prove the order of the best, in practice.
_SWEEPS_TO_ORDER = 10.0


@dataclass(frozen=True, slots=True)
class LocalRanks:
    """Scores of one question on the part of the graph that its activation reached.

    Attributes:
        nodes: int64 `(t,)`, in the order in which they were reached.
        scores: Of these, float64 `(t,)`; all other nodes have 0.
        residual: L1 bound on the error.
        stopped: "proven", "slack" or "tolerance", as in `hippo.protocols.PageRankResult.stopped`.
        pushes: How many nodes were pushed, repeats counted.
    """

    nodes: Int64
    scores: Float64
    residual: float
    stopped: str
    pushes: int


class PushPageRank(Solver):
    """Forward push (Andersen, Chung and Lang 2006) from sparse seeds, over-relaxed, compiled by numba.

    Potentials beyond a threshold are pushed, then the bounds of `hippo.backends.pagerank.stopping` are tried, and the
    threshold falls until they prove the order of the top, or the tolerance. The gain is read, and s = W g summed, only
    where activation comes by. Where that would cost more than sweeping the graph, `power` takes over: dense seeds,
    tight tolerances. Then `engine` is "power". `certified` means what it means there; `iterations` counts pushes, or
    sweeps.

    Args:
        max_work: Entries of the adjacency to read for one question before `power` takes over; None: what `power` is
            estimated to cost.
        power: The engine that takes over; None: one with its defaults.
        slack: How many times too wide for a proof the bounds on the order may be where a question ends; 1: only a proof
            or the tolerance ends it. Where more than half a million entries are read, it grows with their number. The
            bounds are those of the worst graph, so the order is mostly the exact one well before they prove it: `python
            -m pipelines.bench_ppr --check 200 --slack 3` counts how often.
        threads: CPU threads for a block of questions, each with arrays of its own; None: one per core.

    Raises:
        MissingExtraError: numba is not installed.
        ConfigError: `max_work`, `slack` or `threads` is out of range.
    """

    def __init__(
        self,
        *,
        max_work: float | None = None,
        power: PowerPageRank | None = None,
        slack: float = 1.0,
        threads: int | None = None,
    ) -> None:
        if max_work is not None and not max_work >= 0:
            raise ConfigError("PushPageRank", "max_work", f"must be at least 0, got {max_work}")
        if not 1.0 <= slack < math.inf:
            raise ConfigError("PushPageRank", "slack", f"must be at least 1 and finite, got {slack}")
        if threads is not None and threads < 1:
            raise ConfigError("PushPageRank", "threads", f"must be at least 1, got {threads}")
        self._loops = compiled()
        self._max_work = max_work
        self._power = power or PowerPageRank()
        self._slack = slack
        self._threads = threads or os.cpu_count() or 1
        self._free: list[_State] = []

    def solve(self, problem: Problem) -> PageRankResult:
        """Scores of the block of questions that a problem holds."""
        _, m = problem.shape
        first, stop = problem.wanted.start, problem.wanted.stop
        scores, residual = np.empty((m, stop - first)).T, np.empty(m)
        scores.fill(0.0)
        iterations, stopped = np.empty(m, dtype=np.int64), np.full(m, "tolerance", dtype=object)

        def run(column: int) -> bool:
            nodes, weights = problem.planted.column(column)
            found = self._local(problem, _gain_of(problem, column), nodes, weights * problem.scale[column])
            if found is None:
                return False
            wanted = (found.nodes >= first) & (found.nodes < stop)
            scores[found.nodes[wanted] - first, column] = found.scores[wanted]
            residual[column], iterations[column], stopped[column] = found.residual, found.pushes, found.stopped
            return True

        if min(m, self._threads) > 1:
            with ThreadPoolExecutor(min(m, self._threads)) as pool:
                done = list(pool.map(run, range(m)))
        else:
            done = [run(column) for column in range(m)]
        left = [column for column in range(m) if not done[column]]
        certified = stopped == "proven" if problem.top is not None else np.ones(m, dtype=bool)
        if left:
            swept = self._power.solve(problem.only(left))
            scores[:, left], residual[left] = swept.scores, swept.residual
            certified[left], iterations[left] = swept.certified, swept.iterations
            stopped[left] = swept.stopped
        return PageRankResult(scores, residual, certified, "power" if left else "push", iterations, tuple(stopped))

    def spread(
        self,
        walk: Walk,
        nodes: Int64,
        weights: Float64,
        *,
        tolerance: float = 1e-9,
        top: int | None = None,
        candidates: slice | None = None,
        highest: float | None = None,
    ) -> LocalRanks | None:
        """One question, at a cost that does not depend on the size of the graph.

        Args:
            walk: The walk; its gain, if any, of one column. With `highest`, only what is reached of it is checked.
            nodes: Seeds, int64 `(s,)`, each once.
            weights: Their part of the restart vector, float64 `(s,)`, positive, summing to 1.
            tolerance: As for `rank`.
            top: As for `rank`.
            candidates: As for `rank`.
            highest: No gain is above this; None: all of them are looked at, which does depend on the size.

        Returns:
            None: sweeping the whole graph would be cheaper.

        Raises:
            InputError: An argument cannot be used.
        """
        problem = Problem.local(walk, nodes, weights, tolerance, top, candidates)
        gain = _gain_of(problem, 0)
        if highest is not None and not 0.0 < highest < math.inf:
            raise InputError(f"highest must be positive and finite, got {highest!r}")
        _check_gains(gain if highest is None or not len(gain) else gain[nodes])
        nodes, weights = problem.planted.column(0)
        found = self._local(problem, gain, nodes, weights * problem.scale[0], highest)
        if found is not None and len(gain):
            _check_gains(gain[found.nodes])
        return found

    def _local(
        self, problem: Problem, gain: Float64, nodes: Int64, mass: Float64, highest: float | None = None
    ) -> LocalRanks | None:
        state = self._take(problem.graph.n)
        run = _Run(problem, gain, highest, state, self._loops)
        try:
            return run.solve(nodes, mass, self._budget(problem), self._slack)
        finally:
            run.clear()
            self._free.append(state)

    def _budget(self, problem: Problem) -> float:
        if self._max_work is not None:
            return float(self._max_work)  # numba compiles anew for an int
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


def _gain_of(problem: Problem, column: int) -> Float64:
    """Gain of one question, of the nodes that have one, float64 `(c,)`; empty: ones."""
    gain = problem.gain
    return np.empty(0) if gain is None else np.ascontiguousarray(gain[:, min(column, gain.shape[1] - 1)])


def _check_gains(gain: Float64) -> None:
    """Check some gains.

    Raises:
        InputError: One is not positive or not finite.
    """
    if len(gain) and not (gain.min() > 0 and np.isfinite(gain.max())):
        raise InputError(f"gain must be positive and finite, it spans {gain.min()} to {gain.max()}")


class _State:
    """Arrays of n nodes, zeroed where they were touched after each question and so used again."""

    def __init__(self, n: int) -> None:
        # Aligned, so that no row lies in two cache lines; filled at once, so that the system gives large pages.
        room = np.empty(COLUMNS * (n + 2))
        first = -room.ctypes.data // room.itemsize % (2 * COLUMNS)
        self.table = room[first : first + COLUMNS * n].reshape(n, COLUMNS)
        self.table.fill(0.0)
        self.estimate, self.waits = np.zeros(n), np.zeros(n, dtype=np.bool_)
        self.queue = np.empty(n, dtype=np.int64)
        self.touched = np.empty(n, dtype=np.int64)
        self.scores, self.volumes = np.empty((2, n))


class _Run:
    """One question."""

    def __init__(
        self,
        problem: Problem,
        gain: Float64,
        highest: float | None,
        state: _State,
        loops: Loops,
    ) -> None:
        self.problem, self.state, self.gain = problem, state, gain
        self.count = 0
        self._loops = loops
        # Nodes without a gain have 1.
        self._highest = highest or max(float(gain.max(initial=0.0)), 1.0 if len(gain) < problem.graph.n else 0.0)

    def solve(self, seeds: Int64, mass: Float64, budget: float, slack: float) -> LocalRanks | None:
        """Push until the order or the tolerance is reached; None: the budget was spent first."""
        problem, graph, state, table = self.problem, self.problem.graph, self.state, self.state.table
        matrix, omega = graph.adjacency, relaxation_factor(problem.damping)
        threshold = self._plant(seeds, mass)
        pushes, work = 0, 0.0
        # The seeds' potentials are not bounded by the threshold yet.
        bounded = not graph.live[seeds].any()
        while True:
            left, total, count = self._weigh()
            residual = l1_factor(problem.damping) * left
            excess = math.inf
            if problem.top is not None and bounded:
                excess = self._excess(count, left, total, threshold, problem.top)
            reached = residual <= problem.tolerance
            # The dearer a proof becomes, the less of it is asked for; with a slack of 1, all of it.
            allowed = 1.0 + (slack - 1.0) * min(max(1.0, work / _PATIENCE), _MOST_PATIENCE)
            if excess < allowed or reached:
                stopped = "proven" if excess < 1.0 else "tolerance" if reached else "slack"
                touched = state.touched[: self.count].copy()
                scores = np.maximum(table[touched, RESIDUE] + state.estimate[touched], 0.0)
                return LocalRanks(touched, scores, residual, stopped, pushes)
            threshold /= min(max(excess / allowed, _LEAST_STEP), _GREATEST_STEP)
            self.count, read, more, waiting = self._loops.push(
                matrix.indptr,
                matrix.indices,
                matrix.data,
                graph.strength,
                self.gain,
                problem.gained.start,
                problem.damping,
                omega,
                threshold,
                budget,
                table,
                state.estimate,
                state.waits,
                state.queue,
                state.touched,
                self.count,
            )
            budget -= read
            work += read
            pushes += more
            bounded = True
            if waiting or budget <= 0 or self._stuck(threshold):
                return None

    def _stuck(self, threshold: float) -> bool:
        """Whether nothing can be pushed any more.

        Raises:
            InputError: Because of a gain that was reached.
        """
        if threshold > _LEAST_THRESHOLD:
            return False
        # Neighbours of what was touched may be to blame.
        _check_gains(self.gain)
        return True

    def _plant(self, seeds: Int64, mass: Float64) -> float:
        """Put the seeds into the state; about the greatest potential among them."""
        graph, state = self.problem.graph, self.state
        live = graph.live[seeds]
        gain, places = np.ones(len(seeds)), seeds - self.problem.gained.start
        gained = (places >= 0) & (places < len(self.gain))
        gain[gained] = self.gain[places[gained]]
        self.count = len(seeds)
        state.touched[: self.count] = seeds
        state.table[seeds, GAIN] = gain
        if len(self.gain):
            state.table[seeds, CURSOR] = graph.adjacency.indptr[seeds]
        else:
            state.table[seeds, CURSOR] = graph.adjacency.indptr[seeds + 1]
            state.table[seeds, STRENGTH] = graph.strength[seeds]
        state.table[seeds[live], RESIDUE] = mass[live]
        state.estimate[seeds[~live]] = mass[~live]
        volume = gain * graph.strength[seeds] * self._highest
        return float((mass[live] / volume[live]).max(initial=0.0))

    def _weigh(self) -> tuple[float, float, int]:
        """|q|₁, Σ q, and the number of candidates touched; their scores and volumes go into the state."""
        graph, state, candidates = self.problem.graph, self.state, self.problem.candidates
        walk = graph.adjacency.indptr, graph.strength, self._highest
        chosen = candidates.start, candidates.stop
        touched = state.touched[: self.count]
        return self._loops.weigh(touched, state.table, state.estimate, *walk, *chosen, state.scores, state.volumes)

    def _excess(self, count: int, mass: float, total: float, threshold: float, top: int) -> float:
        problem, graph, state = self.problem, self.problem.graph, self.state
        start, stop = problem.candidates.start, problem.candidates.stop
        if count < min(top, stop - start):
            return math.inf
        if count < stop - start:
            # One stands for all that have not been touched: score 0, the greatest volume among them.
            order = graph.memo(("descending", start, stop), lambda: _descending(graph, start, stop))
            gained = self.gain, problem.gained.start, self._highest
            other = self._loops.untouched(order, graph.strength, *gained, state.table)
            state.scores[count], state.volumes[count] = 0.0, other * self._highest
            count += 1
        bounds = interval(problem.damping, mass, total, -threshold, threshold)
        return head_excess(state.scores[:count], state.volumes[:count], bounds, top)

    def clear(self) -> None:
        """Zero what was touched."""
        touched = self.state.touched[: self.count]
        self.state.table[touched] = 0.0
        self.state.estimate[touched] = 0.0


def _descending(graph: Graph, start: int, stop: int) -> Int64:
    order: Int64 = start + np.argsort(-graph.strength[start:stop])
    return order
