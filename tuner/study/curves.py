"""Learning curves of a study's trials: what a trial at a rung is compared with."""

from __future__ import annotations

import math


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
