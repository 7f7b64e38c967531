"""The inner loops of relaxation: plain Python over arrays, compiled by numba where it is installed.

Blocks hold the columns of eight questions side by side, so that a neighbour's row is one cache line and an entry of the
matrix is read once for all of them. The eight sums are eight variables, which stay in registers; an array of them would
not. Indices are unsigned: for signed ones numba would ask each whether it counts from the end.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hippo.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64

    Unsigned = NDArray[Any]

__all__ = ["WIDTH", "Loops", "compiled", "interpreted"]

WIDTH = 8
"""Columns of a block."""


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops below. What one column needs beyond `relax_one` is as fast in SciPy, and takes no time to compile."""

    relax_one: Callable[..., None]
    relax_block: Callable[..., None]
    measure_block: Callable[..., None]


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
    indptr: Unsigned, indices: Unsigned, weights: Float64, factor: Float64, shift: Float64, omega: float, z: Float64
) -> None:
    """One sweep of successive over-relaxation, node by node in place: z_u += ω (f_u Σ_v w_uv z_v + b_u - z_u).

    Args:
        indptr: Of the adjacency, unsigned `(n + 1,)`.
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        factor: f, float64 `(n, 1)`.
        shift: b, float64 `(n, 1)`.
        omega: ω.
        z: The iterate, float64 `(n, 1)`.
    """
    for u in range(len(z)):
        entry, end = indptr[u], indptr[u + 1]
        one = other = 0.0
        # Two sums, because the next addition has to wait for the one before.
        while entry + 1 < end:
            one += weights[entry] * z[indices[entry], 0]
            other += weights[entry + 1] * z[indices[entry + 1], 0]
            entry += 2
        if entry < end:
            one += weights[entry] * z[indices[entry], 0]
        z[u, 0] += omega * (factor[u, 0] * (one + other) + shift[u, 0] - z[u, 0])


def relax_block(
    indptr: Unsigned, indices: Unsigned, weights: Float64, factor: Float64, shift: Float64, omega: float, z: Float64
) -> None:
    """`relax_one` for eight columns: `factor`, `shift` and `z` are `(n, 8)`."""
    for u in range(len(z)):
        a = b = c = d = e = f = g = h = 0.0
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
        s, t, o = factor[u], shift[u], z[u]
        # All are computed before one is written, or else no two of them could be at once.
        a = o[0] + omega * (s[0] * a + t[0] - o[0])
        b = o[1] + omega * (s[1] * b + t[1] - o[1])
        c = o[2] + omega * (s[2] * c + t[2] - o[2])
        d = o[3] + omega * (s[3] * d + t[3] - o[3])
        e = o[4] + omega * (s[4] * e + t[4] - o[4])
        f = o[5] + omega * (s[5] * f + t[5] - o[5])
        g = o[6] + omega * (s[6] * g + t[6] - o[6])
        h = o[7] + omega * (s[7] * h + t[7] - o[7])
        o[0], o[1], o[2], o[3] = a, b, c, d
        o[4], o[5], o[6], o[7] = e, f, g, h


def measure_block(
    indptr: Unsigned,
    indices: Unsigned,
    weights: Float64,
    factor: Float64,
    shift: Float64,
    strength: Float64,
    gain: Float64,
    z: Float64,
    scores: Float64,
    found: Float64,
) -> None:
    """One plain sweep of eight columns, and its residual q.

    Args:
        indptr: Of the adjacency, unsigned `(n + 1,)`.
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float64 `(nnz,)`.
        factor: f, float64 `(n, 8)`.
        shift: b, float64 `(n, 8)`.
        strength: s, float64 `(n, 8)`.
        gain: g, float64 `(n, 8)`.
        z: The iterate, float64 `(n, 8)`.
        scores: Receives x = s ⊙ (f ⊙ W z + b), float64 `(n, 8)`.
        found: Receives for each column the least and the greatest potential, |q|₁ and Σ q, float64 `(4, 8)`.
    """
    for j in range(WIDTH):
        found[0, j], found[1, j], found[2, j], found[3, j] = math.inf, -math.inf, 0.0, 0.0
    for u in range(len(z)):
        a = b = c = d = e = f = g = h = 0.0
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
        o = scores[u]
        o[0], o[1], o[2], o[3] = a, b, c, d
        o[4], o[5], o[6], o[7] = e, f, g, h
        for j in range(WIDTH):
            swept = factor[u, j] * o[j] + shift[u, j]
            step = swept - z[u, j]
            potential = step / gain[u, j]
            found[0, j] = min(found[0, j], potential)
            found[1, j] = max(found[1, j], potential)
            mass = step * strength[u, j]
            found[2, j] += abs(mass)
            found[3, j] += mass
            o[j] = max(0.0, swept * strength[u, j])


_LOOPS = (relax_one, relax_block, measure_block)
