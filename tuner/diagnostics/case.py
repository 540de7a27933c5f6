"""What is judged: the record of one training, and what must be known of its task."""

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
        epochs: From the first on, none left out.
        budget: Epochs of a full training.
        objective: What is optimized, with the trivial predictor's score where it is known.
        trivial: Scores of the trivial predictor on the validation split, by name without the split.
        lag: Longest expected dependency in steps; None where it is not known.
        steps_per_epoch: Optimizer steps; 0 where they are not known.
        params: The trial's parameters, defaults of cell and learning included where they are known.
        diverged: Why there is nothing after the last epoch, where something was not finite; "" else.
        pruned: Whether the search ended it, as others were ahead after as many epochs.
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
        """Epoch and value of a metric, wherever it was measured and is finite."""
        pairs = ((epoch.epoch, epoch.metrics.get(name, math.nan)) for epoch in self.epochs)
        return [(epoch, value) for epoch, value in pairs if math.isfinite(value)]

    def tables(self, quantity: str) -> Iterator[tuple[int, Mapping[str, float]]]:
        """Epoch and table of a quantity, wherever it was measured."""
        for epoch in self.epochs:
            if table := epoch.tensors.get(quantity):
                yield epoch.epoch, table

    def last_table(self, quantity: str) -> tuple[int, Mapping[str, float]]:
        """The last of them; epoch 0 and nothing where there is none."""
        for epoch in reversed(self.epochs):
            if table := epoch.tensors.get(quantity):
                return epoch.epoch, table
        return 0, {}

    def step(self, epoch: int) -> int:
        """Optimizer step at the end of an epoch; 0 where it is not known."""
        return epoch * self.steps_per_epoch

    @property
    def last(self) -> int:
        """The last epoch; 0 before the first."""
        return self.epochs[-1].epoch if self.epochs else 0

    @cached_property
    def trivial_loss(self) -> float | None:
        """Loss of the trivial predictor on the validation split, where it is known and above 0."""
        value = self.trivial.get("loss")
        return value if value is not None and math.isfinite(value) and value > 0 else None

    @cached_property
    def best_loss(self) -> tuple[int, float]:
        """Epoch and value of the least validation loss; (0, inf) where there is none."""
        return min(self.series(LOSS), key=lambda pair: pair[1], default=(0, math.inf))

    @cached_property
    def progress(self) -> float | None:
        """Share of the trivial predictor's loss that the best epoch is below it; 0 where it never was below. None where
        the trivial predictor's is not known.

        Where the objective is another error (MASE, a word error rate), the larger of both shares: a training that is
        ahead by what it is chosen by has learned something. A score of which higher is better is left out: that of few
        items is above the trivial predictor's by chance.
        """  # noqa: D205
        if self.trivial_loss is None:
            return None
        shares = [1.0 - self.best_loss[1] / self.trivial_loss]
        objective, trivial = self.objective, self.objective.trivial
        if objective.direction == "minimize" and trivial is not None and 0 < trivial < math.inf:
            shares += [1.0 - value / trivial for _, value in self.series(objective.metric)]
        return max(0.0, *shares)


def reach(profiles: Iterable[Mapping[str, Sequence[Sequence[float]]]], lag: int | None) -> float | None:
    """Steps over which it is known what is left of a gradient: the task's lag, at most the longest one measured.

    Args:
        profiles: By epoch, cell -> pairs of lag and value.
        lag: The task's.

    Returns:
        None where neither is known.
    """
    measured = (pair[0] for cells in profiles for profile in cells.values() for pair in profile)
    known = (float(steps) for steps in (lag, max(measured, default=None)) if steps is not None)
    return min(known, default=None)
