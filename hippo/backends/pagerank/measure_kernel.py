"""The inner loops around relaxation: strengths before it, the sweep that is measured, and how far it is from a proof.

Plain Python over arrays of one column, or of `WIDTH` where the name says block; see
`hippo.backends.pagerank.relaxation_kernel`, which compiles them. All of it is float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.stopping import ROUNDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64, Int64

    Unsigned = NDArray[Any]
    Floats = NDArray[Any]

__all__ = ["WIDTH", "excess", "measure_block", "measure_one", "strengths"]

WIDTH = 16
"""Columns of a block: each entry of the matrix is read once for all of them, while their rows still fit the caches."""


def strengths(
    indices: Unsigned,
    weights: Float64,
    spans: Unsigned,
    plain: Float64,
    gain: Float64,
    first: int,
    damping: NDArray[np.float32],
    strength: Float64,
    factor: NDArray[np.float32],
) -> None:
    """Strengths s = W g of some columns, and f = d g / s.

    Args:
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        spans: First and past-the-last entry of each node that leads to one with a gain, unsigned `(n, 2)`.
        plain: Sum of the weights of its other entries, float64 `(n,)`.
        gain: g of the nodes from `first` on, float64 `(c, k)`; of all others it is 1.
        first: See `gain`.
        damping: d, float32 `(1,)`.
        strength: Receives s, float64 `(n, k)`; 1 for nodes without edges.
        factor: Receives f, float32 `(n, k)`; 0 for nodes without edges.
    """
    columns, start, stop = strength.shape[1], np.uint64(first), np.uint64(first + len(gain))
    # Here and below rows are counted by unsigned numbers, too, as indices are.
    for u in range(np.uint64(len(strength))):
        if columns == 1:
            one = plain[u]
            for entry in range(spans[u, 0], spans[u, 1]):
                one += weights[entry] * gain[indices[entry] - start, 0]
            strength[u, 0] = one
        else:
            a = b = c = d = e = f = g = h = i = j = k = m = n = p = q = r = plain[u]
            for entry in range(spans[u, 0], spans[u, 1]):
                w, y = weights[entry], gain[indices[entry] - start]
                a += w * y[0]
                b += w * y[1]
                c += w * y[2]
                d += w * y[3]
                e += w * y[4]
                f += w * y[5]
                g += w * y[6]
                h += w * y[7]
                i += w * y[8]
                j += w * y[9]
                k += w * y[10]
                m += w * y[11]
                n += w * y[12]
                p += w * y[13]
                q += w * y[14]
                r += w * y[15]
            s = strength[u]
            s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = a, b, c, d, e, f, g, h
            s[8], s[9], s[10], s[11], s[12], s[13], s[14], s[15] = i, j, k, m, n, p, q, r
        if not strength[u, 0] > 0.0:
            strength[u, :] = 1.0
            factor[u, :] = 0.0
        elif columns == 1:
            factor[u, 0] = strength[u, 0]
            factor[u, 0] = damping[0] / factor[u, 0]
            if start <= u and u < stop:
                factor[u, 0] *= gain[u - start, 0]
        else:
            # In float32: twice as many are divided at once.
            for column in range(WIDTH):
                factor[u, column] = strength[u, column]
            for column in range(WIDTH):
                factor[u, column] = damping[0] / factor[u, column]
            if start <= u and u < stop:
                for column in range(WIDTH):
                    factor[u, column] *= gain[u - start, column]


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
    """`measure_block` for one column, to the same bits; its arrays have no second dimension."""
    stop, end = first + len(gain), start + len(scores)
    least, most, absolute, total, following = math.inf, -math.inf, 0.0, 0.0, 0
    for u in range(len(z)):
        swept = 0.0
        for entry in range(indptr[u], indptr[u + 1]):
            swept += weights[entry] * z[indices[entry]]
        s, volume, factor = strength[u], strength[u], damping if live[u] else 0.0
        if first <= u and u < stop:
            swept *= gain[u - first]
            volume *= gain[u - first]
        swept *= factor
        if following < len(seeds) and u == seeds[following]:
            swept += s * shift[following]
            following += 1
        if start <= u and u < end:
            scores[u - start] = max(0.0, swept)
        mass = swept - s * z[u]
        least, most = min(least, mass / volume), max(most, mass / volume)
        absolute += abs(mass)
        total += mass
    found[0], found[1], found[2], found[3] = least, most, absolute, total


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
    gained, ungained = np.uint64(first), np.uint64(first + len(gain))
    wanted, unwanted = np.uint64(start), np.uint64(start + len(scores))
    # Loops of a fixed length over these become a few instructions.
    row, volume, least, most, absolute, total = np.empty((6, WIDTH))
    least[:], most[:], absolute[:], total[:] = math.inf, -math.inf, 0.0, 0.0
    following = 0
    seed = np.uint64(seeds[0] if len(seeds) else len(z))
    for u in range(np.uint64(len(z))):
        a = b = c = d = e = f = g = h = i = j = k = m = n = p = q = r = 0.0
        for entry in range(indptr[u], indptr[u + 1]):
            w, y = weights[entry], z[indices[entry]]
            a += w * y[0]
            b += w * y[1]
            c += w * y[2]
            d += w * y[3]
            e += w * y[4]
            f += w * y[5]
            g += w * y[6]
            h += w * y[7]
            i += w * y[8]
            j += w * y[9]
            k += w * y[10]
            m += w * y[11]
            n += w * y[12]
            p += w * y[13]
            q += w * y[14]
            r += w * y[15]
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = a, b, c, d, e, f, g, h
        row[8], row[9], row[10], row[11], row[12], row[13], row[14], row[15] = i, j, k, m, n, p, q, r
        factor = damping if live[u] else 0.0
        for column in range(WIDTH):
            volume[column] = strength[u, column]
        if gained <= u and u < ungained:
            for column in range(WIDTH):
                row[column] *= gain[u - gained, column]
                volume[column] *= gain[u - gained, column]
        for column in range(WIDTH):
            row[column] *= factor
        if u == seed:
            for column in range(WIDTH):
                row[column] += strength[u, column] * shift[following, column]
            following += 1
            seed = np.uint64(seeds[following] if following < len(seeds) else len(z))
        if wanted <= u and u < unwanted:
            for column in range(WIDTH):
                scores[u - wanted, column] = max(0.0, row[column])
        for column in range(WIDTH):
            row[column] -= strength[u, column] * z[u, column]
            absolute[column] += abs(row[column])
            total[column] += row[column]
        for column in range(WIDTH):
            row[column] /= volume[column]
            least[column] = min(least[column], row[column])
            most[column] = max(most[column], row[column])
    found[0], found[1], found[2], found[3] = least, most, absolute, total


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
        # Most are too low to matter, whatever their volume.
        if score + bounds[3] <= rest + rest_above:
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
