"""Confidence intervals of a mean and of a difference of means, from few values with possibly very different spreads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

Interval = tuple[float, float]
ANYWHERE: Interval = (-math.inf, math.inf)
"""The range of a score without known limits."""

LEAST_STEPS = 0.5
"""Least standard deviation, in steps, of a score that moves in steps: that of a score which takes two neighbouring
values equally often. Two seeds with equal counts do not show that no seed would differ by one item."""
SAME = 1e-9
"""Values whose standard deviation is a smaller fraction of the largest value count as equal."""


def spread(values: Sequence[float], step: float = 0.0) -> float | None:
    """Standard deviation of values (n - 1); None with one value, or if all are equal and no step is known.

    Args:
        values: Finite.
        step: The score's smallest change; 0 if unknown: then the spread of equal values is unknown.
    """
    if len(values) < 2:
        return None
    sd = stdev(values)
    if sd <= SAME * max(map(abs, values)):
        sd = 0.0
    return max(sd, LEAST_STEPS * step) or None


def mean_interval(
    values: Sequence[float], tail: float, step: float = 0.0, within: Interval = ANYWHERE
) -> Interval | None:
    """Student's t interval of a mean, from the values' own spread; None if they have none, see `spread`.

    Args:
        values: Finite, independent.
        tail: Probability that the mean is beyond each end, in (0, 0.5).
        step: See `spread`.
        within: The least and the largest possible value, which limit the interval.
    """
    sd = spread(values, step)
    if sd is None:
        return None
    half = _quantile(len(values) - 1, tail) * sd / math.sqrt(len(values))
    return _around(fmean(values), half, within)


def difference_interval(
    first: Sequence[float], second: Sequence[float], tail: float, step: float = 0.0, within: Interval = ANYWHERE
) -> Interval | None:
    """Welch's t interval of the difference of two means, first minus second; None if neither has a spread.

    d +- t(df) * sqrt(a + b), a = sd_1^2 / n_1, b = sd_2^2 / n_2, df = (a + b)^2 / (a^2 / (n_1 - 1) + b^2 / (n_2 - 1))

    Args:
        first: Finite, independent of the second's; with less than two there is no interval.
        second: Alike.
        tail: Probability that the difference is beyond each end, in (0, 0.5).
        step: See `spread`.
        within: The least and the largest value that there can be.

    Reference:
        Welch 1947, doi:10.2307/2332510. No deviation; a sample of equal values counts with spread 0.
    """
    if min(len(first), len(second)) < 2:
        return None
    a, b = ((spread(values, step) or 0.0) ** 2 / len(values) for values in (first, second))
    if a + b == 0.0:
        return None
    share = a / (a + b)
    freedom = 1.0 / (share**2 / (len(first) - 1) + (1.0 - share) ** 2 / (len(second) - 1))
    widest = within[1] - within[0]
    return _around(fmean(first) - fmean(second), _quantile(freedom, tail) * math.sqrt(a + b), (-widest, widest))


def _around(middle: float, half: float, within: Interval) -> Interval:
    """An interval clipped to the possible values; a middle beyond them, which should not occur, stays inside."""
    return max(middle - half, min(middle, within[0])), min(middle + half, max(middle, within[1]))


def _quantile(freedom: float, tail: float) -> float:
    from scipy.special import stdtrit  # imported here, so that a leaderboard does not need SciPy

    return float(stdtrit(freedom, 1.0 - tail))
