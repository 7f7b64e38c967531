"""First two moments of a set of vectors: what is needed to say how far above the mean a similarity lies."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Vectors

__all__ = ["Moments"]


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and covariance of vectors: float64 `(d,)` and `(d, d)`."""

    mean: "NDArray[np.float64]"
    covariance: "NDArray[np.float64]"

    @classmethod
    def of(cls, vectors: "Vectors") -> "Moments":
        """Moments of the rows of float32 or float16 `(n, d)`, in blocks."""
        count, dimension = vectors.shape
        total, square = np.zeros(dimension), np.zeros((dimension, dimension))
        for start in range(0, count, 16384):
            block = vectors[start : start + 16384].astype(np.float64)
            total += block.sum(axis=0)
            square += block.T @ block
        mean = total / max(count, 1)
        return cls(mean, square / max(count, 1) - np.outer(mean, mean))

    def joined(self, count: int, other: "Moments", other_count: int) -> "Moments":
        """Moments of these vectors and others together.

        Args:
            count: Number of these.
            other: Moments of the others.
            other_count: Number of them.
        """
        share = other_count / max(count + other_count, 1)
        mean = (1 - share) * self.mean + share * other.mean
        seconds = [one.covariance + np.outer(one.mean, one.mean) for one in (self, other)]
        return Moments(mean, (1 - share) * seconds[0] + share * seconds[1] - np.outer(mean, mean))
