"""How large a difference the validation items can tell: in theory before a sweep, measured after it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.reporting.conclusion import NORMAL, Readable
from tuner.reporting.intervals import difference_interval, mean_interval
from tuner.reporting.leaderboard import Comparison
from tuner.words import spoken

TAIL = 0.025
"""Probability beyond each end of an interval of 95 %."""
FEWEST_APART = 6
"""Items that only one of two models has right, and none the other, from which on a sign test tells them apart:
2 x 0.5^6 < 0.05."""


def least_difference(items: int, level: float = 0.5) -> float:
    """The least difference of two shares of the same items that can be told to be more than chance, at 95 %.

    At most items are both right or both wrong. Where whether one model is right and whether the other is correlate by
    a half, as errors on the same items do, their difference has the standard error sqrt(p (1 - p) / n), that of one
    share; and whatever they are, the exact sign test asks for six items.

    Args:
        items: How many, >= 1.
        level: The shares p, in (0, 1).

    Reference:
        McNemar 1947, doi:10.1007/BF02295996: the paired test. The correlation of a half is ours.

    >>> round(least_difference(33), 2)
    0.18
    """
    return min(1.0, max(FEWEST_APART / items, NORMAL * math.sqrt(level * (1 - level) / items)))


def cannot_tell(items: int, score: Readable) -> str:
    """What so many validation items cannot tell, a sentence; "" where the score counts no items.

    Args:
        items: Of the validation split.
        score: What is told of them.
    """
    if not score.share or items < 1:
        return ""
    least, high = least_difference(items), least_difference(items, 0.9)
    told = f"{least:.2g}" + (f", near 0.9 by less than {high:.2g}," if high < least else "")
    return (
        f"{items:,} validation items: two values of {score.name} that differ by less than {told} cannot be told apart"
    )


def told_apart(
    items: Mapping[str, Any], confirmed: Sequence[RunRecord], pair: Comparison, objective: Objective, folds: int = 1
) -> str:
    """What the validation items tell of two configurations beside what their seeds do, a sentence; "" without any.

    The seeds of each are averaged, group of items by group of items; groups of both are the same items, where their
    targets are, and are then compared one by one.

    Args:
        items: Run -> what its groups of items have to do with the objective: see `tuner.training.items`.
        confirmed: The runs of the confirmation.
        pair: The two.
        objective: What their scores are of.
        folds: That they are means over, of which the first is looked at: all of them tell differences that are smaller
            by the root of their number.
    """
    found = [
        [items[run.run] for run in confirmed if run.number == number and run.run in items]
        for number in (pair.first, pair.second)
    ]
    if not all(found):
        return ""
    first, second = (
        [fmean(values) for values in zip(*(one["values"] for one in each), strict=False)] for each in found
    )
    alike = len({(one["digest"], len(one["values"])) for each in found for one in each}) == 1
    if alike:
        interval = mean_interval([a - b for a, b in zip(first, second, strict=True)], TAIL)
    else:
        interval = difference_interval(first, second, TAIL)
    if interval is None:
        return ""
    one = found[0][0]
    least, difference = (interval[1] - interval[0]) / 2 / math.sqrt(folds), abs(pair.difference)
    stretches = f" in {len(first)} stretches, as they overlap," if one["overlap"] > 1 else ""
    how = "item by item" if alike and not stretches else "stretch by stretch" if alike else "each by its own items"
    which = f"{folds} folds of {one['items']:,}" if folds > 1 else f"{one['items']:,}"
    return (
        f"{which} validation items{stretches} tell {spoken(pair.first)} from {spoken(pair.second)} where "
        f"{objective.metric} differs by {least:.2g} or more (95 %, {how}): {difference:.3g} is "
        f"{'more' if difference >= least else 'less'}."
    )
