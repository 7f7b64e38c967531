"""The inner loops of relaxation: plain Python over arrays, compiled by numba where it is installed.

Blocks hold the columns of sixteen questions side by side, so that a neighbour's row of float32 numbers is one cache
line and an entry of the matrix is read once for all of them. The sixteen sums are sixteen variables, which stay in
registers; an array of them would not. Indices are unsigned: for signed ones numba would ask each whether it counts from
the end. Restart vectors are sparse: only the rows that some question seeds have a shift.
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
HALF = 8
"""Half of them."""


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops below; they work on one column, or on `WIDTH` where their name says block."""

    relax_one: Callable[..., None]
    relax_block: Callable[..., None]
    strengths: Callable[..., None]
    measure_one: Callable[..., None]
    measure_block: Callable[..., None]
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
        indptr: Of the adjacency, unsigned `(n + 1,)`.
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float32 or float64 `(nnz,)`, as are all that follow.
        factor: f, `(n, 1)`.
        seeds: Nodes with a shift, int64 `(s,)`, ascending.
        shift: b of these, `(s, 1)`.
        omega: ω, `(1,)`.
        z: The iterate, `(n, 1)`.
    """
    w, zero, first = omega[0], omega[0] - omega[0], 0
    for seed in range(len(seeds) + 1):
        stop = seeds[seed] + 1 if seed < len(seeds) else len(z)
        for u in range(first, stop):
            # In the order of `relax_block`, to the same bits.
            a = zero
            for entry in range(indptr[u], indptr[u + 1]):
                a += weights[entry] * z[indices[entry], 0]
            z[u, 0] += w * (factor[u, 0] * a - z[u, 0])
        if seed < len(seeds):
            z[stop - 1, 0] += w * shift[seed, 0]
        first = stop


def relax_block(
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
    w, zero, first = omega[0], omega[0] - omega[0], 0
    for seed in range(len(seeds) + 1):
        # Seeds end an inner loop: it has to stay as simple as it is to be compiled to instructions of many numbers.
        stop = seeds[seed] + 1 if seed < len(seeds) else len(z)
        for u in range(first, stop):
            a = b = c = d = e = f = g = h = i = j = k = m = n = p = q = r = zero
            for entry in range(indptr[u], indptr[u + 1]):
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
            s, o = factor[u], z[u]
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
        if seed < len(seeds):
            y, t = z[stop - 1], shift[seed]
            for column in range(WIDTH):
                y[column] += w * t[column]
        first = stop


def strengths(
    indices: Unsigned,
    weights: Float64,
    spans: Unsigned,
    plain: Float64,
    gain: Float64,
    first: int,
    damping: float,
    strength: Float64,
    factor: Floats,
) -> None:
    """Strengths s = W g of some columns, and f = d g / s.

    Args:
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        spans: First and past-the-last entry of each node that leads to one with a gain, unsigned `(n, 2)`.
        plain: Sum of the weights of its other entries, float64 `(n,)`.
        gain: g of the nodes from `first` on, float64 `(c, k)`; of all others it is 1.
        first: See `gain`.
        damping: d.
        strength: Receives s, float64 `(n, k)`; 1 for nodes without edges.
        factor: Receives f, float32 or float64 `(n, k)`; 0 for nodes without edges.
    """
    columns, stop = strength.shape[1], first + len(gain)
    for u in range(len(strength)):
        s, f = strength[u], factor[u]
        if columns == 1:
            one = plain[u]
            for entry in range(spans[u, 0], spans[u, 1]):
                one += weights[entry] * gain[np.int64(indices[entry]) - first, 0]
            s[0] = one
        else:
            s[:] = plain[u]
            for entry in range(spans[u, 0], spans[u, 1]):
                w, g = weights[entry], gain[np.int64(indices[entry]) - first]
                for column in range(columns):
                    s[column] += w * g[column]
        if s[0] > 0.0:
            if first <= u and u < stop:
                g = gain[u - first]
                for column in range(columns):
                    f[column] = damping * g[column] / s[column]
            else:
                for column in range(columns):
                    f[column] = damping / s[column]
        else:
            s[:] = 1.0
            f[:] = 0.0


def measure_one(
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
    """`measure_block` for one column, to the same bits of scores."""
    stop, end = first + len(gain), start + len(scores)
    least, most, absolute, total, following = math.inf, -math.inf, 0.0, 0.0, 0
    for u in range(len(z)):
        swept = 0.0
        for entry in range(indptr[u], indptr[u + 1]):
            swept += weights[entry] * z[indices[entry], 0]
        s, volume, factor = strength[u, 0], strength[u, 0], damping if live[u] else 0.0
        if first <= u and u < stop:
            swept *= gain[u - first, 0]
            volume *= gain[u - first, 0]
        swept *= factor
        if following < len(seeds) and u == seeds[following]:
            swept += s * shift[following, 0]
            following += 1
        if start <= u and u < end:
            scores[u - start, 0] = max(0.0, swept)
        mass = swept - s * z[u, 0]
        # Of many nodes, few have a potential that has to be divided.
        if mass < least * volume:
            least = mass / volume
        if mass > most * volume:
            most = mass / volume
        absolute += abs(mass)
        total += mass
    found[0, 0], found[1, 0], found[2, 0], found[3, 0] = least, most, absolute, total


def measure_block(
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
    """One plain sweep of `WIDTH` columns in float64, and its residual q.

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
    stop, end = first + len(gain), start + len(scores)
    # Half of a block at a time: so many float64 numbers stay in registers, and all loops have a fixed length.
    row, least, most, absolute, total = np.empty((5, HALF))
    for base in range(0, WIDTH, HALF):
        least[:], most[:], absolute[:], total[:] = math.inf, -math.inf, 0.0, 0.0
        following = 0
        for u in range(len(z)):
            a = b = c = d = e = f = g = h = 0.0
            for entry in range(indptr[u], indptr[u + 1]):
                w, y = weights[entry], z[indices[entry]]
                a += w * y[base]
                b += w * y[base + 1]
                c += w * y[base + 2]
                d += w * y[base + 3]
                e += w * y[base + 4]
                f += w * y[base + 5]
                g += w * y[base + 6]
                h += w * y[base + 7]
            row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = a, b, c, d, e, f, g, h
            factor = damping if live[u] else 0.0
            own = first <= u and u < stop
            if own:
                for i in range(HALF):
                    row[i] *= gain[u - first, base + i]
            for i in range(HALF):
                row[i] *= factor
            if following < len(seeds) and u == seeds[following]:
                for i in range(HALF):
                    row[i] += strength[u, base + i] * shift[following, base + i]
                following += 1
            if start <= u and u < end:
                for i in range(HALF):
                    scores[u - start, base + i] = max(0.0, row[i])
            for i in range(HALF):
                row[i] -= strength[u, base + i] * z[u, base + i]
                absolute[i] += abs(row[i])
                total[i] += row[i]
            if own:
                for i in range(HALF):
                    row[i] /= gain[u - first, base + i]
            for i in range(HALF):
                row[i] /= strength[u, base + i]
                least[i] = min(least[i], row[i])
                most[i] = max(most[i], row[i])
        for i in range(HALF):
            found[0, base + i], found[1, base + i] = least[i], most[i]
            found[2, base + i], found[3, base + i] = absolute[i], total[i]


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


_LOOPS = (relax_one, relax_block, strengths, measure_one, measure_block, excess)
