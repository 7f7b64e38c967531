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
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.problem import Graph, Problem, outcomes
from hippo.backends.pagerank.relaxation_kernel import WIDTH, Loops
from hippo.backends.pagerank.stopping import head_excess, interval, l1_factor
from hippo.backends.pagerank.sweep import relaxation_factor, sweeps_to
from hippo.protocols import PageRankResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64, Int64

__all__ = ["relax"]

# How much faster than Chebyshev's semi-iteration, as measured on graphs of indexes; the theory says 2.
_FASTER = 1.7
# The order of the best k is mostly proven once the error has shrunk k^1.5 times so often: a look takes as long as three
# sweeps, and for one column of a block as long as for all.
_TO_ORDER = 1e4
# Bounds shrink faster than the error at first.
_EARLY = 0.7
_SINGLE = 3e6
"""By how much the error may have shrunk before float32 would keep it from shrinking."""
_LEAST_BLOCK = 5
"""Columns from which sweeping a whole block is cheaper than one by one."""
_MOST_ORDERED = 20_000_000
"""Entries of a graph up to which a copy in the order of the sweep is made: 16 bytes each."""
_MOST_KEPT = 4_000_000
"""Numbers in an array of all rooms of a width up to which they are kept: 64 MB with the others."""
_MOST_HEAD = 256
"""Up to here, keeping the best in order by insertion is fast."""


def relax(problem: Problem, loops: Loops, max_iterations: int, threads: int) -> PageRankResult:
    """Solve a problem.

    Args:
        problem: The problem.
        loops: What sweeps.
        max_iterations: Most sweeps.
        threads: Blocks of columns swept at the same time.
    """
    _, m = problem.shape
    first, stop = problem.wanted.start, problem.wanted.stop
    scores, residual = np.empty((stop - first, m), order="F"), np.empty(m)
    certified, iterations = np.zeros(m, dtype=bool), np.empty(m, dtype=np.int64)
    matrix = _Matrix.of(problem.graph, problem.candidates)
    order = slice(None) if matrix.order is None else matrix.order[problem.wanted] - first
    # Few columns are swept one by one: a whole block takes as long as some of them.
    width = WIDTH if m >= _LEAST_BLOCK else 1

    def run(start: int) -> None:
        with _Room.lent(problem.graph, width) as room:
            block = _Block(problem, slice(start, min(start + width, m)), room, loops, matrix)
            for j, found, swept, bound, proven in block.solve(max_iterations):
                column = start + j
                scores[order, column] = found[first - block.start : stop - block.start]
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
    """The adjacency as it is swept.

    Nodes with few entries come before those with more, the candidates staying together. So the processor foresees where
    a row ends, and finds what is asked for most in one place.

    Attributes:
        order: Which node each row is of, int64 `(n,)`; None: the n-th, where a copy would be a burden.
        places: Which row each node has, int64 `(n,)`; None likewise.
        indptr: Unsigned `(n + 1,)`.
        indices: Unsigned `(nnz,)`.
        weights: float64 `(nnz,)`.
        singles: The same in float32.
        live: Whether a node has edges, bool `(n,)`.
        gained: Of a range of nodes, which entries of each row lead there, and the sum of the weights of the others.
    """

    order: Int64 | None
    places: Int64 | None
    indptr: NDArray[Any]
    indices: NDArray[Any]
    weights: Float64
    singles: NDArray[np.float32]
    live: NDArray[np.bool_]
    gained: dict[tuple[int, int], tuple[NDArray[Any], Float64]]

    @classmethod
    def of(cls, graph: Graph, candidates: slice) -> _Matrix:
        """That of a graph, made once for the same candidates."""
        many = graph.nnz > _MOST_ORDERED
        key = ("swept",) if many else ("swept", candidates.start, candidates.stop)
        made: _Matrix = graph.memo(key, lambda: cls._made(graph, None if many else _ordered(graph, candidates)))
        return made

    @classmethod
    def _made(cls, graph: Graph, order: Int64 | None) -> _Matrix:
        matrix = graph.adjacency
        if order is not None:
            matrix = matrix[order][:, order]
            matrix.sort_indices()
        kind = np.uint32 if graph.nnz < np.iinfo(np.uint32).max else np.uint64
        # Those of the same size are shared.
        indptr, indices = (
            part.view(kind) if part.itemsize == np.dtype(kind).itemsize else part.astype(kind)
            for part in (matrix.indptr, matrix.indices)
        )
        live, places = graph.live, None
        if order is not None:
            live, places = live[order], np.empty(graph.n, np.int64)
            places[order] = np.arange(graph.n)
        return cls(order, places, indptr, indices, matrix.data, matrix.data.astype(np.float32), live, {})

    def apart(self, gained: slice) -> tuple[NDArray[Any], Float64]:
        """Which entries of each row lead to some nodes, unsigned `(n, 2)`, and the sum of the weights of the others."""
        key = gained.start, gained.stop
        if key not in self.gained:
            spans = np.empty((len(self.live), 2), self.indptr.dtype)
            others = np.ones(len(self.indices), bool)
            for side, limit in enumerate(key):
                below = np.append(0, np.cumsum(self.indices < limit))
                spans[:, side] = self.indptr[:-1] + (below[self.indptr[1:]] - below[self.indptr[:-1]])
            others[(self.indices >= key[0]) & (self.indices < key[1])] = False
            rows = np.repeat(np.arange(len(self.live)), np.diff(self.indptr).astype(np.int64))
            plain = np.bincount(rows[others], self.weights[others], minlength=len(self.live))
            self.gained[key] = spans, np.asarray(plain, np.float64)
        return self.gained[key]


