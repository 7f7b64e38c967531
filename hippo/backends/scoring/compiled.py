"""Scores of texts by loops that numba compiles: one pass where NumPy makes several, over what is near the processor."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.scoring.loops import ROWS, add_words, fuse, highest, largest, moments, multiply, widen
from hippo.backends.scoring.standard import LEAST_DEVIATION, Moments
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
        if vectors.dtype == np.float16:
            halves = np.empty((len(queries), len(vectors)), np.float32)
            for part, block in wide_blocks(vectors):
                halves[:, part] = self.products(block, queries).T
            return halves.T
        count = len(vectors)
        vectors = np.ascontiguousarray(vectors, np.float32)
        if count < ROWS:
            # The loop needs so many: it treats all rows alike.
            vectors = np.concatenate([vectors, np.zeros((ROWS - count, vectors.shape[1]), np.float32)])
        found = np.empty((len(queries), len(vectors)), np.float32)
        self._loops.multiply(vectors, np.ascontiguousarray(queries, np.float32), found)
        return found[:, :count].T

    def words(
        self, texts: "NDArray[np.int32]", weights: "Float32", spans: "Int64", size: int
    ) -> "tuple[Float64, Moments]":
        """See `ArrayScoring.words`."""
        # Not `zeros`: of many, those come in small pages, one after the other.
        scores = np.empty(size)
        scores.fill(0.0)
        total, square = self._loops.add_words(texts, weights, spans, scores)
        mean = total / max(size, 1)
        return scores, (mean, math.sqrt(max(square / max(size, 1) - mean * mean, 0.0)))

    def moments(self, values: "NDArray[np.floating]") -> Moments:
        """See `ArrayScoring.moments`."""
        mean, deviation = self._loops.moments(values)
        return float(mean), float(deviation)

    def fused(
        self, cosines: "Float32", of_cosines: Moments, words: "Float64", of_words: Moments, weight: float
    ) -> "Float64":
        """See `ArrayScoring.fused`."""
        found = np.empty(len(cosines))
        (mean, slope), (other, other_slope) = map(_line, (of_cosines, of_words))
        self._loops.fuse(cosines, mean, slope, words, other, weight * other_slope, found)
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


def _line(of: Moments) -> Moments:
    """Mean, and what a value weighs beyond it: nothing where nothing deviates."""
    mean, deviation = of
    return mean, 1.0 / deviation if deviation > LEAST_DEVIATION else 0.0


@dataclass(frozen=True, slots=True)
class _Loops:
    """The loops of `hippo.backends.scoring.loops`."""

    multiply: Callable[..., None]
    add_words: Callable[..., tuple[float, float]]
    moments: Callable[..., tuple[float, float]]
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

    singles, doubles, longs = read(types.float32), types.float64[::1], read(types.int64, 2)
    matrix, number = read(types.float32, 2), types.float64
    pair = types.UniTuple(number, 2)
    signatures = {
        multiply: types.void(matrix, matrix, types.float32[:, ::1]),
        add_words: pair(read(types.int32), singles, longs, doubles),
        moments: [pair(singles), pair(read(types.float64))],
        fuse: types.void(singles, number, number, read(types.float64), number, number, doubles),
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
