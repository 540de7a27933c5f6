"""Intervals from few values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuner.reporting.intervals import difference_interval, mean_interval, spread

VALUES = st.lists(st.integers(-1000, 1000), min_size=2, max_size=6, unique=True)


@given(VALUES, VALUES, st.floats(0.001, 0.4))
def test_the_interval_of_a_difference_is_welchs(first: list[int], second: list[int], tail: float) -> None:
    """That of SciPy's t test with unequal variances, whatever the spreads."""
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(1 - 2 * tail)
    found = difference_interval(first, second, tail)
    assert found == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-6)


@given(VALUES, st.floats(0.001, 0.4))
def test_the_interval_of_a_mean_is_students(values: list[int], tail: float) -> None:
    """That of SciPy's t test of one sample."""
    expected = stats.ttest_1samp(values, 0).confidence_interval(1 - 2 * tail)
    assert mean_interval(values, tail) == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-6)


@given(st.floats(0, 1), st.integers(2, 5), st.integers(1, 10_000))
def test_equal_values_have_no_interval_without_width(value: float, seeds: int, items: int) -> None:
    """None where nothing tells how far others would be; some width where the score counts items."""
    same = [value] * seeds
    assert spread(same) is None
    assert mean_interval(same, 0.025) is None
    assert difference_interval(same, same, 0.025) is None
    found = mean_interval(same, 0.025, step=1 / items, within=(0.0, 1.0))
    assert found is not None
    assert found[0] < found[1]
    assert 0 <= found[0] <= value <= found[1] <= 1
    between = difference_interval(same, same, 0.025, step=1 / items, within=(0.0, 1.0))
    assert between is not None
    assert -1 <= between[0] < 0 < between[1] <= 1


def test_values_that_differ_by_rounding_are_equal() -> None:
    """Sums in another order are no spread."""
    assert spread([0.1 + 0.2, 0.3, 0.3]) is None


def test_one_of_equal_values_beside_one_that_has_a_spread() -> None:
    """Is held for certain: its mean against the other's interval."""
    alone = mean_interval([1.0, 2.0, 4.0], 0.025)
    beside = difference_interval([1.0, 2.0, 4.0], [0.0, 0.0, 0.0], 0.025)
    assert alone == pytest.approx(beside)


@pytest.mark.parametrize(("first", "second"), [([1.0], [2.0, 3.0]), ([], [1.0]), ([1.0, 2.0], [3.0])])
def test_one_value_has_no_spread(first: list[float], second: list[float]) -> None:
    """Nor does it lend itself another's."""
    assert difference_interval(first, second, 0.025, step=0.1) is None
    assert mean_interval([1.0], 0.025, step=0.1) is None


def test_an_interval_ends_where_scores_do() -> None:
    """A difference of two shares is within -1 and 1."""
    found = difference_interval([0.1, 0.9], [0.2, 0.8], 0.025, within=(0.0, 1.0))
    assert found == (-1.0, 1.0)
    free = difference_interval([0.1, 0.9], [0.2, 0.8], 0.025, within=(0.0, math.inf))
    assert free is not None
    assert free[1] > 1.0
