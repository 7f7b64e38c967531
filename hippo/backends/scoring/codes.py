"""Vectors in 8 bits, to find those that need to be looked at: a quarter of what has to come from memory.

With v = s c + e, |c_i| at most 127, and the same for a question q = t k + f, what v · q differs from s t (c · k) is at
most |e| |q| + |f| (|v| + |e|), by the inequality of Cauchy and Schwarz. So the best by v · q are among those whose
approximations come near enough to the best of these, and only they are compared as they are.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.scoring.compiled import compile_loops
from hippo.backends.scoring.loops import approach, encode

if TYPE_CHECKING:
    from hippo.protocols import Float32, Float64

__all__ = ["Codes"]

_FINEST = 8000
"""Greatest whole number of a question: its own rounding then hardly matters."""
_ROUNDING = 4e-6
"""More than float32 adds to the difference of two unit vectors."""


class Codes:
    """Vectors in 8 bits.

    Args:
        vectors: float32 `(n, d)`; they are read once, and not kept.

    Examples:
        >>> codes = Codes(np.eye(3, dtype=np.float32))
        >>> near, error = codes.similarities(np.eye(3, dtype=np.float32)[:1])
        >>> near.round(3).tolist(), bool(error[0] < 0.001)
        ([[1.0, 0.0, 0.0]], True)
    """

    def __init__(self, vectors: "Float32") -> None:
        self._encode, self._approach = _compiled()
        vectors = np.ascontiguousarray(vectors, np.float32)
        self._codes = np.empty(vectors.shape, np.int8)
        self._scales, self._errors = np.empty((2, len(vectors)), np.float32)
        self._encode(vectors, self._codes, self._scales, self._errors)
        self._error = float(self._errors.max(initial=0.0))
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        self._length = float(lengths.max(initial=0.0)) + self._error

    def __len__(self) -> int:
        return len(self._codes)

    def similarities(self, queries: "Float32") -> "tuple[Float32, Float64]":
        """Inner products of all vectors and some queries, about.

        Args:
            queries: float32 `(m, d)`.

        Returns:
            float32 `(m, n)`; and how far each of a query may be off, float64 `(m,)`. What a query gets does not depend
            on the others.
        """
        queries = np.ascontiguousarray(queries, np.float32)
        most = min(_FINEST, (2**31 - 1) // (127 * max(queries.shape[1], 1)))
        slopes = np.abs(queries).max(axis=1, initial=0.0) / np.float32(most)
        whole = np.rint(queries / np.where(slopes > 0, slopes, 1.0)[:, None]).astype(np.int16)
        left = np.linalg.norm(queries - slopes[:, None] * whole, axis=1).astype(np.float64)
        near = np.empty((len(queries), len(self)), np.float32)
        self._approach(self._codes, self._scales, whole, slopes, near)
        lengths = np.linalg.norm(queries, axis=1).astype(np.float64)
        return near, self._error * lengths + left * self._length + _ROUNDING * self._length * lengths


@functools.cache
def _compiled() -> tuple[Callable[..., Any], Callable[..., Any]]:
    from numba import types

    def read(kind: Any, dimensions: int) -> Any:
        return types.Array(kind, dimensions, "C", readonly=True)

    singles = types.float32[::1]
    coded = read(types.int8, 2), read(types.float32, 1), read(types.int16, 2), read(types.float32, 1)
    signatures = {
        encode: types.void(read(types.float32, 2), types.int8[:, ::1], singles, singles),
        approach: types.void(*coded, types.float32[:, ::1]),
    }
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
    encoding, approaching = compile_loops(signatures, options)
    return encoding, approaching
