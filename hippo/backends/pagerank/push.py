"""Forward push: one question on a large graph, at a cost that depends on how far activation spreads."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from hippo.backends.pagerank.power import PowerPageRank
from hippo.backends.pagerank.problem import Problem
from hippo.backends.pagerank.push_kernel import compiled
from hippo.backends.pagerank.pushing import LocalRanks, Pushing, Room, check_gains
from hippo.backends.pagerank.solver import Solver
from hippo.backends.pagerank.sweep import sweeps_to
from hippo.errors import ConfigError, InputError
from hippo.protocols import PageRankResult, Walk

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = ["LocalRanks", "PushPageRank"]

# A push reads an entry at random where a sweep streams it: measured at about three times the cost.
_RANDOM_ACCESS = 3.0
# Nodes of all rooms that are kept: some 5 GB.
_MOST_KEPT = 2**26
# Sweeps that prove the order of the best, in practice.
_SWEEPS_TO_ORDER = 10.0


class PushPageRank(Solver):
    """Forward push (Andersen, Chung and Lang 2006) from sparse seeds, over-relaxed, compiled by numba.

    Potentials beyond a threshold are pushed, then the bounds of `hippo.backends.pagerank.stopping` are tried, and the
    threshold falls until they prove the order of the top, or the tolerance. Where few candidates are too near to each
    other, pushes from each of them meet those from the seeds, which says more of its score. The gain is read, and
    s = W g summed, only where activation comes by. Where that would cost more than sweeping the graph, `power` takes
    over: dense seeds, tight tolerances. Then `engine` is "power". `certified` means what it means there; `iterations`
    counts pushes from the seeds, or sweeps.

    Args:
        max_work: Entries of the adjacency to read for one question before `power` takes over; None: what `power` is
            estimated to cost.
        power: The engine that takes over; None: one with its defaults.
        slack: How loosely the order may be known where a question ends; 1: only a proof or the tolerance ends it.
            Bounds are those of the worst graph, so the order is mostly the exact one well before they prove it. They
            may be too wide for a proof by a quarter of what the slack is beyond 1, and by eight times as much where
            pushes met; where many entries are read, that grows with their number. `python -m pipelines.bench_ppr
            --check 200 --slack 3` counts how often the order is the exact one.
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
        self._free: list[Room] = []

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
        check_gains(gain if highest is None or not len(gain) else gain[nodes])
        nodes, weights = problem.planted.column(0)
        found = self._local(problem, gain, nodes, weights * problem.scale[0], highest)
        if found is not None and len(gain):
            check_gains(gain[found.nodes])
        return found

    def _local(
        self, problem: Problem, gain: Float64, nodes: Int64, mass: Float64, highest: float | None = None
    ) -> LocalRanks | None:
        n = problem.graph.n
        pushing = Pushing(problem, gain, highest, lambda: self._take(n), self._loops, self._slack)
        found = pushing.solve(nodes, mass, self._budget(problem))
        # After an error or Ctrl-C nobody knows what of the rooms was touched: they are let go of.
        for room in pushing.cleared():
            if (len(self._free) + 1) * n <= _MOST_KEPT:
                self._free.append(room)
        return found

    def _budget(self, problem: Problem) -> float:
        if self._max_work is not None:
            return float(self._max_work)  # numba compiles anew for an int
        sweeps = sweeps_to(1.0 / problem.tolerance, problem.damping)
        if problem.top is not None:
            sweeps = min(sweeps, _SWEEPS_TO_ORDER)
        return (problem.graph.nnz + problem.graph.n) * sweeps / _RANDOM_ACCESS

    def _take(self, n: int) -> Room:
        # A room that another thread uses is not in the list; those of a graph of another size are let go of.
        while True:
            try:
                room = self._free.pop()
            except IndexError:
                return Room(n)
            if len(room.queue) == n:
                return room


def _gain_of(problem: Problem, column: int) -> Float64:
    """Gain of one question, of the nodes that have one, float64 `(c,)`; empty: ones."""
    gain = problem.gain
    return np.empty(0) if gain is None else np.ascontiguousarray(gain[:, min(column, gain.shape[1] - 1)])
