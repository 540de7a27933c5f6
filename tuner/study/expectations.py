"""Final values of trials, reached or expected."""

from __future__ import annotations

from collections.abc import Callable, Collection
from statistics import median

from optuna.trial import FrozenTrial, TrialState

from tuner.objective import Objective
from tuner.study.curves import Curves

_FAR = 3.0
"""Values for samplers are clipped at this many times the distance from the median to the best, beyond the median."""
_BEYOND = 0.1
"""Samplers see a diverged trial as worse than the worst by this fraction of the range of the values."""


class Expectations:
    """Final values of the trials inside the current space.

    Args:
        inside: Returns those trials, with the parameters of that space.
        curves: Their learning curves.
    """

    def __init__(self, inside: Callable[[], list[FrozenTrial]], curves: Curves) -> None:
        self.inside, self._curves = inside, curves

    @property
    def objective(self) -> Objective:
        """The objective whose values these are."""
        return self._curves.objective

    def expected(self) -> dict[int, float]:
        """Number -> final value of completed trials, and the final value expected of pruned ones.

        See `Curves.expected`. Diverged and failed trials have no entry.
        """
        return self._curves.expected(*self._over())

    def ranked(self, running: Collection[int] = ()) -> list[int]:
        """Numbers of these trials, the best first; see `Curves.ranked`.

        Args:
            running: Running trials that are ranked, too, as if they were pruned now.
        """
        finals, pruned = self._over()
        return self._curves.ranked(finals, [*pruned, *running])

    def _over(self) -> tuple[dict[int, float], list[int]]:
        """Final values of completed trials by number, and numbers of pruned ones."""
        over = [trial for trial in self.inside() if not _violation(trial)]
        finals = {trial.number: trial.values[0] for trial in over if trial.state == TrialState.COMPLETE}
        return finals, [trial.number for trial in over if trial.state == TrialState.PRUNED]

    def reached(self) -> dict[int, float]:
        """The values that samplers learn from: `expected`, with outliers clipped and diverged trials as the worst.

        Without clipping, one loss of a thousand among losses near one would dominate the model of a sampler.
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
    """Whether a trial violates the sampler's constraint, as diverged ones do."""
    return any(value > 0 for value in trial.constraints.values())
