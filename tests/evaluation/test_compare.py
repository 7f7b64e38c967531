import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.errors import InputError
from hippo.evaluation import Interval, bootstrap_interval, paired_difference

values_strategy = st.lists(st.floats(-1, 1), min_size=1, max_size=12)


def test_interval_agrees_with_the_full_bootstrap_distribution() -> None:
    values = [0.0, 0.1, 0.5, 1.0, 0.7]
    means = np.array([np.mean(draw) for draw in itertools.product(values, repeat=5)])  # all 3,125 resamples
    low, high = np.quantile(means, [0.05, 0.95])
    interval = bootstrap_interval(values, confidence=0.9, samples=40_000, seed=3)
    assert interval.mean == pytest.approx(0.46)
    assert interval.low == pytest.approx(low, abs=0.02)
    assert interval.high == pytest.approx(high, abs=0.02)


def test_interval_has_the_width_of_the_normal_one_on_many_values() -> None:
    values = np.random.default_rng(5).random(400)
    interval = bootstrap_interval(values)
    half = 1.96 * values.std() / 20
    assert interval.high - interval.mean == pytest.approx(half, rel=0.1)
    assert interval.mean - interval.low == pytest.approx(half, rel=0.1)


def test_same_seed_same_interval() -> None:
    values = np.random.default_rng(1).random(30)
    assert bootstrap_interval(values, seed=4) == bootstrap_interval(values, seed=4)
    assert bootstrap_interval(values, seed=4) != bootstrap_interval(values, seed=5)


def test_difference_is_paired() -> None:
    base = np.random.default_rng(2).random(50)
    better = base + 0.01 + 0.01 * np.random.default_rng(3).random(50)
    difference = paired_difference(base, better)
    assert 0.01 < difference.low < difference.mean < difference.high < 0.02  # unpaired it would be about ±0.11
    assert difference.p_value == 0.0
    reverse = paired_difference(better, base)
    assert reverse.mean == pytest.approx(-difference.mean)
    assert reverse.p_value == 0.0


def test_p_value_agrees_with_the_full_bootstrap_distribution() -> None:
    change = [-0.5, 0.25, 1.0, 0.5]
    means = np.array([np.mean(draw) for draw in itertools.product(change, repeat=4)])
    expected = 2 * min((means <= 0).mean(), (means >= 0).mean())
    found = paired_difference([0.0] * 4, change, samples=40_000)
    assert found.p_value == pytest.approx(expected, abs=0.02)


def test_no_difference() -> None:
    found = paired_difference([0.3, 0.7], [0.3, 0.7])
    assert (found.mean, found.low, found.high, found.p_value) == (0, 0, 0, 1)


@given(values_strategy)
def test_interval_lies_within_the_values(values: list[float]) -> None:
    interval = bootstrap_interval(values, samples=50)
    assert min(values) - 1e-12 <= interval.low <= interval.high <= max(values) + 1e-12


def test_one_value_has_no_spread() -> None:
    assert bootstrap_interval([0.25]) == Interval(0.25, 0.25, 0.25)


def test_wrong_arguments() -> None:
    with pytest.raises(InputError, match=r"not empty, got shape \(0,\)"):
        bootstrap_interval([])
    with pytest.raises(InputError, match="finite"):
        bootstrap_interval([0.0, float("nan")])
    with pytest.raises(InputError, match=r"1-D and not empty, got shape \(1, 2\)"):
        bootstrap_interval([[0.0, 1.0]])
    with pytest.raises(InputError, match=r"confidence must be between 0 and 1, got 95"):
        bootstrap_interval([0.0, 1.0], confidence=95)
    with pytest.raises(InputError, match="samples must be at least 1, got 0"):
        bootstrap_interval([0.0, 1.0], samples=0)
    with pytest.raises(InputError, match="same questions, got 1 and 2"):
        paired_difference([0.0], [0.0, 1.0])


def test_randomisation_by_hand() -> None:
    """Of 32 exchanges of five pairs that differ by 1, two give a difference as large; equal pairs change nothing."""
    better = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5]
    worse = [0.0, 0.0, 0.0, 0.0, 0.0, 0.5]
    assert paired_difference(worse, better).p_random == pytest.approx(2 / 32)
    assert paired_difference(better, worse).p_random == pytest.approx(2 / 32)
    assert paired_difference(worse, worse).p_random == 1.0
    assert paired_difference([0.0, 0.5], [1.0, 0.5]).p_random == 1.0
