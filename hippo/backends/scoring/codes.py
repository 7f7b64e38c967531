"""Vectors in 8 bits, to find those that need to be looked at: a quarter of what has to come from memory.

With v = s c + e, |c_i| at most 127, and the same for a question q = t k + f, what v · q differs from s t (c · k) is at
most |e| |q| + |f| (|v| + |e|), by the inequality of Cauchy and Schwarz. So the best by v · q are among those whose
approximations come near enough to the best of these, and only they are compared as they are.
"""

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hippo.backends.scoring.compiled import compile_loops, wide_blocks
from hippo.backends.scoring.loops import approach, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float32, Float64, Vectors

__all__ = ["Codes"]

_FINEST = 8000
"""Greatest whole number of a question: its own rounding then hardly matters."""
_ROUNDING = 4e-6
"""More than float32 adds to the difference of two unit vectors."""


class Codes:
    """Vectors in 8 bits. `of` makes them.

    Args:
        codes: c, int8 `(n, d)`; like the scales kept, not copied; may be memory-mapped.
        scales: s, float32 `(n,)`.
        bounds: The greatest |e| of all, and the greatest |v| + |e|, float64 `(2,)`.

    Examples:
        >>> codes = Codes.of(np.eye(3, dtype=np.float32))
        >>> near, error = codes.similarities(np.eye(3, dtype=np.float32)[:1])
        >>> near.round(3).tolist(), bool(error[0] < 0.001)
        ([[1.0, 0.0, 0.0]], True)
    """

    def __init__(self, codes: "NDArray[np.int8]", scales: "Float32", bounds: "Float64") -> None:
        self.codes, self.scales, self.bounds = codes, scales, bounds
        self._error, self._length = map(float, bounds)

    @classmethod
    def of(cls, vectors: "Vectors", empty: "Callable[..., NDArray[Any]]" = np.empty) -> Self:
        """Some vectors in 8 bits.

        Args:
            vectors: float32 or float16 `(n, d)`; they are read once, and not kept.
            empty: Makes room for the codes, given a shape and a type.
        """
        encode, _ = _compiled()
        codes = empty(vectors.shape, np.int8)
        scales, (errors, squares) = np.empty(len(vectors), np.float32), np.empty((2, len(vectors)), np.float32)
        for part, block in wide_blocks(vectors):
            encode(block, codes[part], scales[part], errors[part])
            np.einsum("nd,nd->n", block, block, out=squares[part])
        error = float(errors.max(initial=0.0))
        return cls(codes, scales, np.array([error, math.sqrt(squares.max(initial=0.0)) + error]))

    def __len__(self) -> int:
        return len(self.codes)

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
        _compiled()[1](self.codes, self.scales, whole, slopes, near)
        lengths = np.linalg.norm(queries, axis=1).astype(np.float64)
        return near, self._error * lengths + left * self._length + _ROUNDING * self._length * lengths


@functools.cache
def _compiled() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The loops that encode, and that compare."""
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
