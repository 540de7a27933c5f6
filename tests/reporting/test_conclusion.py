"""When a test score is told to be far from the validation score."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.objective import Objective
from tuner.reporting.conclusion import far_apart

ACCURACY = Objective("val/accuracy", maximize=True)
LOSS = Objective("val/loss")
NONE = (None, None)


@pytest.mark.parametrize(
    ("items", "told"), [((24, 24), False), ((24, 2400), False), ((2400, 24), False), ((240, 240), True)]
)
def test_few_items_explain_a_difference(items: tuple[int, int], told: bool) -> None:
    """Two of 24 items should be no reason to look at the split; twenty of 240 should be."""
    assert bool(far_apart([0.875], [0.7917], NONE, ACCURACY, items)) is told


def test_equal_shares_of_few_items_are_rarely_told() -> None:
    """Where both splits are alike, at most a twentieth of studies should be told, and where they are not, most."""
    draws = np.random.default_rng(0)
    val, alike, other = (draws.binomial(60, share, 2000) / 60 for share in (0.8, 0.8, 0.4))
    for test, low, high in ((alike, 0.0, 0.06), (other, 0.95, 1.0)):
        told = [bool(far_apart([a], [b], NONE, ACCURACY, (60, 60))) for a, b in zip(val, test, strict=True)]
        assert low <= np.mean(told) <= high


def test_a_small_difference_is_not_told_however_many_items() -> None:
    """A difference of four in a hundred should be no remark, of six one."""
    assert not far_apart([0.90], [0.86], NONE, ACCURACY, (10**6, 10**6))
    assert far_apart([0.90], [0.84], NONE, ACCURACY, (10**6, 10**6)) == (
        "test is far from validation: test/accuracy 0.84 is worse than val/accuracy 0.9; check how the data are split."
    )


def test_the_spread_of_seeds_explains_a_difference() -> None:
    """Of scores that are no shares, a quarter of the value should be told, unless seeds differ by as much."""
    assert far_apart([1.0, 1.01, 0.99], [1.5, 1.51, 1.49], NONE, LOSS)
    assert not far_apart([1.0, 2.0, 0.5], [1.5, 3.0, 0.6], NONE, LOSS)
    assert "easier for the trivial predictor, too (2 and 1)" in far_apart([1.0], [0.5], (2.0, 1.0), LOSS)


@pytest.mark.parametrize(("fresh", "tests"), [([], [0.5]), ([0.5], [])])
def test_without_scores_nothing_is_told(fresh: list[float], tests: list[float]) -> None:
    """Neither before the confirmation nor before the test should anything be said."""
    assert far_apart(fresh, tests, NONE, ACCURACY, (100, 100)) == ""
