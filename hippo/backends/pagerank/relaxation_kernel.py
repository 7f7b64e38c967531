"""The inner loops of relaxation: plain Python over arrays, compiled by numba where it is installed.

Blocks hold the columns of sixteen questions side by side, so that a neighbour's row of float32 numbers is one cache
line and an entry of the matrix is read once for all of them. The sixteen sums are sixteen variables, which stay in
registers; an array of them would not. Indices are unsigned: for signed ones numba would ask each whether it counts from
the end. Rows are swept in the order of their numbers of entries, so that the processor foresees where each ends.
Restart vectors are sparse: only the rows that some question seeds have a shift.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.stopping import ROUNDING
from hippo.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64, Int64

    Unsigned = NDArray[Any]
    Floats = NDArray[Any]

__all__ = ["WIDTH", "Loops", "compiled", "interpreted"]

WIDTH = 16
"""Columns of a block."""


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops below; they work on one column, or on `WIDTH` where their name says block."""

    relax_one: Callable[..., None]
    relax_block: Callable[..., None]
    strengths: Callable[..., None]
    measure: Callable[..., None]
    excess: Callable[..., float]


@functools.cache
def compiled() -> Loops:
    """The loops, compiled when they are first called; the machine code is cached as that of push is.

    Raises:
        MissingExtraError: numba is not installed.
    """
    try:
        import numba
    except ImportError as error:
        raise MissingExtraError("compiled relaxation", "numba", "local") from error
    from numba.core import config

    # Off by default; it is what makes one instruction of eight equal ones. Others of the process do not notice.
    config.SLP_VECTORIZE = 1
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        loops = [numba.njit(cache=True, **options)(loop) for loop in _LOOPS]
    except RuntimeError:
        # No folder can be written to: compile in every process.
        loops = [numba.njit(**options)(loop) for loop in _LOOPS]
    return Loops(*loops)


def interpreted() -> Loops:
    """The loops as they are: slow, for comparison."""
    return Loops(*_LOOPS)


def relax_one(
    rows: Unsigned,
    indptr: Unsigned,
    indices: Unsigned,
    weights: Floats,
    factor: Floats,
    seeds: Int64,
    shift: Floats,
    omega: Floats,
    z: Floats,
) -> None:
    """One sweep of successive over-relaxation, node by node in place: z_u += ω (f_u Σ_v w_uv z_v + b_u - z_u).

    Args:
        rows: Nodes in the order in which they are swept, unsigned `(n,)`.
        indptr: Of the adjacency with its rows in that order, unsigned `(n + 1,)`.
        indices: Of the same, unsigned `(nnz,)`.
        weights: Of the same, float32 or float64 `(nnz,)`, as are all that follow.
        factor: f in that order, `(n, 1)`.
        seeds: Places in that order that have a shift, int64 `(s,)`, ascending.
        shift: b of these, `(s, 1)`.
        omega: ω, `(1,)`.
        z: The iterate, by node, `(n, 1)`.
    """
    following, w, zero = 0, omega[0], omega[0] - omega[0]
    for place in range(len(rows)):
        u = rows[place]
        # In the order of `relax_block`, to the same bits.
        a = zero
        for entry in range(indptr[place], indptr[place + 1]):
            a += weights[entry] * z[indices[entry], 0]
        z[u, 0] += w * (factor[place, 0] * a - z[u, 0])
        if following < len(seeds) and place == seeds[following]:
            z[u, 0] += w * shift[following, 0]
            following += 1


