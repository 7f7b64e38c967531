"""The inner loops of forward push: plain Python over arrays, compiled by numba where it is installed.

The state of a node is one row of `table` `(n, 4)`, so that touching a node costs one cache line: RESIDUE q, GAIN g (0:
not touched yet), STRENGTH the part of s = Σ w_uv g_v that has been summed so far, ESTIMATE x̂. `cursor[u]` is the entry
of the adjacency at which the sum of s_u goes on; it ends at `indptr[u + 1]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hippo.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64, Int64

    Integers = NDArray[Any]

__all__ = ["ESTIMATE", "GAIN", "RESIDUE", "STRENGTH", "compiled", "push", "untouched_volume"]

RESIDUE, GAIN, STRENGTH, ESTIMATE = 0, 1, 2, 3


@functools.cache
def compiled() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`push` and `untouched_volume`, compiled.

    The machine code is cached beside this file, or in numba's folder of the user where that cannot be written to.

    Raises:
        MissingExtraError: numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise MissingExtraError("engine 'push'", "numba", "local") from error
    try:
        push_, untouched_ = (numba.njit(cache=True, nogil=True)(loop) for loop in (push, untouched_volume))
    except RuntimeError:
        # No folder can be written to: compile in every process.
        push_, untouched_ = (numba.njit(nogil=True)(loop) for loop in (push, untouched_volume))
    return push_, untouched_


def push(
    indptr: Integers,
    indices: Integers,
    weights: Float64,
    gain: Float64,
    damping: float,
    threshold: float,
    budget: int,
    table: Float64,
    cursor: Integers,
    queued: NDArray[Any],
    queue: Int64,
    touched: Int64,
    count: int,
) -> tuple[int, int, int, int]:
    """Push until no potential h_u = q_u / (g_u s_u) exceeds `threshold`, or the budget is spent.

    Andersen, Chung and Lang, "Local graph partitioning using PageRank vectors" (2006): pushing u adds q_u to its
    estimate and sends d q_u P(u→v) to every neighbour v. s_u is summed only as far as it takes to see that u need not
    be pushed, so a hub that little activation reached costs little.

    Args:
        indptr: Of the adjacency, `(n + 1,)`.
        indices: Of the adjacency, `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        gain: g, float64 `(n,)`.
        damping: d.
        threshold: Greatest potential that may be left.
        budget: Entries of the adjacency that may be read.
        table: State, float64 `(n, 4)`.
        cursor: State, `(n,)`.
        queued: Whether a node waits in the queue, uint8 `(n,)`; all 0 before and after, unless the budget was spent.
        queue: Scratch, int64 `(n,)`.
        touched: The nodes touched so far, int64 `(n,)`, of which `count` are filled.
        count: Number of touched nodes.

    Returns:
        Number of touched nodes, of entries read, of pushes, and of nodes still above the threshold.
    """
    size = len(queue)
    first = 0
    waiting = 0
    work = 0
    pushes = 0
    for i in range(count):
        v = touched[i]
        while cursor[v] < indptr[v + 1] and table[v, 0] > threshold * table[v, 1] * table[v, 2]:
            table[v, 2] += weights[cursor[v]] * gain[indices[cursor[v]]]
            cursor[v] += 1
            work += 1
        if table[v, 0] > threshold * table[v, 1] * table[v, 2]:
            queue[waiting] = v
            queued[v] = 1
            waiting += 1
    while waiting > 0 and work < budget:
        u = queue[first]
        first = first + 1 if first + 1 < size else 0
        waiting -= 1
        queued[u] = 0
        mass = table[u, 0]
        table[u, 0] = 0.0
        table[u, 3] += mass
        pushes += 1
        factor = damping * mass / table[u, 2]
        begin = indptr[u]
        end = indptr[u + 1]
        work += end - begin
        for entry in range(begin, end):
            v = indices[entry]
            if table[v, 1] == 0.0:
                table[v, 1] = gain[v]
                cursor[v] = indptr[v]
                touched[count] = v
                count += 1
            residue = table[v, 0] + factor * weights[entry] * table[v, 1]
            table[v, 0] = residue
            if queued[v] == 0:
                bound = threshold * table[v, 1]
                while cursor[v] < indptr[v + 1] and residue > bound * table[v, 2]:
                    table[v, 2] += weights[cursor[v]] * gain[indices[cursor[v]]]
                    cursor[v] += 1
                    work += 1
                if residue > bound * table[v, 2]:
                    last = first + waiting
                    queue[last if last < size else last - size] = v
                    queued[v] = 1
                    waiting += 1
    return count, work, pushes, waiting


def untouched_volume(order: Int64, strength: Float64, gain: Float64, highest: float, table: Float64) -> float:
    """Greatest `g_v Σ_u w_uv` of the candidates that have not been touched; -1 if all have been.

    Args:
        order: Candidates by descending strength, int64 `(c,)`.
        strength: Σ_u w_uv, float64 `(n,)`.
        gain: g, float64 `(n,)`.
        highest: Greatest gain of a candidate: no later one can pass, once `highest * strength` falls below the best.
        table: State, float64 `(n, 4)`.
    """
    best = -1.0
    for v in order:
        if strength[v] * highest <= best:
            break
        if table[v, 1] == 0.0:
            best = max(best, gain[v] * strength[v])
    return best
