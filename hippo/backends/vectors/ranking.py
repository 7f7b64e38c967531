"""What all vector indexes share: checked inputs, similarities that do not depend on the search, and one order of ties.

A blocked matrix product gives equal vectors similarities that differ in the last bit, by where they lie in the block.
So a search only proposes candidates; their similarities are computed again pair by pair: equal vectors, equal bits.
Vectors in float16 are widened where they are compared, block by block; similarities are float32 for both.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hippo.errors import InputError

if TYPE_CHECKING:
    from hippo.protocols import Vectors

__all__ = ["MARGIN", "ROUNDING", "check_k", "check_queries", "check_vectors", "settle", "similarities"]

MARGIN = 16
"""Candidates beyond k that a search proposes, so that ties at the cut can be seen."""

ROUNDING = 4e-6
"""More than float32 inner products of unit vectors differ between ways to compute them."""

_BLOCK = 1 << 23  # floats gathered at once

RangeSearch = Callable[[NDArray[np.float32], float], tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]


def check_vectors(vectors: Any) -> "Vectors":
    """The vectors as they are, or contiguous.

    Raises:
        InputError: They are no matrix of float32 or float16.
    """
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype not in (np.float32, np.float16):
        raise InputError(f"vectors must be a float32 or float16 matrix (n, d), got {_describe(vectors)}")
    return vectors if vectors.flags.c_contiguous else np.ascontiguousarray(vectors)


def check_queries(queries: Any, dimension: int) -> NDArray[np.float32]:
    """The queries as a contiguous float32 matrix.

    Raises:
        InputError: They are no matrix of this width, or hold values that are not finite.
    """
    array = np.ascontiguousarray(queries, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise InputError(f"queries must have shape (m, {dimension}), got {array.shape}")
    if not np.isfinite(array).all():
        raise InputError("queries must be finite, got NaN or infinity")
    return array


def check_k(k: int) -> int:
    """Return k.

    Raises:
        InputError: It is less than 1.
    """
    if k < 1:
        raise InputError(f"k must be at least 1, got {k}")
    return k


def similarities(
    vectors: "Vectors",
    queries: NDArray[np.float32],
    owners: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Inner products of pairs: query `owners[i]` with vector `rows[i]`, float32, the same bits for equal vectors."""
    result = np.empty(len(rows), dtype=np.float32)
    step = max(1, _BLOCK // max(1, vectors.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        near = vectors[rows[part]].astype(np.float32, copy=False)
        np.einsum("pd,pd->p", queries[owners[part]], near, out=result[part])
    return result


def settle(
    vectors: "Vectors",
    queries: NDArray[np.float32],
    rows: NDArray[np.int64],
    k: int,
    range_search: RangeSearch | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k best of the candidates of each query, in descending order of similarity, ties by row.

    Args:
        vectors: `(n, d)`.
        queries: `(m, d)`.
        rows: Candidates, `(m, c)` with c at least k; -1: none.
        k: How many to keep.
        range_search: Finds all vectors from a similarity up. Used where so many tie at the cut that not all of them are
            candidates. None: leave those as they are.

    Returns:
        Rows, int64 `(m, k)`, and similarities, float32 `(m, k)`. A missing candidate has row -1, similarity -inf.
    """
    owners = np.repeat(np.arange(len(queries)), rows.shape[1])
    values = similarities(vectors, queries, owners, np.maximum(rows, 0).ravel()).reshape(rows.shape)
    values[rows < 0] = -np.inf
    order = np.lexsort((rows, -values), axis=1)
    rows, values = np.take_along_axis(rows, order, axis=1), np.take_along_axis(values, order, axis=1)
    if range_search is not None and rows.shape[1] < len(vectors):
        for tied in np.flatnonzero(values[:, -1] >= values[:, k - 1] - ROUNDING):
            _, near, near_values = range_search(queries[tied : tied + 1], float(values[tied, k - 1]) - ROUNDING)
            best = np.lexsort((near, -near_values))[:k]
            rows[tied, :k], values[tied, :k] = near[best], near_values[best]
    return np.ascontiguousarray(rows[:, :k]), np.ascontiguousarray(values[:, :k])


def _describe(value: Any) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
