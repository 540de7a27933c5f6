"""The noise of seeds: how much trainings of one configuration differ by their seeds alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import stdev

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective

LEVEL = 0.05
"""Significance level: probability that a gain due to the seed is taken for an improvement."""


@dataclass(frozen=True)
class SeedNoise:
    """The noise of seeds in a study, from its confirmations, which train configurations with several seeds.

    Scores are compared on a scale on which their spread depends less on their height: losses by their logarithm, shares
    by the arcsine of their root (Bartlett 1947, doi:10.2307/3001536), others as they are.

    Args:
        curves: Per configuration, per seed: epoch -> best score by then, on that scale.
        scale: From a score to that scale, higher being better.
    """

    curves: Sequence[Sequence[dict[int, float]]]
    scale: Callable[[float], float]

    @classmethod
    def of(cls, confirmed: Iterable[RunRecord], trials: Iterable[RunRecord], objective: Objective) -> SeedNoise:
        """The noise in the confirmations of a study.

        Args:
            confirmed: The confirmations; completed ones count.
            trials: The trials, whose scores must fit the same scale.
            objective: Of their scores.
        """
        whole = [record for record in confirmed if record.state is State.COMPLETED]
        seen = [value for record in [*whole, *trials] for value in record.series(objective.metric).values()]
        scale = _scale([value for value in seen if math.isfinite(value)], objective)
        by_number: dict[int, list[dict[int, float]]] = {}
        for record in whole:
            best, curve = -math.inf, {}
            for epoch, value in record.series(objective.metric).items():
                if math.isfinite(value):
                    best = max(best, scale(value))
                curve[epoch] = best
            by_number.setdefault(record.number, []).append(curve)
        return cls(list(by_number.values()), scale)

    def least_gain(self, epochs: int) -> float | None:
        """The gain after so many epochs, on the scale, that is beyond the noise of seeds; None if that is unknown.

        The difference of two seeds of one configuration is above t(df) * sqrt(2) * sd with probability `LEVEL`; the
        spread is pooled over configurations. As spreads differ, the gain must also be above every difference that was
        seen.
        """
        groups = [[_at(curve, epochs) for curve in curves] for curves in self.curves if len(curves) > 1]
        groups = [values for values in groups if all(map(math.isfinite, values))]
        freedom = sum(len(values) - 1 for values in groups)
        squares = sum((len(values) - 1) * stdev(values) ** 2 for values in groups)
        if not squares:
            return None  # one seed each, or all equal, which says nothing about others
        from scipy.special import stdtrit  # imported here, so that a leaderboard does not need SciPy

        quantile = float(stdtrit(freedom, 1 - LEVEL))
        widest = max(max(values) - min(values) for values in groups)
        return max(widest, quantile * math.sqrt(2 * squares / freedom))


def _at(curve: dict[int, float], epochs: int) -> float:
    """The best score by an epoch; the final one if the training ended before."""
    return curve.get(min(epochs, max(curve, default=0)), -math.inf)


def _scale(seen: Sequence[float], objective: Objective) -> Callable[[float], float]:
    losses = objective.direction == "minimize"
    if losses and all(value > 0 for value in seen):
        return lambda value: -math.log(value) if value > 0 else math.inf
    if not losses and all(0 <= value <= 1 for value in seen):
        return lambda value: math.asin(math.sqrt(value))
    return lambda value: -objective.loss(value)
