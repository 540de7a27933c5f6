"""The sentences of a verdict: which model, how good, whether beyond noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from tuner.objective import Objective
from tuner.reporting.intervals import difference_interval
from tuner.reporting.leaderboard import BASELINE, Comparison
from tuner.words import on_fresh, spelt, spoken, spoken_score

MOST_PARAMETERS = 3
FAR_SHARE, FAR_RATIO = 0.05, 0.25
"""Difference between test and validation score that is remarked on: absolute for a score that is a share, else relative
to the validation score. Our choice."""
NORMAL = 1.96
"""Standard deviations about a mean that hold 95 % of a normal distribution."""
_COMMON = ("cell", "learning_rate", "hidden_size")
"""Parameters that are named when it is not known what mattered."""


@dataclass(frozen=True)
class Readable:
    """The score used in a verdict.

    Args:
        name: Without its split: "accuracy".
        share: Whether it is a share, written in per cent.
    """

    name: str
    share: bool

    def text(self, values: Sequence[float]) -> str:
        """The mean, with the standard deviation of several values: `97.7 % ± 0.8`."""
        times, digits, unit = (100, ".1f", " %") if self.share else (1, ".4g", "")
        told = f"{times * fmean(values):{digits}}{unit}"
        if len(values) < 2:
            return told
        return f"{told} ± {times * stdev(values):{'.1f' if self.share else '.2g'}}"


def use(number: int, params: Mapping[str, Any], mattered: Sequence[str], *, beats: bool) -> str:
    """Which model: `use trial 18: cell gru, learning_rate 0.00736, hidden_size 127`.

    Args:
        number: The winner, or -1.
        params: Its parameters.
        mattered: Names of parameters, the most important first; empty if unknown.
        beats: Whether it is better than the trivial predictor.
    """
    names = [name for name in dict.fromkeys(["cell", *mattered, *_COMMON]) if name in params][: MOST_PARAMETERS + 1]
    told = ", ".join(f"{name} {spelt(params[name])}" for name in names)
    head = f"use {spoken(number)}" if beats else f"the best that was found is {spoken(number)}"
    last = "; no confirmed configuration is better than the defaults" if number == BASELINE and beats else ""
    return f"{head}{f': {told}' if told else ''}{last}."


def good(
    readable: Readable,
    values: Sequence[float],
    others: Mapping[str, Sequence[float]],
    *,
    where: str,
) -> str:
    """How good: `accuracy 97.7 % on test data that the search never saw; baseline 92.7 %, most frequent class 8.4 %`.

    Args:
        readable: The score.
        values: The winner's, at least one.
        others: Scores to compare with: name -> scores.
        where: The data, in words.
    """
    told = f"{spoken_score(readable.name)} {readable.text(values)} {where}"
    if beside := ", ".join(f"{name} {readable.text(scores)}" for name, scores in others.items() if scores):
        told += f"; {beside}"
    return f"{told} (mean ± standard deviation over {len(values)} seeds)." if len(values) > 1 else f"{told}."


def noise(against_baseline: Comparison | None) -> str:
    """Whether the difference to the baseline is beyond noise; "" if they were not compared."""
    if against_baseline is None:
        return ""
    if against_baseline.distinguishable:
        return f"beyond the noise of the seeds: {against_baseline.sentence}"
    if not against_baseline.known:
        return f"it is not known whether that is beyond the noise of the seeds: {against_baseline.sentence}"
    return f"within the noise of the seeds: {against_baseline.sentence}"


def seen_in_the_search(searched: float | None, fresh: Sequence[float], objective: Objective) -> str:
    """`val/loss 0.0135 in the search, 0.13 on fresh seeds`; "" if the search did not complete it."""
    if searched is None or not fresh:
        return ""
    mean = fmean(fresh)
    luck = ": the best of a search is partly luck" if objective.better(searched, mean) else ""
    return f"{objective.metric} {searched:.4g} in the search, {mean:.4g} {on_fresh(len(fresh))}{luck}."


def far_apart(
    fresh: Sequence[float],
    tests: Sequence[float],
    trivial: Sequence[float | None],
    objective: Objective,
    items: Sequence[int] = (),
) -> str:
    """A sentence if the test score is far from the validation score, beyond what seeds and items explain; else "".

    Args:
        fresh: Scores on validation data, by seed.
        tests: On test data.
        trivial: The trivial predictor's on validation and on test data.
        objective: Of the scores.
        items: Of the validation and of the test data, >= 1 each, if the score is a share of them.
    """
    if not fresh or not tests:
        return ""
    val, test = fmean(fresh), fmean(tests)
    far = max(FAR_SHARE, _by_chance((val, test), items)) if items else FAR_RATIO * abs(val)
    if abs(test - val) <= far:
        return ""
    interval = difference_interval(tests, fresh, 0.025)
    if interval is not None and interval[0] <= 0.0 <= interval[1]:
        return ""
    way = "worse" if objective.better(val, test) else "better"
    told = f"test is far from validation: test/{objective.name} {test:.4g} is {way} than {objective.metric} {val:.4g}"
    before, after = trivial
    if (
        before is not None
        and after is not None
        and abs(after - before) > (FAR_SHARE if items else FAR_RATIO * abs(before))
    ):
        moved = "harder" if objective.better(before, after) else "easier"
        told += f"; test is {moved} for the trivial predictor, too ({before:.4g} and {after:.4g})"
    return f"{told}; check how the data are split."


def _by_chance(shares: Sequence[float], items: Sequence[int]) -> float:
    """The difference of two shares of different items that chance reaches in 5 % of cases where they are equal."""
    level = sum(share * number for share, number in zip(shares, items, strict=True)) / sum(items)
    return NORMAL * math.sqrt(level * (1 - level) * sum(1 / number for number in items))
