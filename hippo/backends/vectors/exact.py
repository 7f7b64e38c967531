"""Exact search by brute force in NumPy: always installed, and the oracle of every other vector index."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hippo.backends.vectors.ranking import (
    MARGIN,
    ROUNDING,
    check_k,
    check_queries,
    check_vectors,
    settle,
    similarities,
)

if TYPE_CHECKING:
    from hippo.protocols import Vectors

__all__ = ["ExactVectorIndex"]

_QUERIES = 256
_VECTORS = 32_768  # a block of similarities is 32 MiB


class ExactVectorIndex:
    """Compares each query with every vector, block by block.

    Args:
        vectors: float32 or float16 `(n, d)`, unit rows; kept, not copied; may be memory-mapped. Rows of other lengths
            are ranked by inner product too, but ties at the cut are then decided within rounding.

    Attributes:
        together: Queries that are best searched for at once.

    Raises:
        InputError: `vectors` is no matrix of float32 or float16.

    Examples:
        >>> index = ExactVectorIndex(np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32))
        >>> rows, values = index.search(np.array([[1, 0]], dtype=np.float32), k=2)
        >>> rows.tolist(), values.tolist()
        ([[0, 2]], [[1.0, 1.0]])
    """

    together = _QUERIES

    def __init__(self, vectors: "Vectors") -> None:
        self._vectors = check_vectors(vectors)

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows, int64, and similarities, float32, both `(m, min(k, n))`, best first, ties by row.

        Raises:
            InputError: `queries` is not `(m, d)` and finite, or k is less than 1.
        """
        queries = check_queries(queries, self._vectors.shape[1])
        kept = min(check_k(k), len(self))
        rows = np.empty((len(queries), kept), dtype=np.int64)
        values = np.empty((len(queries), kept), dtype=np.float32)
        if kept:
            for start in range(0, len(queries), _QUERIES):
                part = slice(start, start + _QUERIES)
                candidates = self._candidates(queries[part], min(kept + MARGIN, len(self)))
                rows[part], values[part] = settle(self._vectors, queries[part], candidates, kept, self.range_search)
        return rows, values

    def range_search(
        self, queries: NDArray[np.float32], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Every vector whose similarity to a query is at least a threshold.

        Args:
            queries: `(m, d)`.
            threshold: Least similarity.

        Returns:
            Limits, int64 `(m + 1,)`; rows, int64; similarities, float32. What was found for query i lies at
            `limits[i]:limits[i + 1]`, in ascending order of rows.

        Raises:
            InputError: `queries` is not `(m, d)` and finite.
        """
        queries = check_queries(queries, self._vectors.shape[1])
        owners: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        rows: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        for first in range(0, len(queries), _QUERIES):
            for start in range(0, len(self), _VECTORS):
                block = queries[first : first + _QUERIES] @ self._block(start).T
                owner, row = np.nonzero(block >= threshold - ROUNDING)
                owners.append(owner + first)
                rows.append(row + start)
        owner, row = np.concatenate(owners), np.concatenate(rows)
        values = similarities(self._vectors, queries, owner, row)
        keep = values >= np.float32(threshold)
        owner, row, values = owner[keep], row[keep], values[keep]
        order = np.lexsort((row, owner))
        limits = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(queries)))]).astype(np.int64)
        return limits, row[order], values[order]

    def _candidates(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """The `count` nearest rows of each query, in no order: the best of each block, merged."""
        rows = np.zeros((len(queries), 0), dtype=np.int64)
        values = np.zeros((len(queries), 0), dtype=np.float32)
        for start in range(0, len(self), _VECTORS):
            block = queries @ self._block(start).T
            top = _largest(block, count)
            rows = np.concatenate([rows, top + start], axis=1)
            values = np.concatenate([values, np.take_along_axis(block, top, axis=1)], axis=1)
            best = _largest(values, count)
            rows, values = np.take_along_axis(rows, best, axis=1), np.take_along_axis(values, best, axis=1)
        return rows

    def _block(self, start: int) -> NDArray[np.float32]:
        """Some vectors from a row on."""
        return self._vectors[start : start + _VECTORS].astype(np.float32, copy=False)


def _largest(values: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Columns of the `count` largest of each row, in no order."""
    width = values.shape[1]
    if width <= count:
        return np.broadcast_to(np.arange(width), values.shape).astype(np.int64)
    return np.argpartition(values, width - count, axis=1)[:, width - count :].astype(np.int64)
