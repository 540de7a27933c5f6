"""What goes with a choice: the share of trials of which something is true, among those that have it and the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from tuner.reporting.importance import is_numeric

_PARTS = 3
"""Groups of about equal size that the values of a range are divided into."""


@dataclass(frozen=True)
class Group:
    """The trials that have one choice, or a value in one part of a range.

    Args:
        label: The choice, or the part: "0.001 to 0.004".
        hits: Those of them of which it is true.
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
        probability: Of so large a difference where the choice does not matter: Fisher's exact test, two-sided, of this
            comparison alone.
    """

    parameter: str
    group: Group
    groups: tuple[Group, ...]
    probability: float

    @property
    def others(self) -> Group:
        """The trials that have the parameter, and another choice."""
        rest = [group for group in self.groups if group is not self.group]
        return Group("others", sum(group.hits for group in rest), sum(group.trials for group in rest))

    @property
    def least(self) -> float:
        """The least probability that so many hits in so many trials could have had, however they fell.

        Where it is above the level of a test, the comparison could not have been told, and need not be corrected for.

        Reference:
            Tarone 1990, doi:10.2307/2531456. Deviation: against the level itself, which corrects for more.
        """
        others = self.others
        hits, trials = self.group.hits + others.hits, self.group.trials
        most, fewest = min(hits, trials), max(0, hits - others.trials)
        return min(fisher(inside, trials, hits - inside, others.trials) for inside in {most, fewest})


def contrasts(trials: Sequence[tuple[Mapping[str, Any], bool]]) -> list[Contrast]:
    """Every choice of every parameter, or part of its range, against the rest of the trials that have the parameter.

    Of two choices only one is compared, the one with the larger share: the other comparison is the same.

    Args:
        trials: Searched parameters (inactive ones absent) of each trial, and whether it is true of it.

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
    """Interval of a share, within 0 to 1, sensible also for few trials and shares of 0 and 1.

    Args:
        hits: Trials of which it is true, 0 to `trials`.
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
    """Choices, or parts of a range with about as many trials each, by their share of trials of which it is true."""
    labels = _parts(values) if is_numeric(values) and len(set(values)) > _PARTS else [str(value) for value in values]
    groups = []
    for label in dict.fromkeys(labels):
        inside = [ok for other, ok in zip(labels, true, strict=True) if other == label]
        groups.append(Group(label, sum(inside), len(inside)))
    return tuple(sorted(groups, key=lambda group: (-group.hits / group.trials, -group.trials, group.label)))


def _parts(values: Sequence[float]) -> list[str]:
    """The part that each value is in; equal values are in one part."""
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
    """Probability of so large a difference between two shares by chance: Fisher's exact test, two-sided.

    Args:
        hits: Of the first group, 0 to `trials`.
        trials: Its size.
        other_hits: Of the second group.
        other_trials: Its size.

    Reference:
        Fisher 1922, doi:10.2307/2340521.
    """
    from scipy.stats import fisher_exact  # here, so that a leaderboard starts without SciPy

    table = [[hits, trials - hits], [other_hits, other_trials - other_hits]]
    return float(fisher_exact(table).pvalue)
