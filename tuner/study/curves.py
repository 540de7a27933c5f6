"""Learning curves of a study's trials: what one at a rung is compared with, what a cut one would reach."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tuner.objective import Objective

Array = NDArray[np.float64]

_TOLD = 20
"""Most epochs of a curve that are told."""
_PAIRED = 100
"""Most trials whose order is compared pair by pair."""


class Curves:
    """Of every trial its best value so far, by epoch.

    Rungs of different trials lie at different epochs, as a trial's own warm-up comes before its first
    (`Pruner.rungs`). With the values at rungs alone, most trials would find few others to be compared with.

    Args:
        objective: What the values are of.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self._best: dict[int, list[float]] = {}
        self._whole: set[int] = set()

    def add(self, number: int, epoch: int, value: float) -> None:
        """Take in an epoch (1-based) of a trial, after those before it; a value that is not finite is no gain."""
        best = self._best.setdefault(number, [])
        so_far = best[-1] if best else self.objective.worst
        best += [so_far] * (epoch - 1 - len(best))
        best.append(value if self.objective.better(value, so_far) else so_far)

    def completed(self, number: int) -> None:
        """A trial came to an end of its own, by its patience before the budget: its best value stays what it is."""
        self._whole.add(number)

    def others(self, number: int, epoch: int) -> list[float]:
        """The best values by an epoch of the other trials that have been there, or were completed before.

        Infinitely bad where none is finite.
        """
        return [
            best[min(epoch, len(best)) - 1]
            for other, best in self._best.items()
            if other != number and self._is_known(other, epoch)
        ]

    def standing(self, number: int, epoch: int) -> tuple[int, int]:
        """Rank of a trial at an epoch, 1 the best, among all that were trained at all, itself included.

        It is compared with each after as many epochs as both were trained, so that those count that were cut before;
        with one that was completed before, with what that one reached.
        """
        own = self._best[number][:epoch]
        better = 0
        for other, best in self._best.items():
            last = len(own) if self._is_known(other, len(own)) else min(len(best), len(own))
            theirs, mine = best[min(last, len(best)) - 1], own[last - 1]
            better += other != number and self.objective.better(theirs, mine)
        return 1 + better, len(self._best)

    def _is_known(self, number: int, epoch: int) -> bool:
        """Whether a trial has a value at an epoch: it was trained so long, or completed before."""
        return number in self._whole or len(self._best[number]) >= epoch

    def reached(self, number: int) -> float:
        """A trial's best value so far; infinitely bad before the first finite one."""
        return self._best[number][-1]

    def told(self, number: int, before: int | None) -> list[tuple[int, float]]:
        """Some epochs of a trial's curve, for who draws it: epoch, best value so far.

        Args:
            number: The trial.
            before: The epoch that they lie before; None tells all of the curve.
        """
        best = self._best.get(number, [])
        last = len(best) if before is None else min(len(best), before - 1)
        epochs = sorted({math.ceil(last * part / _TOLD) for part in range(1, _TOLD + 1)}) if last > 0 else []
        return [(epoch, best[epoch - 1]) for epoch in epochs if math.isfinite(best[epoch - 1])]

    def best(self) -> float:
        """The best value that any trial reached; infinitely bad before the first finite one."""
        return self.objective.best((best[-1] for best in self._best.values()), default=self.objective.worst)

    def order_kept(self, number: int, epoch: int, later: int) -> tuple[int, float]:
        """How far the order of the other trials at an epoch is their order later: whether ranks have settled by then.

        Asked is every pair of the latest `_PAIRED` others that were trained for `later` epochs or completed before,
        those that were cut thereafter among them: who was better at `epoch`, and who at the last epoch that both have.
        Where one of the two is a tie, a pair counts half.

        Args:
            number: The trial that is left out.
            epoch: The epoch, from 1.
            later: Epochs that they must have been trained for, > `epoch`.

        Returns:
            How many trials those are, and the share of pairs that kept their order, 0 to 1; 0 with less than two.
        """
        others = [other for other in sorted(self._best) if other != number and self._is_known(other, later)]
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
        """What trials reached that were trained to their end, and what those that were cut would have.

        A trial that was cut at an epoch is taken to end as those did that were as good as it at that epoch: the
        mean of their finals, isotonic in the value at the epoch, so that of two that were cut together the better one
        is not expected to end worse, and none better than the best that was trained longer. Where it is worse than all
        of them, it is expected to stay as far behind. Those that were cut later count among them with what they are
        expected to reach.

        Args:
            finals: Number -> final value, finite, of trials that were trained to their end.
            cut: Numbers of trials that were ended before, with finite values.

        Returns:
            Number -> final value of all of `finals`, and of those in `cut` of which something is known; empty when
            no trial came to its end.
        """
        sign = self.objective.sign
        found = {number: sign * value for number, value in finals.items()}
        if not found:
            return {}
        known = [number for number in cut if (best := self._best.get(number)) and math.isfinite(best[-1])]
        known.sort(key=lambda number: (-len(self._best[number]), number))
        for epoch, together in groupby(known, key=lambda number: len(self._best[number])):
            longer = [(sign * self._by(number, epoch, sign * value), value) for number, value in found.items()]
            fit = _Isotonic([pair for pair in longer if math.isfinite(pair[0])])
            found |= {number: fit(sign * self._best[number][-1]) for number in together}
        return {number: sign * value for number, value in found.items()}

    def _by(self, number: int, epoch: int, final: float) -> float:
        """A trial's best value by an epoch; of one that ended by itself before, its last."""
        best = self._best.get(number)
        return final if not best else best[min(epoch, len(best)) - 1]


def _sign(one: Array, other: Array) -> Array:
    """-1, 0 or 1 where one is less, equal (infinite ones are) or greater."""
    sign: Array = (one > other).astype(float) - (one < other).astype(float)
    return sign


class _Isotonic:
    """The non-decreasing function that fits points best in the sense of least squares; less is better.

    Between points it is linear, below them constant; above them it goes on with slope 1.

    Args:
        points: (x, y), finite, one or more.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        from scipy.optimize import isotonic_regression  # here, so that a command starts without SciPy

        x, y = np.array(sorted(points)).T  # sorted, so that sums do not depend on the order
        self._x, where, counts = np.unique(x, return_inverse=True, return_counts=True)
        self._y = isotonic_regression(np.bincount(where, y) / counts, weights=counts).x

    def __call__(self, x: float) -> float:
        return float(np.interp(x, self._x, self._y)) + max(0.0, x - float(self._x[-1]))