def relax_block(
    rows: Unsigned,
    indptr: Unsigned,
    indices: Unsigned,
    weights: Floats,
    factor: Floats,
    seeds: Int64,
    shift: Floats,
    omega: Floats,
    z: Floats,
) -> None:
    """`relax_one` for `WIDTH` columns."""
    following, w, zero = 0, omega[0], omega[0] - omega[0]
    for place in range(len(rows)):
        a = b = c = d = e = f = g = h = i = j = k = m = n = p = q = r = zero
        for entry in range(indptr[place], indptr[place + 1]):
            x, y = weights[entry], z[indices[entry]]
            a += x * y[0]
            b += x * y[1]
            c += x * y[2]
            d += x * y[3]
            e += x * y[4]
            f += x * y[5]
            g += x * y[6]
            h += x * y[7]
            i += x * y[8]
            j += x * y[9]
            k += x * y[10]
            m += x * y[11]
            n += x * y[12]
            p += x * y[13]
            q += x * y[14]
            r += x * y[15]
        s, o = factor[place], z[rows[place]]
        # All are computed before one is written, or else no two of them could be at once.
        a = o[0] + w * (s[0] * a - o[0])
        b = o[1] + w * (s[1] * b - o[1])
        c = o[2] + w * (s[2] * c - o[2])
        d = o[3] + w * (s[3] * d - o[3])
        e = o[4] + w * (s[4] * e - o[4])
        f = o[5] + w * (s[5] * f - o[5])
        g = o[6] + w * (s[6] * g - o[6])
        h = o[7] + w * (s[7] * h - o[7])
        i = o[8] + w * (s[8] * i - o[8])
        j = o[9] + w * (s[9] * j - o[9])
        k = o[10] + w * (s[10] * k - o[10])
        m = o[11] + w * (s[11] * m - o[11])
        n = o[12] + w * (s[12] * n - o[12])
        p = o[13] + w * (s[13] * p - o[13])
        q = o[14] + w * (s[14] * q - o[14])
        r = o[15] + w * (s[15] * r - o[15])
        o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7] = a, b, c, d, e, f, g, h
        o[8], o[9], o[10], o[11], o[12], o[13], o[14], o[15] = i, j, k, m, n, p, q, r
        if following < len(seeds) and place == seeds[following]:
            t = shift[following]
            for column in range(WIDTH):
                o[column] += w * t[column]
            following += 1


def strengths(
    indptr: Unsigned,
    indices: Unsigned,
    weights: Float64,
    places: Unsigned,
    gain: Float64,
    first: int,
    damping: float,
    strength: Float64,
    factor: Floats,
) -> None:
    """S = W g of some columns, and f = d g / s.

    Args:
        indptr: Of the adjacency, unsigned `(n + 1,)`.
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        places: Where a node stands in the order of the sweep, unsigned `(n,)`.
        gain: g of the nodes from `first` on, float64 `(c, k)`; of all others it is 1.
        first: See `gain`.
        damping: d.
        strength: Receives s, float64 `(n, k)`; 1 for nodes without edges.
        factor: Receives f in the order of the sweep, float32 or float64 `(n, k)`; 0 for nodes without edges.
    """
    columns, stop = strength.shape[1], first + len(gain)
    for u in range(len(strength)):
        s, plain, one = strength[u], 0.0, 0.0
        s[:] = 0.0
        for entry in range(indptr[u], indptr[u + 1]):
            v = np.int64(indices[entry])
            if v < first or v >= stop:
                plain += weights[entry]
            elif columns == 1:
                one += weights[entry] * gain[v - first, 0]
            else:
                g = gain[v - first]
                for column in range(columns):
                    s[column] += weights[entry] * g[column]
        if columns == 1:
            s[0] = one
        own, f = first <= u and u < stop, factor[places[u]]
        for column in range(columns):
            s[column] += plain
            if s[column] > 0.0:
                f[column] = damping * (gain[u - first, column] if own else 1.0) / s[column]
            else:
                s[column] = 1.0
                f[column] = 0.0


