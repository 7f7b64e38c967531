"""Standard scores: how many deviations a value lies above the mean of all."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAST_DEVIATION", "standard_score"]

LEAST_DEVIATION = 1e-6
"""Rounding alone lets the float32 similarities of equal vectors deviate by less; it must not become a score."""


def standard_score(values: "NDArray[np.floating]", mean: float, deviation: float) -> "NDArray[np.float64]":
    """(value - mean) / deviation in float64; zeros where nothing deviates."""
    if deviation <= LEAST_DEVIATION:
        return np.zeros(len(values))
    score: NDArray[np.float64] = np.subtract(values, mean, dtype=np.float64)
    score /= deviation
    return score
