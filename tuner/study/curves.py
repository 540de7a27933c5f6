"""Learning curves of a study's trials: comparison at rungs, and the final values expected of pruned trials."""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tuner.objective import Objective

Array = NDArray[np.float64]

_TOLD = 20
"""Largest number of epochs of a curve that the study stores."""
_PAIRED = 100
"""Largest number of trials whose order is compared pairwise."""


class Curves:
    """Each trial's best value so far, per epoch.

    Rungs of different trials are at different epochs, as the first rung comes after the trial's own warm-up
    (`Pruner.rungs`). With values at rungs only, most trials would have few others to be compared with.

    Args:
        objective: The objective whose values these are.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self._best: dict[int, list[float]] = {}
        self._whole: set[int] = set()

    def add(self, number: int, epoch: int, value: float) -> None:
        """Add the value of an epoch (1-based) of a trial, in order; a non-finite value is no improvement."""
        best = self._best.setdefault(number, [])
        so_far = best[-1] if best else self.objective.worst
        best += [so_far] * (epoch - 1 - len(best))
        best.append(value if self.objective.better(value, so_far) else so_far)

    def completed(self, number: int) -> None:
        """Mark a trial as run to completion, possibly early by its patience: its best value is final."""
        self._whole.add(number)

    def others(self, number: int, epoch: int, among: Container[int] | None = None) -> list[float]:
        """The other trials' best values up to an epoch, if they were trained that long or completed earlier.

        The worst possible (infinite) value for a trial without a finite one.

        Args:
            number: The trial to exclude.
            epoch: The epoch, from 1.
            among: Only these trials; None: all.
        """
        return [
            best[min(epoch, len(best)) - 1]
            for other, best in self._best.items()
            if other != number and self._is_known(other, epoch) and (among is None or other in among)
        ]

    def standing(self, number: int, epoch: int) -> tuple[int, int]:
        """A trial's rank at an epoch (1 is the best) among all trials with at least one epoch, and their number.

        Two trials are compared after the largest number of epochs that both have, so that trials pruned earlier count,
        too; a trial completed earlier is compared by its final value.
        """
        own = self._best[number][:epoch]
        better = 0
        for other, best in self._best.items():
            last = len(own) if self._is_known(other, len(own)) else min(len(best), len(own))
            theirs, mine = best[min(last, len(best)) - 1], own[last - 1]
            better += other != number and self.objective.better(theirs, mine)
        return 1 + better, len(self._best)

    def _is_known(self, number: int, epoch: int) -> bool:
        """Whether a trial has a value at an epoch: it was trained that long, or completed earlier."""
        return number in self._whole or len(self._best[number]) >= epoch

    def reached(self, number: int) -> float:
        """A trial's best value so far; the worst possible (infinite) value before the first finite one."""
        return self._best[number][-1]

    def told(self, number: int, before: int | None) -> list[tuple[int, float]]:
        """A trial's curve at up to `_TOLD` epochs, for plots: (epoch, best value so far).

        Args:
            number: The trial.
            before: Only epochs before this one; None: the whole curve.
        """
        best = self._best.get(number, [])
        last = len(best) if before is None else min(len(best), before - 1)
        epochs = sorted({math.ceil(last * part / _TOLD) for part in range(1, _TOLD + 1)}) if last > 0 else []
        return [(epoch, best[epoch - 1]) for epoch in epochs if math.isfinite(best[epoch - 1])]

    def best(self) -> float:
        """The best value of all trials; the worst possible (infinite) value before the first finite one."""
        return self.objective.best((best[-1] for best in self._best.values()), default=self.objective.worst)

    def order_kept(self, number: int, epoch: int, later: int, among: Container[int] | None = None) -> tuple[int, float]:
        """How well the order of the other trials at an epoch agrees with their later order (have ranks settled?).

        Compares every pair of the latest `_PAIRED` other trials that were trained for `later` epochs (also if pruned
        after that) or completed earlier: which was better at `epoch`, and which at the last epoch that both have.
        A pair with a tie at one of the two epochs counts half.

        Args:
            number: The trial to exclude.
            epoch: The epoch, from 1.
            later: Minimum number of epochs they must have been trained for, > `epoch`.
            among: Only these trials; None: all.

        Returns:
            The number of these trials, and the fraction of pairs in the same order, 0 to 1; 0 with fewer than two.
        """
        others = [
            other
            for other in sorted(self._best)
            if other != number and self._is_known(other, later) and (among is None or other in among)
        ]
        curves = [self._best[other] for other in others[-_PAIRED:]]
        if len(curves) < 2:
            return len(curves), 0.0
        longest = max(later, *map(len, curves))
        best_NE = np.array([[*best, *best[-1:] * (longest - len(best))] for best in curves])
        whole = [other in self._whole for other in others[-_PAIRED:]]
        lengths_N = np.array([longest if ended else len(best) for best, ended in zip(curves, whole, strict=True)])
        one_P, other_P = np.triu_indices(len(curves), 1)
        common_P = np.minimum(lengths_N[one_P], lengths_N[other_P]) - 1
        then_P = _sign(best_NE[one_P, epoch - 1], best_NE[other_P, epoch - 1])
        later_P = _sign(best_NE[one_P, common_P], best_NE[other_P, common_P])
        return len(curves), float((1 + then_P * later_P).mean() / 2)

    def expected(self, finals: Mapping[int, float], cut: Collection[int]) -> dict[int, float]:
        """Final values of completed trials, and the final values expected of pruned ones.

        For a trial pruned at an epoch, an isotonic regression from the value at that epoch to the final value is
        fitted to the trials that were trained longer. So of two trials pruned at the same epoch, the better one is not
        expected to end worse, and none is expected to be better than the best that was trained longer. A trial worse
        than all of them is expected to stay as far behind. Trials pruned later enter the regression with their own
        expected values.

        Args:
            finals: Number -> final value, finite, of completed trials.
            cut: Numbers of pruned trials.

        Returns:
            Number -> final value of all of `finals`, and the expected one of those in `cut` that have a finite value;
            empty without a completed trial.
        """
        sign = self.objective.sign
        return {number: sign * loss for number, loss in self._foreseen(finals, cut, ahead=False).items()}

    def ranked(self, finals: Mapping[int, float], cut: Collection[int]) -> list[int]:
        """Numbers of completed and pruned trials, the best first, by what they reached or would reach.

        As `expected`, but a trial that was better, when it was pruned, than all that were trained longer stays as far
        ahead: a sampler should not rely on that, a ranking can. Of equals, a completed one goes first. Without a
        completed trial, those that were trained longest are treated as completed.

        Args:
            finals: See `expected`.
            cut: See `expected`.
        """
        if not finals:
            known = self._finite(cut)
            longest = max((len(self._best[number]) for number in known), default=0)
            finals = {number: self._best[number][-1] for number in known if len(self._best[number]) == longest}
        foreseen = self._foreseen(finals, [number for number in cut if number not in finals], ahead=True)
        return sorted(foreseen, key=lambda number: (foreseen[number], number not in finals, number))

    def _finite(self, cut: Collection[int]) -> list[int]:
        """Those with a finite value."""
        return [number for number in cut if (best := self._best.get(number)) and math.isfinite(best[-1])]

    def _foreseen(self, finals: Mapping[int, float], cut: Collection[int], *, ahead: bool) -> dict[int, float]:
        """Number -> final loss, reached or expected; with `ahead` as in `ranked`. Empty without `finals`."""
        sign = self.objective.sign
        found = {number: sign * value for number, value in finals.items()}
        if not found:
            return {}
        known = sorted(self._finite(cut), key=lambda number: (-len(self._best[number]), number))
        for epoch, together in groupby(known, key=lambda number: len(self._best[number])):
            longer = [(sign * self._by(number, epoch, sign * value), value) for number, value in found.items()]
            fit = _Isotonic([pair for pair in longer if math.isfinite(pair[0])])
            found |= {number: fit(sign * self._best[number][-1], ahead=ahead) for number in together}
        return found

    def _by(self, number: int, epoch: int, final: float) -> float:
        """A trial's best value up to an epoch; if it completed earlier, its final one."""
        best = self._best.get(number)
        return final if not best else best[min(epoch, len(best)) - 1]


def _sign(one: Array, other: Array) -> Array:
    """Elementwise -1, 0 or 1 where `one` is less than, equal to (also if both are infinite) or greater than `other`."""
    sign: Array = (one > other).astype(float) - (one < other).astype(float)
    return sign


class _Isotonic:
    """Isotonic regression: the non-decreasing least-squares fit to points of losses (lower is better).

    Linear between the points, with slope 1 above them; below them constant, or also with slope 1.

    Args:
        points: (x, y), finite, one or more.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        from scipy.optimize import isotonic_regression  # imported here, so that commands start without SciPy

        x, y = np.array(sorted(points)).T  # sorted, so that sums do not depend on the order
        self._x, where, counts = np.unique(x, return_inverse=True, return_counts=True)
        self._y = isotonic_regression(np.bincount(where, y) / counts, weights=counts).x

    def __call__(self, x: float, *, ahead: bool) -> float:
        below = max(0.0, float(self._x[0]) - x) if ahead else 0.0
        return float(np.interp(x, self._x, self._y)) + max(0.0, x - float(self._x[-1])) - below