def measure(
    indptr: Unsigned,
    indices: Unsigned,
    weights: Float64,
    gain: Float64,
    first: int,
    damping: float,
    strength: Float64,
    live: NDArray[np.bool_],
    seeds: Int64,
    shift: Float64,
    z: Floats,
    start: int,
    scores: Float64,
    found: Float64,
) -> None:
    """One plain sweep of some columns in float64, and its residual q.

    Args:
        indptr: Of the adjacency, unsigned `(n + 1,)`.
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        gain: g of the nodes from `first` on, float64 `(c, k)`; of all others it is 1.
        first: See `gain`.
        damping: d.
        strength: s, float64 `(n, k)`.
        live: Whether a node has edges, bool `(n,)`.
        seeds: Nodes with a shift, int64 `(s,)`, ascending.
        shift: b of these, float64 `(s, k)`.
        z: The iterate, float32 or float64 `(n, k)`.
        start: First node whose scores are wanted.
        scores: Receives x = d g ⊙ W z + s ⊙ b of the nodes from `start` on, float64 `(w, k)`.
        found: Receives for each column the least and the greatest potential, |q|₁ and Σ q, float64 `(4, k)`.
    """
    columns, stop, end = z.shape[1], first + len(gain), start + len(scores)
    for column in range(columns):
        found[0, column], found[1, column], found[2, column], found[3, column] = math.inf, -math.inf, 0.0, 0.0
    row = np.zeros(columns)
    following = 0
    for u in range(len(z)):
        if columns == 1:
            one = 0.0
            for entry in range(indptr[u], indptr[u + 1]):
                one += weights[entry] * z[indices[entry], 0]
            row[0] = one
        else:
            row[:] = 0.0
            for entry in range(indptr[u], indptr[u + 1]):
                y = z[indices[entry]]
                for column in range(columns):
                    row[column] += weights[entry] * y[column]
        own = first <= u and u < stop
        seeded = following < len(seeds) and u == seeds[following]
        for column in range(columns):
            g = gain[u - first, column] if own else 1.0
            s = strength[u, column]
            swept = damping * g * row[column] if live[u] else 0.0
            if seeded:
                swept += s * shift[following, column]
            mass = swept - s * z[u, column]
            potential = mass / (s * g)
            found[0, column] = min(found[0, column], potential)
            found[1, column] = max(found[1, column], potential)
            found[2, column] += abs(mass)
            found[3, column] += mass
            if start <= u and u < end:
                scores[u - start, column] = max(0.0, swept)
        if seeded:
            following += 1


def excess(
    scores: Float64,
    strength: Float64,
    gain: Float64,
    first: int,
    start: int,
    column: int,
    bounds: Float64,
    head: Int64,
) -> float:
    """How many times too wide the bounds of a column are to prove the order of its best candidates.

    See `hippo.backends.pagerank.stopping.head_excess`.

    Args:
        scores: Estimates of the candidates, float64 `(c, k)`.
        strength: s of all nodes, float64 `(n, k)`.
        gain: g of the nodes from `first` on, float64 `(g, k)`; of all others it is 1.
        first: See `gain`.
        start: The first candidate.
        column: The column.
        bounds: What an `Interval` holds: down, up, most_down, most_up.
        head: As long as there are best ones, at most c; scratch, int64.

    Returns:
        The ratio, infinite where two estimates are equal.
    """
    count, stop = len(head), first + len(gain)
    for i in range(len(scores)):
        if i < count or scores[i, column] > scores[head[count - 1], column]:
            place = min(i, count - 1)
            while place > 0 and scores[i, column] > scores[head[place - 1], column]:
                head[place] = head[place - 1]
                place -= 1
            head[place] = i
    least = scores[head[count - 1], column]
    rest, rest_above = -math.inf, 0.0
    for i in range(len(scores)):
        score = scores[i, column]
        # Of those as good as the last of the head, the first ones are in it.
        if score > least or (score == least and i <= head[count - 1]):
            continue
        u = start + i
        volume = strength[u, column] * (gain[u - first, column] if first <= u and u < stop else 1.0)
        above = min(volume * bounds[1], bounds[3])
        if score + above > rest + rest_above:
            rest, rest_above = score, above
    worst = 0.0
    above_next, next_score = rest_above, rest
    for place in range(count - 1, -1, -1):
        i = head[place]
        u, score = start + i, scores[i, column]
        volume = strength[u, column] * (gain[u - first, column] if first <= u and u < stop else 1.0)
        gap = score - next_score
        if gap <= 0.0:
            return math.inf
        width = min(volume * bounds[0], bounds[2]) + above_next + ROUNDING * score
        worst = max(worst, width / gap)
        above_next, next_score = min(volume * bounds[1], bounds[3]), score
    return worst


_LOOPS = (relax_one, relax_block, strengths, measure, excess)
