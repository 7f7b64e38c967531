"""The inner loops of relaxation: plain Python over arrays, compiled by numba where it is installed.

Blocks hold the columns of sixteen questions side by side, so that a neighbour's row of float32 numbers is one cache
line and an entry of the matrix is read once for all of them. The sixteen sums are sixteen variables, which stay in
registers; an array of them would not. Indices are unsigned: for signed ones numba would ask each whether it counts from
the end. Restart vectors are sparse: only the rows that some question seeds have a shift.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.measure_kernel import WIDTH, excess, measure_block, measure_one, strengths
from hippo.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float64, Int64

    Unsigned = NDArray[Any]
    Floats = NDArray[Any]

__all__ = ["WIDTH", "Loops", "compiled", "interpreted"]


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops below, and those of `hippo.backends.pagerank.measure_kernel`.

    They work on one column, or on `WIDTH` where their name says block.
    """

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
    shift: Float64,
    omega: Floats,
    z: Floats,
    times: int,
) -> None:
    """Sweeps of successive over-relaxation, node by node in place: z_u += ω (f_u Σ_v w_uv z_v + b_u - z_u).

    Args:
        indptr: Of the adjacency, unsigned `(n + 1,)`.
        indices: Of the adjacency, unsigned `(nnz,)`.
        weights: Of the adjacency, float32 or float64 `(nnz,)`, as are f, ω and the iterate.
        factor: f, `(n,)`.
        seeds: Nodes with a shift, int64 `(s,)`, ascending.
        shift: b of these, float64 `(s,)`.
        omega: ω, `(1,)`.
        z: The iterate, `(n,)`.
        times: How often.
    """
    w, zero = omega[0], omega[0] - omega[0]
    for _ in range(times):
        first = np.uint64(0)
        for seed in range(len(seeds) + 1):
            stop = np.uint64(seeds[seed] + 1 if seed < len(seeds) else len(z))
            for u in range(first, stop):
                # In the order of `relax_block`, to the same bits.
                a = zero
                for entry in range(indptr[u], indptr[u + 1]):
                    a += weights[entry] * z[indices[entry]]
                z[u] += w * (factor[u] * a - z[u])
            if seed < len(seeds):
                z[seeds[seed]] += w * shift[seed]
            first = stop


def relax_block(
    indptr: Unsigned,
    indices: Unsigned,
    weights: Floats,
    factor: Floats,
    seeds: Int64,
    shift: Float64,
    omega: Floats,
    z: Floats,
    times: int,
) -> None:
    """`relax_one` for `WIDTH` columns."""
    w, zero = omega[0], omega[0] - omega[0]
    for _ in range(times):
        first = np.uint64(0)
        for seed in range(len(seeds) + 1):
            # Seeds end an inner loop: it has to stay as simple as it is to be compiled to instructions of many numbers.
            stop = np.uint64(seeds[seed] + 1 if seed < len(seeds) else len(z))
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
                for column in range(WIDTH):
                    z[seeds[seed], column] += w * shift[seed, column]
            first = stop


_LOOPS = (relax_one, relax_block, strengths, measure_one, measure_block, excess)
