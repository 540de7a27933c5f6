"""What trials reached, or are expected to reach."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from optuna.trial import FrozenTrial, TrialState

from tuner.objective import Objective
from tuner.study.curves import Curves

_FAR = 3.0
"""Samplers see nothing as worse than the median by more than so many times what the best is better than it."""
_BEYOND = 0.1
"""By so much of the spread of the values a trial that diverged is shown as worse than the worst."""


class Expectations:
    """Values of the trials inside today's space.

    Args:
        inside: Gives those trials, as that space has them.
        curves: What was reported of each.
    """

    def __init__(self, inside: Callable[[], list[FrozenTrial]], curves: Curves) -> None:
        self.inside, self._curves = inside, curves

    @property
    def objective(self) -> Objective:
        """What the values are of."""
        return self._curves.objective

    def expected(self) -> dict[int, float]:
        """Number -> final value of the completed trials, and what pruned ones would have reached.

        See `Curves.expected`; of what diverged or failed nothing is expected.
        """
        over = [trial for trial in self.inside() if not _violation(trial)]
        finals = {trial.number: trial.values[0] for trial in over if trial.state == TrialState.COMPLETE}
        return self._curves.expected(finals, [trial.number for trial in over if trial.state == TrialState.PRUNED])

    def reached(self) -> dict[int, float]:
        """`expected` as samplers are to learn from it: what is far off is drawn in, what diverged is worst.

        A sampler that models values would see nothing but a loss of a thousand among losses of one.
        """
        sign = self.objective.sign
        found = {number: sign * value for number, value in self.expected().items()}
        if not found:
            return {}
        best, middle = min(found.values()), median(found.values())
        far = middle + _FAR * (middle - best) if middle > best else max(found.values())
        found = {number: min(value, far) for number, value in found.items()}
        worst = max(found.values())
        beyond = worst + _BEYOND * (worst - best)
        found |= {trial.number: beyond for trial in self.inside() if _violation(trial)}
        return {number: sign * value for number, value in found.items()}


def _violation(trial: FrozenTrial) -> bool:
    """Whether a trial is told to the sampler as one that must not be repeated."""
    return any(value > 0 for value in trial.constraints.values())