def _ordered(graph: Graph, candidates: slice) -> Int64:
    """Nodes by number of entries: those before the candidates, these, those after them."""
    sizes = np.diff(graph.adjacency.indptr)
    parts = (slice(0, candidates.start), candidates, slice(candidates.stop, graph.n))
    return np.concatenate([part.start + np.argsort(sizes[part], kind="stable") for part in parts])


class _Room:
    """Arrays of all nodes for some columns. They are used again: to get them anew takes as long as some sweeps.

    Args:
        n: Number of nodes.
        width: Number of columns.
    """

    def __init__(self, n: int, width: int) -> None:
        self.strength, self.factor = np.empty((n, width)), np.empty((n, width), np.float32)
        self.z = np.empty((n, width), np.float32)

    @classmethod
    @contextmanager
    def lent(cls, graph: Graph, width: int) -> Iterator[_Room]:
        """A room that nobody else has meanwhile."""
        free: list[_Room] = graph.memo(("rooms", width), list)
        try:
            room = free.pop()
        except IndexError:
            room = cls(graph.n, width)
        yield room
        # After an error it is let go of, as are large ones, or many: they would take more memory than they save time.
        if (len(free) + 1) * graph.n * width <= _MOST_KEPT:
            free.append(room)


class _Block:
    """Columns that are swept together, filled up to a whole block. All look for an end at the same sweeps.

    They are swept in float32, which is as good until the residual comes near its rounding, and then in float64.
    Strengths, and the sweep that is measured and handed over, are float64 throughout: what is proven is proven. When
    few columns are left, they go on one by one.
    """

    def __init__(self, problem: Problem, columns: slice, room: _Room, loops: Loops, matrix: _Matrix) -> None:
        used, width = columns.stop - columns.start, room.z.shape[1]
        self._problem, self._columns, self._used = problem, columns, used
        self._width, self._loops, self._matrix = width, loops, matrix
        self._pattern = matrix.indptr, matrix.indices
        self._first = problem.gained.start
        self._gain = np.ones((0 if problem.gain is None else len(problem.gain), width))
        if problem.gain is not None:
            gain = problem.gain[:, columns] if problem.gain.shape[1] > 1 else problem.gain
            whose = slice(None) if matrix.order is None else matrix.order[problem.gained] - self._first
            self._gain[:, :used] = gain[whose]
        self.start = min(problem.wanted.start, problem.candidates.start)
        """First node of `scores`."""
        self.scores = np.empty((max(problem.wanted.stop, problem.candidates.stop) - self.start, width))
        """Of the last sweep that was measured, float64 `(w, width)`."""
        self._strength = room.strength
        self._factor: NDArray[Any] = room.factor
        self._find_strengths()
        self._plant(columns)
        self._z: NDArray[Any] = room.z
        self._z.fill(0.0)
        self._z[self._seeds] = self._shift
        # Of more candidates, some are nearer to each other.
        goal = 1.0 / problem.tolerance if problem.top is None else _TO_ORDER * problem.top**1.5
        first = math.ceil(sweeps_to(goal, problem.damping) / _FASTER)
        # Looks are on a grid, so that several columns share one; when a column is looked at depends on it alone.
        self._stride = max(1, first // 6)
        self._due, self._swept = dict.fromkeys(range(used), first), 0

    def _find_strengths(self) -> None:
        matrix, gained = self._matrix, slice(self._first, self._first + len(self._gain))
        given = matrix.indices, matrix.weights, *matrix.apart(gained), self._gain, self._first
        damping = np.full(1, self._problem.damping, np.float32)
        self._loops.strengths(*given, damping, self._strength, self._factor)

    def _plant(self, columns: slice) -> None:
        """Find the nodes that any column seeds, and their b = c r / s."""
        problem, planted, places = self._problem, self._problem.planted, self._matrix.places
        n, width = self._strength.shape
        part = slice(planted.indptr[columns.start], planted.indptr[columns.stop])
        owners = np.repeat(np.arange(self._used), np.diff(planted.indptr[columns.start : columns.stop + 1]))
        nodes = planted.nodes[part]
        if places is not None:
            nodes = places[nodes]
        marked = np.zeros(n, bool)
        marked[nodes] = True
        self._seeds = np.flatnonzero(marked)
        rows = np.empty(n, np.int64)
        rows[self._seeds] = np.arange(len(self._seeds))
        self._shift = np.zeros((len(self._seeds), width))
        masses = planted.weights[part] * problem.scale[columns][owners]
        self._shift[rows[nodes], owners] = masses / self._strength[nodes, owners]

    def solve(self, max_iterations: int) -> Iterator[tuple[int, Float64, int, float, bool]]:
        """Columns as they are done.

        Yields:
            Place in the block, scores from `start` on, sweeps, bound of the L1 error, whether certified.
        """
        problem, due = self._problem, self._due
        while due:
            if self._width > 1 and len(due) < _LEAST_BLOCK:
                with _Room.lent(problem.graph, 1) as room:
                    for j in due:
                        for _, scores, swept, bound, proven in self._alone(j, room).solve(max_iterations):
                            yield j, scores, swept, bound, proven
                return
            self._sweep_to(min(*due.values(), max_iterations - 1))
            last = self._swept >= max_iterations - 1
            found = self._measured()
            for j in [j for j, at in due.items() if last or at <= self._swept]:
                bound, excess = self._outcome(j, found[:, j])
                proven = excess < 1.0
                if proven or bound <= problem.tolerance or last:
                    del due[j]
                    yield j, self.scores[:, j], self._swept + 1, bound, proven
                else:
                    wait = sweeps_to(min(excess, bound / problem.tolerance), problem.damping) / _FASTER
                    due[j] += self._stride * max(1, round(_EARLY * wait / self._stride))

    def _alone(self, j: int, room: _Room) -> _Block:
        """One of the columns, from where it is."""
        column = self._columns.start + j
        one = _Block(self._problem, slice(column, column + 1), room, self._loops, self._matrix)
        one._z, one._due, one._swept = self._z[:, j : j + 1].copy(), {0: self._due[j]}, self._swept
        return one

    def _sweep_to(self, swept: int) -> None:
        """Sweep until there were so many sweeps."""
        single = math.floor(sweeps_to(_SINGLE, self._problem.damping) / _FASTER)
        if self._swept < single:
            self._sweep(min(swept, single) - self._swept)
        if swept > single:
            self._z = self._z.astype(np.float64, copy=False)
            self._sweep(swept - max(self._swept, single))
        self._swept = swept

    def _sweep(self, times: int) -> None:
        kind = self._z.dtype
        if self._factor.dtype != kind:
            # As `strengths` does it in float32.
            self._factor = self._problem.damping / self._strength
            self._factor[self._first : self._first + len(self._gain)] *= self._gain
            self._factor[~self._matrix.live] = 0.0
        weights = self._matrix.singles if kind == np.float32 else self._matrix.weights
        factor, shift, z = self._columns_of(self._factor, self._shift, self._z)
        omega = np.full(1, relaxation_factor(self._problem.damping), kind)
        sweep = self._loops.relax_one if self._width == 1 else self._loops.relax_block
        # All of them in one call: between two, other threads would take the interpreter away.
        sweep(*self._pattern, weights, factor, self._seeds, shift, omega, z, times)

    def _measured(self) -> Float64:
        """A plain sweep, whose scores are kept; returned are, by column, extremes of potentials, |q|₁ and Σ q."""
        found = np.empty((4, self._width))
        given = self._gain, self._strength, self._shift, self._z, self.scores, found
        gain, strength, shift, z, scores, told = self._columns_of(*given)
        walk = gain, self._first, self._problem.damping, strength, self._matrix.live
        measure = self._loops.measure_one if self._width == 1 else self._loops.measure_block
        measure(*self._pattern, self._matrix.weights, *walk, self._seeds, shift, z, self.start, scores, told)
        return found

    def _columns_of(self, *arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Arrays as the loops take them: of one column, vectors."""
        return arrays if self._width > 1 else tuple(array.reshape(-1) for array in arrays)

    def _outcome(self, j: int, found: Float64) -> tuple[float, float]:
        """Bound of the L1 error of a column, and how many times too wide the bounds are to prove what was asked for."""
        problem = self._problem
        least, greatest, mass, total = map(float, found)
        bound = l1_factor(problem.damping) * mass
        if problem.top is None:
            return bound, bound / problem.tolerance
        bounds = interval(problem.damping, mass, total, least, greatest)
        chosen = problem.candidates
        scores = self.scores[chosen.start - self.start : chosen.stop - self.start]
        head = np.empty(min(problem.top, len(scores)), np.int64)
        if not len(head):
            return bound, 0.0
        if len(head) <= _MOST_HEAD:
            widths = np.array([bounds.down, bounds.up, bounds.most_down, bounds.most_up])
            nodes = self._strength, self._gain, self._first, chosen.start
            return bound, self._loops.excess(scores, *nodes, j, widths, head)
        gain = np.ones(problem.graph.n)
        gain[self._first : self._first + len(self._gain)] = self._gain[:, j]
        return bound, head_excess(scores[:, j], self._strength[chosen, j] * gain[chosen], bounds, problem.top)
