"""The importance of each parameter, with intervals, over all comparable trials."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from tuner.objective import Objective
from tuner.reporting.comparable import Comparable
from tuner.reporting.importance import FEWEST, FEWEST_BEST, importance
from tuner.reporting.learned import halfway
from tuner.space.domains import Domain

RESAMPLED, LARGEST = 40, 300
"""Number of bootstrap samples, and largest size of one, so that it takes seconds."""
CLEAR = 0.1
"""A parameter is significant if its interval begins here or above. Our choice."""
_TOLD = 4


@dataclass(frozen=True)
class Mattered:
    """One parameter.

    Args:
        name: Its name.
        share: Its importance, 0 to 1.
        low: 5th percentile of the share over bootstrap samples.
        high: 95th percentile.
    """

    name: str
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.name} {self.share:.0%} ({self.low:.0%} to {self.high:.0%})"


@dataclass(frozen=True)
class Importances:
    """All parameters, the most important first; or none and the reason.

    Args:
        parameters: By share.
        compared: The compared trials, in words.
        learned: Number of trials that learned, if these counted as the best; 0 if the best tenth did.
        reason: Why there are none.
    """

    parameters: tuple[Mattered, ...]
    compared: str = ""
    learned: int = 0
    reason: str = ""

    @property
    def shares(self) -> dict[str, float]:
        """Name -> share, largest first, summing to 1."""
        return {one.name: one.share for one in self.parameters}

    @property
    def of_what(self) -> str:
        """What the parameters are important for, in words."""
        return f"being among the {self.learned} that learned" if self.learned else "reaching the best tenth"

    @property
    def sentence(self) -> str:
        """The importances in words."""
        if not self.parameters:
            return f"what mattered cannot be said: {self.reason}" if self.reason else ""
        shares = ", ".join(map(str, self.parameters[:_TOLD]))
        clear = "" if self.parameters[0].low >= CLEAR else "; no parameter stands out from chance"
        head = f"what mattered (share in {self.of_what}, 90 % interval): {shares}{clear}"
        return f"{head}; of {self.compared}."

    def as_json(self) -> dict[str, Any]:
        """JSON-able: shares, intervals, and the compared trials."""
        return {
            "importance": self.shares,
            "intervals": {one.name: [one.low, one.high] for one in self.parameters},
            "compared": self.compared,
        }


def importances(compared: Comparable, objective: Objective, domains: Mapping[str, Domain] | None = None) -> Importances:
    """Importance by PED-ANOVA for reaching the best tenth, with percentile intervals of a bootstrap over trials.

    If at least five trials learned the task, but at most half, those count as the best: then learning at all is the
    question. The same trials give the same intervals, as the bootstrap has a fixed seed.

    Args:
        compared: The trials.
        objective: Of their scores.
        domains: Searched parameter -> its declared domain, if known.

    Reference:
        Watanabe et al. 2023, arXiv:2304.10255; Efron 1979, doi:10.1214/aos/1176344552 (percentile bootstrap).
    """
    trials = [(one.params, one.score) for one in compared.trials]
    learned = _few_that_learned([score for _, score in trials], objective)
    told = importance(trials, objective, best=learned, domains=domains)
    if told.shares is None:
        few = f"importance needs {FEWEST} trials that can be compared, and there are {len(trials)}."
        return Importances((), reason=told.reason if len(trials) >= FEWEST else few)
    drawn: dict[str, list[float]] = {name: [] for name in told.shares}
    dice = random.Random(0)
    size = min(len(trials), LARGEST)
    for _ in range(RESAMPLED):
        best = round(learned * size / len(trials))
        again = importance(dice.choices(trials, k=size), objective, best=best, domains=domains).shares or {}
        for name, values in drawn.items():
            values.append(again.get(name, 0.0))
    found = []
    for name, share in told.shares.items():
        cuts = quantiles(drawn[name], n=20, method="inclusive")
        found.append(Mattered(name, share, min(cuts[0], share), max(cuts[-1], share)))
    return Importances(tuple(found), compared.words, learned)


def _few_that_learned(values: Sequence[float], objective: Objective) -> int:
    """Number of trials that learned, if they are enough but at most half, so that they count as the best; else 0."""
    cut = halfway(values, objective)
    learned = 0 if cut is None else sum(objective.better(value, cut) for value in values)
    return learned if FEWEST_BEST <= learned <= len(values) / 2 else 0
