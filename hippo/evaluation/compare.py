"""How sure a mean over questions, or a difference of two systems on the same questions, is: the bootstrap.

Questions are drawn with replacement, as often as there are questions; the interval holds the middle `confidence` of the
means so found (percentile interval; Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, ch. 13 and 16).
Beside it stands the randomisation test: if two systems were alike, it would make no difference which of them gave which
of the two values of a question (Smucker, Allan and Carterette, CIKM 2007).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Float64 = NDArray[np.float64]

__all__ = ["Difference", "Interval", "bootstrap_interval", "paired_difference"]

_BATCH = 2_000_000  # values drawn at a time: 16 MB of float64


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its confidence interval, in the unit of the values."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference(Interval):
    """A mean difference and its confidence interval.

    Attributes:
        p_value: Two-sided bootstrap p-value: twice the share of the resampled means at 0 or on its other side, at
            most 1. Shares below 1 / `samples` come out as 0.
        p_random: Two-sided p-value of the paired randomisation test: the share of the exchanges of values, question by
            question, whose mean difference is at least as large. All exchanges count where there are no more than
            `samples`, so it is exact then; above 0 always.
    """

    p_value: float
    p_random: float


def bootstrap_interval(
    values: "ArrayLike", *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> Interval:
    """Mean of one value per question, with its bootstrap confidence interval.

    Args:
        values: float `(n,)`, n at least 1, finite. A single value has no spread: both ends are the value itself.
        confidence: In (0, 1).
        samples: How often to resample, at least 1.
        seed: The same seed gives the same interval.

    Raises:
        InputError: A value is out of these ranges.

    Examples:
        >>> bootstrap_interval([1.0, 1.0, 1.0])
        Interval(mean=1.0, low=1.0, high=1.0)
    """
    interval, _ = _bootstrap(_checked(values), confidence, samples, seed)
    return interval


def paired_difference(
    a: "ArrayLike", b: "ArrayLike", *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> Difference:
    """Mean of `b - a`, question by question, with its interval: positive when `b` is better.

    Args:
        a: Values of the baseline: float `(n,)`, n at least 1, finite.
        b: Values of the other system on the same questions in the same order.
        confidence: In (0, 1).
        samples: How often to resample, at least 1.
        seed: The same seed gives the same result.

    Raises:
        InputError: A value is out of these ranges, or `a` and `b` differ in length.

    Examples:
        >>> paired_difference([0.0, 0.5], [1.0, 1.5])
        Difference(mean=1.0, low=1.0, high=1.0, p_value=0.0, p_random=0.5)
    """
    first, second = _checked(a), _checked(b)
    if len(first) != len(second):
        raise InputError(f"a and b must be values of the same questions, got {len(first)} and {len(second)}")
    interval, means = _bootstrap(second - first, confidence, samples, seed)
    tail = min(float(np.mean(means <= 0.0)), float(np.mean(means >= 0.0)))
    by_chance = _randomised(first, second, samples, seed)
    return Difference(interval.mean, interval.low, interval.high, min(1.0, 2.0 * tail), by_chance)


def _checked(values: "ArrayLike") -> "Float64":
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0 or not np.isfinite(array).all():
        raise InputError(f"values must be finite, 1-D and not empty, got shape {array.shape}")
    return array


def _bootstrap(values: "Float64", confidence: float, samples: int, seed: int) -> "tuple[Interval, Float64]":
    """The interval and the resampled means, float64 `(samples,)`."""
    from scipy.stats import bootstrap  # takes most of a second to import

    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence must be between 0 and 1, got {confidence}")
    if samples < 1:
        raise InputError(f"samples must be at least 1, got {samples}")
    mean = float(values.mean())
    if (values == values[0]).all():  # every resample is the same; summing it could still round off the value
        return Interval(mean, mean, mean), np.full(samples, mean)
    result = bootstrap(
        (values,),
        np.mean,
        n_resamples=samples,
        batch=max(1, _BATCH // len(values)),
        confidence_level=confidence,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return Interval(mean, float(low), float(high)), np.asarray(result.bootstrap_distribution, dtype=np.float64)


def _randomised(first: "Float64", second: "Float64", samples: int, seed: int) -> float:
    """The p-value of the paired randomisation test."""
    from scipy.stats import permutation_test

    differ = first != second  # exchanging equal values changes nothing, so that those questions need no draws
    if differ.sum() < 2:  # with a single one, either exchange gives a difference of that size
        return 1.0
    result = permutation_test(
        (second[differ], first[differ]),
        _mean_difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=samples,
        batch=max(1, _BATCH // int(differ.sum())),
        random_state=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def _mean_difference(one: "Float64", other: "Float64", axis: int) -> "Float64":
    means: Float64 = np.mean(one - other, axis=axis)
    return means
