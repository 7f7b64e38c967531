"""The inner loops of forward push: plain Python over arrays, compiled by numba where it is installed.

The state of a node is one row of `table` `(n, 4)`, of which two fill a cache line: RESIDUE q, GAIN g (0: not touched
yet), STRENGTH the part of s = Σ w_uv g_v that has been summed so far, CURSOR the entry of the adjacency at which that
sum goes on (it ends at `indptr[u + 1]`). Apart from it is what is seldom asked for: the estimate x̂, and whether a node
is in the queue.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hippo.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hippo.protocols import Float64, Int64

    Integers = NDArray[Any]

__all__ = ["COLUMNS", "CURSOR", "GAIN", "RESIDUE", "STRENGTH", "Loops", "compiled"]

RESIDUE, GAIN, STRENGTH, CURSOR = range(4)
COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops below."""

    push: Callable[..., tuple[int, float, int, int]]
    untouched: Callable[..., float]
    weigh: Callable[..., tuple[float, float, int]]
    meet: Callable[..., tuple[float, float]]
    collect: Callable[..., None]


@functools.cache
def compiled() -> Loops:
    """The loops, compiled.

    The machine code is cached beside this file, or in numba's folder of the user where that cannot be written to.

    Raises:
        MissingExtraError: numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise MissingExtraError("engine 'push'", "numba", "local") from error
    loops = (push, untouched, weigh, meet, collect)
    try:
        return Loops(*(numba.njit(cache=True, nogil=True)(loop) for loop in loops))
    except RuntimeError:
        # No folder can be written to: compile in every process.
        return Loops(*(numba.njit(nogil=True)(loop) for loop in loops))


def push(
    indptr: Integers,
    indices: Integers,
    weights: Float64,
    strength: Float64,
    gain: Float64,
    first_gained: int,
    damping: float,
    omega: float,
    threshold: float,
    budget: float,
    table: Float64,
    estimate: Float64,
    waits: NDArray[np.bool_],
    queue: Int64,
    touched: Int64,
    count: int,
) -> tuple[int, int, int, int]:
    """Push until no potential h_u = q_u / (g_u s_u) is farther from 0 than `threshold`, or the budget is spent.

    Andersen, Chung and Lang, "Local graph partitioning using PageRank vectors" (2006): pushing u adds q_u to its
    estimate and sends d q_u P(u→v) to every neighbour v. Here it is ω q_u, a step of successive over-relaxation at one
    node, as Bai and others have it in "Faster local solvers for graph diffusion equations" (2024): what is left of q_u
    is of the other sign, and fewer pushes are needed. s_u is summed only as far as it takes to see that u need not be
    pushed, so a hub that little activation reached costs little; the edge that activation came by is a part of it that
    costs nothing.

    Args:
        indptr: Of the adjacency, `(n + 1,)`.
        indices: Of the adjacency, `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        strength: Sum of the weights at each node, float64 `(n,)`.
        gain: g of the nodes from `first_gained` on, float64 `(c,)`; of all others it is 1. Empty: all ones, for which s
            is `strength`.
        first_gained: See `gain`.
        damping: d.
        omega: ω, at least 1 and below 2.
        threshold: Greatest absolute potential that may be left.
        budget: Entries of the adjacency that may be read.
        table: State, float64 `(n, 4)`.
        estimate: x̂, float64 `(n,)`.
        waits: Whether nodes are in the queue, bool `(n,)`: none is before and after.
        queue: Scratch, int64 `(n,)`.
        touched: The nodes touched so far, int64 `(n,)`, of which `count` are filled.
        count: Number of touched nodes.

    Returns:
        Number of touched nodes, of entries read, of pushes, and of nodes still above the threshold.
    """
    size = len(queue)
    plain, last_gained = len(gain) == 0, first_gained + len(gain)
    first = 0
    waiting = 0
    work = 0
    pushes = 0
    for i in range(count):
        v = touched[i]
        begin, end = int(table[v, 3]), indptr[v + 1]
        while begin < end and abs(table[v, 0]) > threshold * table[v, 1] * table[v, 2]:
            w = indices[begin]
            g = gain[w - first_gained] if first_gained <= w and w < last_gained else 1.0
            table[v, 2] += weights[begin] * (g if g > 0.0 else math.nan)
            begin += 1
            work += 1
        table[v, 3] = begin
        if abs(table[v, 0]) > threshold * table[v, 1] * table[v, 2]:
            queue[waiting] = v
            waits[v] = True
            waiting += 1
    while waiting > 0 and work < budget:
        u = queue[first]
        first = first + 1 if first + 1 < size else 0
        waiting -= 1
        mass = omega * table[u, 0]
        table[u, 0] -= mass
        waits[u] = False
        estimate[u] += mass
        pushes += 1
        factor = damping * mass / table[u, 2]
        own = table[u, 1]
        work += indptr[u + 1] - indptr[u]
        for entry in range(indptr[u], indptr[u + 1]):
            v = indices[entry]
            if table[v, 1] == 0.0:
                if plain:
                    table[v, 1] = 1.0
                    table[v, 2] = strength[v]
                    table[v, 3] = indptr[v + 1]
                else:
                    # NaN where the gain cannot be used: 0 would say that the node was never touched.
                    g = gain[v - first_gained] if first_gained <= v and v < last_gained else 1.0
                    table[v, 1] = g if g > 0.0 else math.nan
                    table[v, 3] = indptr[v]
                touched[count] = v
                count += 1
            residue = table[v, 0] + factor * weights[entry] * table[v, 1]
            table[v, 0] = residue
            bound = threshold * table[v, 1]
            if abs(residue) > bound * max(table[v, 2], weights[entry] * own) and not waits[v]:
                begin, end = int(table[v, 3]), indptr[v + 1]
                total = table[v, 2]
                while begin < end and abs(residue) > bound * total:
                    w = indices[begin]
                    g = gain[w - first_gained] if first_gained <= w and w < last_gained else 1.0
                    total += weights[begin] * (g if g > 0.0 else math.nan)
                    begin += 1
                    work += 1
                table[v, 2] = total
                table[v, 3] = begin
                if abs(residue) > bound * total:
                    last = first + waiting
                    queue[last if last < size else last - size] = v
                    waits[v] = True
                    waiting += 1
        # What over-relaxation left may itself be too much.
        if not waits[u] and abs(table[u, 0]) > threshold * own * table[u, 2]:
            last = first + waiting
            queue[last if last < size else last - size] = u
            waits[u] = True
            waiting += 1
    for place in range(first, first + waiting):
        waits[queue[place if place < size else place - size]] = False
    return count, work, pushes, waiting


def untouched(
    order: Int64, strength: Float64, gain: Float64, first_gained: int, highest: float, table: Float64
) -> float:
    """Greatest `g_v Σ_u w_uv` of the candidates that have not been touched; -1 if all have been.

    Args:
        order: Candidates by descending strength, int64 `(c,)`.
        strength: Σ_u w_uv, float64 `(n,)`.
        gain: g of the nodes from `first_gained` on, float64 `(c,)`; of all others it is 1.
        first_gained: See `gain`.
        highest: Greatest gain of a candidate: no later one can pass, once `highest * strength` falls below the best.
        table: State, float64 `(n, 4)`.
    """
    best = -1.0
    for v in order:
        if strength[v] * highest <= best:
            break
        if table[v, 1] == 0.0:
            place = v - first_gained
            best = max(best, gain[place] * strength[v] if 0 <= place < len(gain) else strength[v])
    return best


def weigh(
    touched: Int64,
    table: Float64,
    estimate: Float64,
    indptr: Integers,
    strength: Float64,
    highest: float,
    start: int,
    stop: int,
    nodes: Int64,
    scores: Float64,
    volumes: Float64,
) -> tuple[float, float, int]:
    """What bounds on the order need to know of the nodes touched so far.

    Args:
        touched: The nodes, int64 `(t,)`.
        table: State, float64 `(n, 4)`.
        estimate: x̂, float64 `(n,)`.
        indptr: Of the adjacency, `(n + 1,)`.
        strength: Σ_u w_uv, float64 `(n,)`.
        highest: Greatest gain of a node: with `strength` it bounds s where that has not been summed to its end.
        start: First candidate.
        stop: Past the last one.
        nodes: Receives the candidates among them, int64 `(n,)`.
        scores: Receives x̂ + q of these, float64 `(n,)`.
        volumes: Receives D of these, or a bound of it, likewise.

    Returns:
        |q|₁, Σ q, and the number of candidates.
    """
    mass, total, count = 0.0, 0.0, 0
    for v in touched:
        left = table[v, 0]
        mass += abs(left)
        total += left
        if start <= v and v < stop:
            nodes[count] = v
            scores[count] = left + estimate[v]
            volumes[count] = table[v, 1] * (table[v, 2] if table[v, 3] == indptr[v + 1] else strength[v] * highest)
            count += 1
    return mass, total, count


def meet(touched: Int64, table: Float64, estimate: Float64, count: int, other: Float64) -> tuple[float, float]:
    """Where pushes from a candidate meet what pushes from the seeds have left: Σ ẑ_u h_u, and |ρ|₁.

    Args:
        touched: Nodes that pushes from the candidate touched, int64 `(n,)`, of which `count` are filled.
        table: State of these pushes, float64 `(n, 4)`: ρ is what they have left.
        estimate: ẑ, float64 `(n,)`.
        count: Number of touched nodes.
        other: State of the pushes from the seeds, float64 `(n, 4)`: q is what they have left, and h = q / D.
    """
    met, left = 0.0, 0.0
    for i in range(count):
        u = touched[i]
        left += abs(table[u, 0])
        # What was pushed has its whole strength.
        if estimate[u] != 0.0:
            met += estimate[u] * other[u, 0] / (table[u, 1] * table[u, 2])
    return met, left


def collect(touched: Int64, table: Float64, estimate: Float64, scores: Float64) -> None:
    """Hand over x̂ + q, at least 0, and zero what was touched.

    Args:
        touched: The nodes touched, int64 `(t,)`.
        table: State, float64 `(n, 4)`.
        estimate: x̂, float64 `(n,)`.
        scores: Receives them, float64 `(t,)`.
    """
    for i in range(len(touched)):
        v = touched[i]
        scores[i] = max(table[v, 0] + estimate[v], 0.0)
        table[v, 0] = table[v, 1] = table[v, 2] = table[v, 3] = 0.0
        estimate[v] = 0.0
