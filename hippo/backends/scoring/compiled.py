"""Scores of texts by loops that numba compiles: one pass where NumPy makes several, over what is near the processor."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.scoring.loops import (
    ROWS,
    add_words,
    expect,
    fuse,
    highest,
    largest,
    moments,
    multiply,
    multiply_halves,
    widen,
)
from hippo.backends.scoring.standard import LEAST_DEVIATION
from hippo.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float32, Float64, Int64, Vectors

__all__ = ["CompiledScoring", "compile_loops", "wide_blocks"]

_BLOCK = 1024
"""Vectors that are widened at once: as many as stay near the processor."""

_FEW = 24
"""Of so many best ones, a heap is the fastest."""
_MOST_COUNTED = 100
"""Nor does a heap change often where so many times as many scores are to be compared."""


class CompiledScoring:
    """What `hippo.backends.scoring.arrays.ArrayScoring` does, and says; rounding may differ in the last bits.

    Raises:
        MissingExtraError: numba is not installed.
    """

    def __init__(self) -> None:
        self._loops = _compiled()

    def products(self, vectors: "Vectors", queries: "Float32") -> "Float32":
        """See `ArrayScoring.products`."""
        count, width = vectors.shape
        if count < ROWS:
            # The loops need so many: they treat all rows alike.
            vectors = np.concatenate([vectors, np.zeros((ROWS - count, width), vectors.dtype)])
        queries = np.ascontiguousarray(queries, np.float32)
        found = np.empty((len(queries), len(vectors)), np.float32)
        if vectors.dtype == np.float16:
            halves = np.ascontiguousarray(vectors).view(np.uint16)
            self._loops.multiply_halves(halves, np.empty((ROWS, width), np.float32), queries, found)
        else:
            self._loops.multiply(np.ascontiguousarray(vectors, np.float32), queries, found)
        return np.ascontiguousarray(found[:, :count]).T

    def words(
        self, texts: "NDArray[np.int32]", weights: "Float32", spans: "Int64", bounds: "Int64", size: int
    ) -> "tuple[Float64, Float64]":
        """See `ArrayScoring.words`."""
        scores, found = np.empty((len(bounds) - 1, size)), np.empty((len(bounds) - 1, 2))
        self._loops.add_words(texts, weights, spans, bounds, scores, found)
        return scores, found

    def moments(self, values: "NDArray[np.floating]") -> "Float64":
        """See `ArrayScoring.moments`."""
        found = np.empty((len(values), 2))
        self._loops.moments(values, found)
        return found

    def expected(self, mean: "Float64", covariance: "Float64", queries: "Float32") -> "Float64":
        """See `ArrayScoring.expected`."""
        found = np.empty((len(queries), 2))
        self._loops.expect(mean, covariance, np.ascontiguousarray(queries, np.float32), found)
        return found

    def fused(
        self, cosines: "Float32", of_cosines: "Float64", words: "Float64", of_words: "Float64", weight: float
    ) -> "Float64":
        """See `ArrayScoring.fused`."""
        found = np.empty(cosines.shape)
        self._loops.fuse(cosines, of_cosines, words, of_words, weight, LEAST_DEVIATION, found)
        return found

    def best(self, scores: "Float64", count: int) -> "Int64":
        """See `ArrayScoring.best`."""
        count = max(min(count, len(scores)), 0)
        if count > _FEW and len(scores) < _MOST_COUNTED * count:
            places = np.empty(len(scores), np.int64)
            # None are found where not all scores are numbers.
            places = places[: self._loops.highest(scores, count, places)]
            if len(places):
                order: Int64 = places[np.argsort(-scores[places], kind="stable")][:count]
                return order
        found = np.empty(count, np.int64)
        if count:
            self._loops.largest(scores, found)
        return found


def wide_blocks(vectors: "Vectors") -> "Iterator[tuple[slice, Float32]]":
    """Blocks of vectors in float32, contiguous, with the rows of each; a widened one is gone with the next."""
    if vectors.dtype != np.float16:
        for start in range(0, len(vectors), _BLOCK):
            part = slice(start, start + _BLOCK)
            yield part, np.ascontiguousarray(vectors[part], np.float32)
        return
    wide = np.empty((min(_BLOCK, len(vectors)), vectors.shape[1]), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        part = slice(start, start + _BLOCK)
        halves = np.ascontiguousarray(vectors[part])
        _compiled().widen(halves.view(np.uint16), wide[: len(halves)])
        yield part, wide[: len(halves)]


@dataclass(frozen=True, slots=True)
class _Loops:
    """The loops of `hippo.backends.scoring.loops`."""

    multiply: Callable[..., None]
    multiply_halves: Callable[..., None]
    add_words: Callable[..., None]
    moments: Callable[..., None]
    expect: Callable[..., None]
    fuse: Callable[..., None]
    highest: Callable[..., int]
    largest: Callable[..., None]
    widen: Callable[..., None]


@functools.cache
def _compiled() -> _Loops:
    """The loops, compiled for arrays that may be mapped; the machine code is cached as that of the walks is."""
    try:
        from numba import types
    except ImportError as error:
        raise MissingExtraError("compiled scoring", "numba", "local") from error

    def read(kind: Any, dimensions: int = 1) -> Any:
        return types.Array(kind, dimensions, "C", readonly=True)

    singles, longs, places = read(types.float32), read(types.int64, 2), read(types.int64)
    matrix, wide, number = read(types.float32, 2), read(types.float64, 2), types.float64
    room = types.float64[:, ::1]
    signatures = {
        multiply: types.void(matrix, matrix, types.float32[:, ::1]),
        multiply_halves: types.void(read(types.uint16, 2), types.float32[:, ::1], matrix, types.float32[:, ::1]),
        add_words: types.void(read(types.int32), singles, longs, places, room, room),
        moments: [types.void(matrix, room), types.void(wide, room)],
        expect: types.void(read(types.float64), wide, matrix, room),
        fuse: types.void(matrix, wide, wide, wide, number, number, room),
        highest: types.int64(read(types.float64), types.int64, types.int64[::1]),
        largest: types.void(read(types.float64), types.int64[::1]),
        widen: types.void(read(types.uint16, 2), types.float32[:, ::1]),
    }
    # Sums may be split among lanes: that is what makes one instruction of eight additions.
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}

    return _Loops(*compile_loops(signatures, options))


def compile_loops(signatures: Mapping[Any, Any], options: Mapping[str, Any]) -> list[Callable[..., Any]]:
    """Loops compiled for given arguments; their machine code is cached where a folder can be written to."""
    import numba

    try:
        return [numba.njit(kinds, cache=True, **options)(loop) for loop, kinds in signatures.items()]
    except RuntimeError:
        # No folder can be written to: compile in every process.
        return [numba.njit(kinds, **options)(loop) for loop, kinds in signatures.items()]
