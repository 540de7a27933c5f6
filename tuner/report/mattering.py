"""How much each parameter mattered, with intervals, over all trials that can be compared."""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import quantiles

from tuner.objective import Objective
from tuner.report.comparable import Comparable
from tuner.reporting.importance import FEWEST, importance

RESAMPLED, LARGEST = 40, 300
"""Times that the trials are drawn anew, and how many at most each time, so that a report takes seconds."""


@dataclass(frozen=True)
class Mattered:
    """One parameter.

    Args:
        name: Its name.
        share: Of all, 0 to 1.
        low: 5th percentile of its share among resampled trials.
        high: 95th percentile.
    """

    name: str
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Importances:
    """All parameters, the most important first; none, and why.

    Args:
        parameters: By share.
        reason: Why there are none.
    """

    parameters: tuple[Mattered, ...]
    reason: str = ""


def importances(compared: Comparable, objective: Objective) -> Importances:
    """PED-ANOVA's shares of reaching the best tenth, with percentile intervals of a bootstrap over trials.

    The same trials give the same intervals: the drawing has a seed of its own.

    Args:
        compared: The trials.
        objective: What their scores are of.

    Reference:
        Watanabe et al. 2023, arXiv:2304.10255; Efron 1979, doi:10.1214/aos/1176344552 (percentile bootstrap).
    """
    trials = [(one.params, one.score) for one in compared.trials]
    told = importance(trials, objective)
    if told.shares is None:
        reason = f"Importance needs {FEWEST} trials that can be compared, and there are {len(trials)}."
        return Importances((), told.reason.capitalize() if len(trials) >= FEWEST else reason)
    drawn: dict[str, list[float]] = {name: [] for name in told.shares}
    dice = random.Random(0)
    for _ in range(RESAMPLED):
        again = importance(dice.choices(trials, k=min(len(trials), LARGEST)), objective).shares or {}
        for name, values in drawn.items():
            values.append(again.get(name, 0.0))
    found = []
    for name, share in told.shares.items():
        cuts = quantiles(drawn[name], n=20, method="inclusive")
        found.append(Mattered(name, share, min(cuts[0], share), max(cuts[-1], share)))
    return Importances(tuple(found))
