"""Scores of texts in NumPy: always installed, and what the compiled loops are compared with."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hippo.backends.scoring.standard import standard_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float32, Float64, Int64, Vectors

__all__ = ["ARRAYS", "ArrayScoring"]

_ROWS = 512
"""Vectors that meet all queries before the next ones do: as many as stay near the processor."""


class ArrayScoring:
    """See the methods. A class, so that the compiled one can stand in its place."""

    def products(self, vectors: "Vectors", queries: "Float32") -> "Float32":
        """Similarity of every vector to every query: float32 `(n, m)`, Fortran-ordered.

        Each is a product of two vectors of its own (`matmul` of a row and a column), not an entry of a product of
        matrices: there the last bits depend on the neighbours, so equal passages would be told apart and a question
        would be answered otherwise among others than alone. Some rows at a time meet all queries, so that they come
        from memory once.

        Args:
            vectors: float32 or float16 `(n, d)`.
            queries: float32 `(m, d)`.
        """
        found = np.empty((len(vectors), len(queries)), np.float32, order="F")
        for start in range(0, len(vectors), _ROWS):
            part = slice(start, start + _ROWS)
            block = vectors[part].astype(np.float32, copy=False)
            np.matmul(block[:, None, None, :], queries[None, :, :, None], out=found[part, :, None, None])
        return found

    def words(
        self, texts: "NDArray[np.int32]", weights: "Float32", spans: "Int64", bounds: "Int64", size: int
    ) -> "tuple[Float64, Float64]":
        """Sum of the weights of each text for every question, and the moments of the sums.

        Args:
            texts: Rows of texts, of all words one after another, int32 `(p,)`.
            weights: What each is worth, float32 `(p,)`.
            spans: First and past-the-last place of each word that counts, int64 `(w, 2)`.
            bounds: Which of them are of each question: from one number to the next, int64 `(m + 1,)`.
            size: Number of texts n.

        Returns:
            float64 `(m, n)`; mean and standard deviation of all n, `(m, 2)`.
        """
        scores = np.zeros((len(bounds) - 1, size))
        for own, (first, last) in zip(scores, pairwise(bounds.tolist()), strict=True):
            parts = [slice(start, stop) for start, stop in spans[first:last].tolist()]
            if parts:
                rows, values = (np.concatenate([column[part] for part in parts]) for column in (texts, weights))
                own[:] = np.bincount(rows, values, minlength=size)
        return scores, self.moments(scores)

    def moments(self, values: "NDArray[np.floating]") -> "Float64":
        """Mean and standard deviation of each row, float64 `(m, 2)`; zeros if there are no values.

        Args:
            values: float32 or float64 `(m, n)`.
        """
        found = np.zeros((len(values), 2))
        for row, own in enumerate(values if values.shape[1] else ()):
            mean = float(own.sum(dtype=np.float64)) / len(own)
            apart = np.subtract(own, mean, dtype=np.float64)
            apart *= apart
            found[row] = mean, math.sqrt(float(apart.sum()) / len(own))
        return found

    def expected(self, mean: "Float64", covariance: "Float64", queries: "Float32") -> "Float64":
        """Mean and standard deviation of the similarities of each query to vectors of which only moments are known.

        Args:
            mean: Of the vectors, float64 `(d,)`.
            covariance: Of the vectors, float64 `(d, d)`.
            queries: float32 `(m, d)`.

        Returns:
            float64 `(m, 2)`.
        """
        found = np.empty((len(queries), 2))
        for row, query in enumerate(queries.astype(np.float64)):
            found[row] = mean @ query, math.sqrt(max(float(query @ covariance @ query), 0.0))
        return found

    def fused(
        self, cosines: "Float32", of_cosines: "Float64", words: "Float64", of_words: "Float64", weight: float
    ) -> "Float64":
        """z(cosines) + weight · z(words) of every text for every question, float64 `(m, n)`.

        Args:
            cosines: float32 `(m, n)`.
            of_cosines: Their moments, `(m, 2)`.
            words: float64 `(m, n)`.
            of_words: Their moments, `(m, 2)`.
            weight: β.
        """
        found = np.empty(cosines.shape)
        for row, own in enumerate(found):
            np.multiply(standard_score(words[row], *of_words[row]), weight, out=own)
            own += standard_score(cosines[row], *of_cosines[row])
        return found

    def best(self, scores: "Float64", count: int) -> "Int64":
        """Positions of the `count` highest, or of all, highest first, ties by position: int64."""
        count = min(count, len(scores))
        if count <= 0:
            return np.empty(0, np.int64)
        above = np.arange(len(scores))
        if count < len(scores):
            cut = np.partition(scores, len(scores) - count)[len(scores) - count]
            above = np.flatnonzero(scores >= cut)
        order: Int64 = above[np.lexsort((above, -scores[above]))][:count]
        return order


ARRAYS = ArrayScoring()
"""It has no state."""
