"""Scores of texts in NumPy: always installed, and what the compiled loops are compared with."""

import math
from typing import TYPE_CHECKING

import numpy as np

from hippo.backends.scoring.standard import Moments, standard_score

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
        self, texts: "NDArray[np.int32]", weights: "Float32", spans: "Int64", size: int
    ) -> "tuple[Float64, Moments]":
        """Sum of the weights of each text, and the moments of the sums.

        Args:
            texts: Rows of texts, of all words one after another, int32 `(p,)`.
            weights: What each is worth, float32 `(p,)`.
            spans: First and past-the-last place of each word that counts, int64 `(w, 2)`.
            size: Number of texts n.

        Returns:
            float64 `(n,)`; mean and standard deviation of all n.
        """
        if not len(spans):
            return np.zeros(size), (0.0, 0.0)
        parts = [slice(start, stop) for start, stop in spans.tolist()]
        rows, values = (np.concatenate([column[part] for part in parts]) for column in (texts, weights))
        scores = np.bincount(rows, values, minlength=size).astype(np.float64, copy=False)
        return scores, self.moments(scores)

    def moments(self, values: "NDArray[np.floating]") -> Moments:
        """Mean and standard deviation; zeros if there are no values."""
        if not len(values):
            return 0.0, 0.0
        mean = float(values.sum(dtype=np.float64)) / len(values)
        apart = np.subtract(values, mean, dtype=np.float64)
        apart *= apart
        return mean, math.sqrt(float(apart.sum()) / len(values))

    def fused(
        self, cosines: "Float32", of_cosines: Moments, words: "Float64", of_words: Moments, weight: float
    ) -> "Float64":
        """z(cosines) + weight · z(words), float64 `(n,)`.

        Args:
            cosines: float32 `(n,)`.
            of_cosines: Their moments.
            words: float64 `(n,)`.
            of_words: Their moments.
            weight: β.
        """
        scores = standard_score(words, *of_words)
        scores *= weight
        scores += standard_score(cosines, *of_cosines)
        return scores

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
