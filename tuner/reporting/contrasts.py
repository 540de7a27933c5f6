"""Associations with a choice: the share of trials with a property among those with the choice and among the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from tuner.reporting.importance import is_numeric

_PARTS = 3
"""Number of groups of about equal size into which the values of a range are divided."""


@dataclass(frozen=True)
class Group:
    """The trials that have one choice, or a value in one part of a range.

    Args:
        label: The choice, or the part: "0.001 to 0.004".
        hits: Those with the property.
        trials: All of them.
    """

    label: str
    hits: int
    trials: int

    def __str__(self) -> str:
        return f"{self.label} {self.hits} of {self.trials}"


@dataclass(frozen=True)
class Contrast:
    """One choice against all others of its parameter.

    Args:
        parameter: The parameter.
        group: The trials that have the choice.
        groups: All choices, by share, largest first.
        probability: p value of this comparison alone: Fisher's exact test, two-sided.
    """

    parameter: str
    group: Group
    groups: tuple[Group, ...]
    probability: float

    @property
    def others(self) -> Group:
        """The trials with another choice of the parameter."""
        rest = [group for group in self.groups if group is not self.group]
        return Group("others", sum(group.hits for group in rest), sum(group.trials for group in rest))

    @property
    def least(self) -> float:
        """The least p value possible with so many hits in so many trials.

        If it is above the level of a test, the comparison could never be significant, and need not be corrected for.

        Reference:
            Tarone 1990, doi:10.2307/2531456. Deviation: against the level itself, which corrects for more.
        """
        others = self.others
        hits, trials = self.group.hits + others.hits, self.group.trials
        most, fewest = min(hits, trials), max(0, hits - others.trials)
        return min(fisher(inside, trials, hits - inside, others.trials) for inside in {most, fewest})


def contrasts(trials: Sequence[tuple[Mapping[str, Any], bool]]) -> list[Contrast]:
    """Every choice of every parameter, or part of its range, against the rest of the trials that have the parameter.

    Of two choices only the one with the larger share is compared: the other comparison is the same.

    Args:
        trials: Searched parameters (inactive ones absent) of each trial, and whether it has the property.

    Reference:
        Fisher 1922, doi:10.2307/2340521.
    """
    compared: list[Contrast] = []
    for name in dict.fromkeys(name for params, _ in trials for name in params):
        having = [(params[name], true) for params, true in trials if name in params]
        groups = _groups([value for value, _ in having], [true for _, true in having])
        told = groups if len(groups) > 2 else groups[:1]
        compared += [Contrast(name, group, groups, _probability(group, groups)) for group in told if len(groups) > 1]
    return compared


def wilson(hits: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a share, within 0 to 1, valid also for few trials and shares of 0 and 1.

    Args:
        hits: Trials with the property, 0 to `trials`.
        trials: All trials, >= 1.
        level: Confidence, in (0, 1).

    Reference:
        Wilson 1927, doi:10.1080/01621459.1927.10502953. No deviation.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = hits / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def _groups(values: Sequence[Any], true: Sequence[bool]) -> tuple[Group, ...]:
    """Choices, or parts of a range with about equally many trials, sorted by their share of hits."""
    labels = _parts(values) if is_numeric(values) and len(set(values)) > _PARTS else [str(value) for value in values]
    groups = []
    for label in dict.fromkeys(labels):
        inside = [ok for other, ok in zip(labels, true, strict=True) if other == label]
        groups.append(Group(label, sum(inside), len(inside)))
    return tuple(sorted(groups, key=lambda group: (-group.hits / group.trials, -group.trials, group.label)))


def _parts(values: Sequence[float]) -> list[str]:
    """The part of each value; equal values are in the same part."""
    ranked = sorted(values)
    part_of = {value: ranked.index(value) * _PARTS // len(ranked) for value in set(values)}
    labels = {}
    for part in set(part_of.values()):
        inside = [value for value in part_of if part_of[value] == part]
        low, high = f"{min(inside):.3g}", f"{max(inside):.3g}"
        labels[part] = low if low == high else f"{low} to {high}"
    return [labels[part_of[value]] for value in values]


def _probability(group: Group, groups: Sequence[Group]) -> float:
    """Fisher's exact test of a group against the others together, two-sided."""
    rest = [other for other in groups if other is not group]
    hits, trials = sum(other.hits for other in rest), sum(other.trials for other in rest)
    return fisher(group.hits, group.trials, hits, trials)


def fisher(hits: int, trials: int, other_hits: int, other_trials: int) -> float:
    """The p value of the difference between two shares: Fisher's exact test, two-sided.

    Args:
        hits: Of the first group, 0 to `trials`.
        trials: Its size.
        other_hits: Of the second group.
        other_trials: Its size.

    Reference:
        Fisher 1922, doi:10.2307/2340521. In whole numbers, without rounding: SciPy's takes half a second to import.
    """
    marked = hits + other_hits
    least, most = max(0, marked - other_trials), min(marked, trials)
    # How many draws give the first group its least possible number of hits, one more, and so on.
    ways = [math.comb(trials, least) * math.comb(other_trials, marked - least)]
    for drawn in range(least, most):
        gained, lost = (trials - drawn) * (marked - drawn), (drawn + 1) * (other_trials - marked + drawn + 1)
        ways.append(ways[-1] * gained // lost)
    return sum(each for each in ways if each <= ways[hits - least]) / sum(ways)
