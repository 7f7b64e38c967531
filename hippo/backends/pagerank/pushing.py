"""One question by forward push: until its order is proven or trusted, or its tolerance is reached."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.backends.pagerank.problem import Graph, Problem
from hippo.backends.pagerank.push_kernel import COLUMNS, CURSOR, GAIN, RESIDUE, STRENGTH, Loops
from hippo.backends.pagerank.stopping import contested, interval, l1_factor, order_excess
from hippo.backends.pagerank.sweep import relaxation_factor
from hippo.errors import InputError

if TYPE_CHECKING:
    from hippo.protocols import Float64, Int64

__all__ = ["LocalRanks", "Pushing", "Room", "check_gains"]

# By how much the threshold falls from one try of the bounds to the next.
_LEAST_STEP, _GREATEST_STEP = 2.0, 5.0
# Entries read for one question from which slack is given in proportion to them: some hundredths of a second.
_PATIENCE = 1e6
# Times that the slack grows at most.
_MOST_PATIENCE = 30.0
# No potential is below: what is left then cannot be pushed.
_LEAST_THRESHOLD = 1e-100
# Pushes from a candidate end at this part of its first potential, or after so many entries.
_NEAR, _MOST_NEAR = 3e-3, 2e4
# Entries for which pushes from one candidate are not too dear.
_SPARED = 4e3
# Parts of the slack that estimates from one end and from both ends are given. The latter are far nearer than their
# bounds say, if potentials are much smaller where the pushes from a candidate end than near the seeds. That is so
# while little of the graph was reached: the part is multiplied by this power of the share that was not.
_FROM_ONE_END, _FROM_BOTH_ENDS, _UNREACHED = 0.25, 8.0, 4.0


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


class Room:
    """Arrays of n nodes, zeroed where they were touched after each question and so used again."""

    def __init__(self, n: int) -> None:
        # Aligned, so that no row lies in two cache lines; filled at once, so that the system gives large pages.
        room = np.empty(COLUMNS * (n + 2))
        first = -room.ctypes.data // room.itemsize % (2 * COLUMNS)
        self.table = room[first : first + COLUMNS * n].reshape(n, COLUMNS)
        self.table.fill(0.0)
        self.estimate, self.waits = np.zeros(n), np.zeros(n, dtype=np.bool_)
        self.queue, self.touched, self.nodes = np.empty((3, n), dtype=np.int64)
        self.scores, self.volumes = np.empty((2, n))


class _Pushes:
    """Pushes from some nodes."""

    def __init__(self, problem: Problem, gain: Float64, room: Room, loops: Loops) -> None:
        self.room = room
        self.count = self.pushes = 0
        self.read = 0.0
        self._problem, self._gain, self._loops = problem, gain, loops

    @property
    def touched(self) -> Int64:
        """Nodes touched so far, int64 `(t,)`."""
        return self.room.touched[: self.count]

    def plant(self, seeds: Int64, mass: Float64) -> Float64:
        """Put seeds into the state: float64 `(s,)`, their potentials, of which 0 are those that cannot be pushed."""
        problem, graph, room = self._problem, self._problem.graph, self.room
        live = graph.live[seeds]
        gain, places = np.ones(len(seeds)), seeds - problem.gained.start
        gained = (places >= 0) & (places < len(self._gain))
        gain[gained] = self._gain[places[gained]]
        self.count = len(seeds)
        room.touched[: self.count] = seeds
        room.table[seeds, GAIN] = gain
        if len(self._gain):
            room.table[seeds, CURSOR] = graph.adjacency.indptr[seeds]
        else:
            room.table[seeds, CURSOR] = graph.adjacency.indptr[seeds + 1]
            room.table[seeds, STRENGTH] = graph.strength[seeds]
        room.table[seeds[live], RESIDUE] = mass[live]
        room.estimate[seeds[~live]] = mass[~live]
        return np.divide(mass, gain * graph.strength[seeds], where=live, out=np.zeros(len(seeds)))

    def push(self, threshold: float, budget: float) -> bool:
        """Push until no potential is farther from 0 than a threshold; whether that was within the budget."""
        problem, graph, room = self._problem, self._problem.graph, self.room
        self.count, read, pushes, waiting = self._loops.push(
            graph.adjacency.indptr,
            graph.adjacency.indices,
            graph.adjacency.data,
            graph.strength,
            self._gain,
            problem.gained.start,
            problem.damping,
            relaxation_factor(problem.damping),
            threshold,
            budget,
            room.table,
            room.estimate,
            room.waits,
            room.queue,
            room.touched,
            self.count,
        )
        self.read += read
        self.pushes += pushes
        return not waiting

    def collect(self) -> Float64:
        """x̂ + q of the nodes touched, float64 `(t,)`; the arrays are as they were before."""
        scores = np.empty(self.count)
        self._loops.collect(self.touched, self.room.table, self.room.estimate, scores)
        self.count = 0
        return scores


class Pushing:
    """One question.

    Args:
        problem: Its problem.
        gain: Its gain, of the nodes that have one, float64 `(c,)`; empty: ones.
        highest: No gain is above; None: it is looked for.
        take: Gives a room.
        loops: What pushes.
        slack: See `hippo.backends.pagerank.push.PushPageRank`.
    """

    def __init__(
        self,
        problem: Problem,
        gain: Float64,
        highest: float | None,
        take: Callable[[], Room],
        loops: Loops,
        slack: float,
    ) -> None:
        self._problem, self._gain, self._take = problem, gain, take
        self._loops, self._slack = loops, slack
        # Nodes without a gain have 1.
        self._highest = highest or max(float(gain.max(initial=0.0)), 1.0 if len(gain) < problem.graph.n else 0.0)
        self._seeded = _Pushes(problem, gain, take(), loops)
        self._candidate: _Pushes | None = None
        self._better: dict[int, float] = {}

    def solve(self, seeds: Int64, mass: Float64, budget: float) -> LocalRanks | None:
        """Push until the order or the tolerance is reached; None: the budget was spent first.

        Args:
            seeds: int64 `(s,)`.
            mass: c r of these, float64 `(s,)`.
            budget: Entries of the adjacency to read.
        """
        problem, seeded = self._problem, self._seeded
        threshold = float(seeded.plant(seeds, mass).max(initial=0.0)) / self._highest
        # The seeds' potentials are not bounded by the threshold yet.
        bounded = not problem.graph.live[seeds].any()
        while True:
            left, total, count = self._weigh()
            residual, excess, proven = l1_factor(problem.damping) * left, math.inf, False
            if problem.top is not None and bounded:
                excess, proven = self._excess(count, left, total, threshold, problem.top)
            reached = residual <= problem.tolerance
            if excess < 1.0 or reached:
                return self._found(residual, "proven" if proven else "tolerance" if reached else "slack")
            threshold /= min(max(excess, _LEAST_STEP), _GREATEST_STEP)
            bounded = seeded.push(threshold, budget - self._read)
            if not bounded or self._read >= budget or self._stuck(threshold):
                return None

    def cleared(self) -> list[Room]:
        """Its rooms, as they were before."""
        both = [one for one in (self._seeded, self._candidate) if one is not None]
        for one in both:
            one.collect()
        return [one.room for one in both]

    @property
    def _read(self) -> float:
        return self._seeded.read + (self._candidate.read if self._candidate else 0.0)

    def _found(self, residual: float, stopped: str) -> LocalRanks:
        room, nodes = self._seeded.room, self._seeded.touched.copy()
        # Where the tolerance was reached, its bound is of the estimates as they are.
        for node, score in self._better.items() if stopped != "tolerance" else ():
            residual += abs(float(room.table[node, RESIDUE] + room.estimate[node]) - score)
            room.table[node, RESIDUE], room.estimate[node] = 0.0, score
        scores = self._seeded.collect()
        return LocalRanks(nodes, scores, residual, stopped, self._seeded.pushes)

    def _stuck(self, threshold: float) -> bool:
        """Whether nothing can be pushed any more.

        Raises:
            InputError: Because of a gain that was reached.
        """
        if threshold > _LEAST_THRESHOLD:
            return False
        # Neighbours of what was touched may be to blame.
        check_gains(self._gain)
        return True

    def _weigh(self) -> tuple[float, float, int]:
        """|q|₁, Σ q, and the number of candidates touched: they, their scores and volumes go into the room."""
        graph, room, candidates = self._problem.graph, self._seeded.room, self._problem.candidates
        walk = graph.adjacency.indptr, graph.strength, self._highest
        found = candidates.start, candidates.stop, room.nodes, room.scores, room.volumes
        return self._loops.weigh(self._seeded.touched, room.table, room.estimate, *walk, *found)

    def _excess(self, count: int, mass: float, total: float, threshold: float, top: int) -> tuple[float, bool]:
        """How many times too wide the bounds are for the order to be trusted, and whether they prove it."""
        problem, graph, room = self._problem, self._problem.graph, self._seeded.room
        start, stop = problem.candidates.start, problem.candidates.stop
        self._better.clear()
        if count < min(top, stop - start):
            return math.inf, False
        if count < stop - start:
            # One stands for all that have not been touched: score 0, the greatest volume among them.
            order = graph.memo(("descending", start, stop), lambda: _descending(graph, start, stop))
            gained = self._gain, problem.gained.start, self._highest
            other = self._loops.untouched(order, graph.strength, *gained, room.table)
            room.nodes[count], room.scores[count], room.volumes[count] = -1, 0.0, other * self._highest
            count += 1
        bounds = interval(problem.damping, mass, total, -threshold, threshold)
        scores, volumes = room.scores[:count], room.volumes[:count]
        below, above = bounds.below(volumes), bounds.above(volumes)
        # The dearer a proof becomes, the less of it is asked for; with a slack of 1, all of it.
        slack = (self._slack - 1.0) * min(max(1.0, self._read / _PATIENCE), _MOST_PATIENCE)
        trusted = np.full(count, 1.0 + _FROM_ONE_END * slack)
        # Intervals are narrowed before they are compared: of the others, it is not always the same that comes nearest.
        excess = order_excess(scores, below / trusted, above / trusted, top)
        if excess < 1.0:
            return excess, order_excess(scores, below, above, top) < 1.0
        places = contested(scores, below / trusted, above / trusted, top)
        nodes = room.nodes[places]
        places = places[(nodes >= 0) & graph.live[nodes]]
        if not 0 < len(places) * _SPARED <= self._read:
            return excess, False
        apart = (1.0 - self._seeded.count / graph.n) ** _UNREACHED
        scores = scores.copy()
        for place in places.tolist():
            score, width = self._from_candidate(int(room.nodes[place]), threshold)
            if width < min(below[place], above[place]):
                scores[place], below[place], above[place] = score, width, width
                trusted[place] = 1.0 + _FROM_BOTH_ENDS * apart * slack
                self._better[int(room.nodes[place])] = score
        proven = order_excess(scores, below, above, top) < 1.0
        return order_excess(scores, below / trusted, above / trusted, top), proven

    def _from_candidate(self, node: int, threshold: float) -> tuple[float, float]:
        """An estimate of one score from both ends, and how far it may be off: infinite if nothing was pushed."""
        if self._candidate is None:
            self._candidate = _Pushes(self._problem, self._gain, self._take(), self._loops)
        one, seeded, room = self._candidate, self._seeded.room, self._candidate.room
        first = float(one.plant(np.array([node]), np.ones(1))[0])
        one.push(_NEAR * first, _MOST_NEAR)
        met, left = self._loops.meet(one.touched, room.table, room.estimate, one.count, seeded.table)
        # Only what was pushed has its whole strength.
        volume = float(room.table[node, GAIN] * room.table[node, STRENGTH]) if room.estimate[node] else math.inf
        one.collect()
        width = volume * threshold * left / (1.0 - self._problem.damping)
        return float(seeded.estimate[node]) + (volume * met if met else 0.0), width


def check_gains(gain: Float64) -> None:
    """Check some gains.

    Raises:
        InputError: One is not positive or not finite.
    """
    if len(gain) and not (gain.min() > 0 and np.isfinite(gain.max())):
        raise InputError(f"gain must be positive and finite, it spans {gain.min()} to {gain.max()}")


def _descending(graph: Graph, start: int, stop: int) -> Int64:
    order: Int64 = start + np.argsort(-graph.strength[start:stop])
    return order
