"""The input of the rules: the record of one training, and facts about its task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tuner.messages import Epoch
from tuner.objective import Objective

LOSS = "val/loss"


@dataclass(frozen=True, kw_only=True)
class Case:
    """The record of one training up to some epoch.

    Args:
        epochs: All epochs from the first on.
        budget: Epochs of a full training.
        objective: With the trivial predictor's score, if known.
        trivial: Scores of the trivial predictor on the validation split, by name without the split.
        lag: Longest expected dependency in steps; None if unknown.
        steps_per_epoch: Optimizer steps; 0 if unknown.
        params: The trial's parameters, with the defaults of cell and learning if known.
        diverged: What was not finite after the last epoch; "" if nothing was.
        pruned: Whether the search pruned it.
    """

    epochs: Sequence[Epoch]
    budget: int
    objective: Objective
    trivial: Mapping[str, float] = field(default_factory=dict)
    lag: int | None = None
    steps_per_epoch: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    diverged: str = ""
    pruned: bool = False

    def series(self, name: str) -> list[tuple[int, float]]:
        """Epoch and value of a metric, where it was measured and is finite."""
        pairs = ((epoch.epoch, epoch.metrics.get(name, math.nan)) for epoch in self.epochs)
        return [(epoch, value) for epoch, value in pairs if math.isfinite(value)]

    def tables(self, quantity: str) -> Iterator[tuple[int, Mapping[str, float]]]:
        """Epoch and table of a quantity, where it was measured."""
        for epoch in self.epochs:
            if table := epoch.tensors.get(quantity):
                yield epoch.epoch, table

    def last_table(self, quantity: str) -> tuple[int, Mapping[str, float]]:
        """The last table of a quantity with its epoch; epoch 0 and an empty table without any."""
        for epoch in reversed(self.epochs):
            if table := epoch.tensors.get(quantity):
                return epoch.epoch, table
        return 0, {}

    def step(self, epoch: int) -> int:
        """Optimizer step at the end of an epoch; 0 if unknown."""
        return epoch * self.steps_per_epoch

    @property
    def last(self) -> int:
        """The last epoch; 0 before the first."""
        return self.epochs[-1].epoch if self.epochs else 0

    @cached_property
    def trivial_loss(self) -> float | None:
        """Loss of the trivial predictor on the validation split, if it is known and above 0."""
        value = self.trivial.get("loss")
        return value if value is not None and math.isfinite(value) and value > 0 else None

    @cached_property
    def best_loss(self) -> tuple[int, float]:
        """Epoch and value of the lowest validation loss; (0, inf) without any."""
        return min(self.series(LOSS), key=lambda pair: pair[1], default=(0, math.inf))

    @cached_property
    def progress(self) -> float | None:
        """Largest improvement over the trivial predictor, as a fraction of its loss; 0 without any, None if unknown.

        If the objective is another error (MASE, a word error rate), its improvement counts if it is larger: a training
        that improves the objective has learned something. Scores that should be high do not count: with few items they
        exceed the trivial predictor's by chance.
        """
        if self.trivial_loss is None:
            return None
        shares = [1.0 - self.best_loss[1] / self.trivial_loss]
        objective, trivial = self.objective, self.objective.trivial
        if objective.direction == "minimize" and trivial is not None and 0 < trivial < math.inf:
            shares += [1.0 - value / trivial for _, value in self.series(objective.metric)]
        return max(0.0, *shares)


def reach(profiles: Iterable[Mapping[str, Sequence[Sequence[float]]]], lag: int | None) -> float | None:
    """Steps over which the decay of a gradient is known: the task's lag, at most the longest measured one.

    Args:
        profiles: By epoch, cell -> pairs of lag and value.
        lag: The task's.

    Returns:
        None if neither is known.
    """
    measured = (pair[0] for cells in profiles for profile in cells.values() for pair in profile)
    known = (float(steps) for steps in (lag, max(measured, default=None)) if steps is not None)
    return min(known, default=None)
