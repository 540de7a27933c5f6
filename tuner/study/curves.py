"""Learning curves of a study's trials: what one at a rung is compared with, what a cut one would reach."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import numpy as np


class Curves:
    """Of every trial its best value so far, by epoch.

    Rungs of different trials lie at different epochs, as a trial's own warm-up comes before its first
    (`Pruner.rungs`). With the values at rungs alone, most trials would find few others to be compared with.

    Args:
        maximize: Whether higher is better.
    """

    def __init__(self, *, maximize: bool) -> None:
        self._maximize = maximize
        self._best: dict[int, list[float]] = {}

    def add(self, number: int, epoch: int, value: float) -> None:
        """Take in an epoch (1-based) of a trial, after those before it; a value that is not finite is no gain."""
        best = self._best.setdefault(number, [])
        so_far = best[-1] if best else (-math.inf if self._maximize else math.inf)
        best += [so_far] * (epoch - 1 - len(best))
        better = value > so_far if self._maximize else value < so_far
        best.append(value if better and math.isfinite(value) else so_far)

    def others(self, number: int, epoch: int) -> list[float]:
        """The best values by an epoch of the other trials that have been there; infinitely bad where none is finite."""
        return [best[epoch - 1] for other, best in self._best.items() if other != number and len(best) >= epoch]

    def standing(self, number: int, epoch: int) -> tuple[int, int]:
        """Rank of a trial at an epoch, 1 the best, among all that were trained at all, itself included.

        It is compared with each after as many epochs as both were trained, so that those count that were cut before.
        """
        own = self._best[number]
        better = 0
        for other, best in self._best.items():
            at = min(epoch, len(best), len(own)) - 1
            better += other != number and (best[at] > own[at] if self._maximize else best[at] < own[at])
        return 1 + better, len(self._best)

    def reached(self, number: int) -> float:
        """A trial's best value so far; infinitely bad before the first finite one."""
        return self._best[number][-1]

    def best(self) -> float:
        """The best value that any trial reached; infinitely bad before the first finite one."""
        values = (best[-1] for best in self._best.values())
        return max(values, default=-math.inf) if self._maximize else min(values, default=math.inf)

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
        sign = -1.0 if self._maximize else 1.0
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


class _Isotonic:
    """The non-decreasing function that fits points best in the sense of least squares; less is better.

    Between points it is linear, below them constant; above them it goes on with slope 1.

    Args:
        points: (x, y), finite, one or more.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        from scipy.optimize import isotonic_regression  # here, so that a command starts without SciPy

        x, y = np.array(points).T
        self._x, where, counts = np.unique(x, return_inverse=True, return_counts=True)
        self._y = isotonic_regression(np.bincount(where, y) / counts, weights=counts).x

    def __call__(self, x: float) -> float:
        return float(np.interp(x, self._x, self._y)) + max(0.0, x - float(self._x[-1]))
