"""Weight averages: a trial can be evaluated with other weights than those it trains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, optim

from tuner.optim.catalog import SELF_AVERAGING
from tuner.optim.learning import LearningOptions


class Averaging:
    """The weights that a trial evaluates and keeps; in this base class the trained ones.

    The training loop calls `update` after every optimizer step and `observe` once per evaluation; within `applied` it
    evaluates and copies the weights to keep. The trained weights never change.

    Args:
        parameters: Those of the network.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.parameters = [parameter.detach() for parameter in parameters]

    def update(self) -> None:
        """Take in the weights after an optimizer step."""

    def observe(self, loss: float) -> None:
        """Take in a validation loss."""

    def average(self) -> list[Tensor] | None:
        """The averages, one per parameter; None before there are any."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """The state for a checkpoint."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `state_dict`."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within this context the network has the averaged weights; afterwards the trained ones, bit-identical."""
        average = self.average()
        if average is None:
            yield
            return
        trained = [parameter.clone() for parameter in self.parameters]
        torch._foreach_copy_(self.parameters, average)
        try:
            yield
        finally:
            torch._foreach_copy_(self.parameters, trained)


class ExponentialAverage(Averaging):
    """a = d * a + (1 - d) * w after every step t >= 1, with d = min(decay, (1 + t) / (10 + t)); at first a = w.

    Args:
        parameters: Those of the network.
        decay: Largest share kept per step, in [0, 1).

    Reference:
        Polyak & Juditsky 1992, in the exponential form that is usual. The smaller decay of the first steps is that of
        TensorFlow's ExponentialMovingAverage; without it, short trainings would be evaluated near their initial values.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float) -> None:
        super().__init__(parameters)
        self.decay, self.steps = decay, 0
        self.mean = [parameter.clone() for parameter in self.parameters]

    def update(self) -> None:
        """See `Averaging.update`."""
        self.steps += 1
        share = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.mean, self.parameters, 1 - share)

    def average(self) -> list[Tensor] | None:
        """See `Averaging.average`."""
        return self.mean

    def state_dict(self) -> dict[str, Any]:
        """See `Averaging.state_dict`."""
        return {"steps": self.steps, "mean": self.mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Averaging.load_state_dict`."""
        self.steps, self.mean = state["steps"], state["mean"]


class TailAverage(Averaging):
    """The mean of the weights after every step since the validation loss stopped falling; none before.

    It begins as soon as a validation loss is above the lowest one that is more than `after` evaluations old.

    Args:
        parameters: Those of the network.
        after: Number n of latest evaluations that are ignored, >= 1.

    Reference:
        Merity et al. 2018, arXiv:1708.02182, algorithm 1 (NT-ASGD), where the optimizer is SGD at a constant rate.
        Deviation: any optimizer and schedule.
    """

    def __init__(self, parameters: Iterable[Tensor], after: int) -> None:
        super().__init__(parameters)
        self.after, self.steps = after, 0
        self.begun = False
        self.losses: list[float] = []
        self.mean: list[Tensor] = []

    def update(self) -> None:
        """See `Averaging.update`."""
        if not self.begun:
            return
        self.steps += 1
        if self.steps == 1:
            self.mean = [parameter.clone() for parameter in self.parameters]
        else:
            torch._foreach_lerp_(self.mean, self.parameters, 1 / self.steps)

    def observe(self, loss: float) -> None:
        """See `Averaging.observe`."""
        self.begun = self.begun or loss > min(self.losses[: -self.after], default=math.inf)
        self.losses.append(loss)

    def average(self) -> list[Tensor] | None:
        """See `Averaging.average`."""
        return self.mean or None

    def state_dict(self) -> dict[str, Any]:
        """See `Averaging.state_dict`."""
        return {"begun": self.begun, "steps": self.steps, "losses": self.losses, "mean": self.mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Averaging.load_state_dict`."""
        self.begun, self.steps = state["begun"], state["steps"]
        self.losses, self.mean = list(state["losses"]), state["mean"]


class OptimizersAverage(Averaging):
    """The average kept by the optimizer itself, which switches to it by `eval()` and back by `train()`.

    Args:
        parameters: Those of the network.
        optimizer: The optimizer that trains them, one of `SELF_AVERAGING`.

    Reference:
        Defazio et al. 2024, arXiv:2405.15682.
    """

    def __init__(self, parameters: Iterable[Tensor], optimizer: Any) -> None:
        super().__init__(parameters)
        self._optimizer = optimizer

    @contextmanager
    def applied(self) -> Iterator[None]:
        """See `Averaging.applied`."""
        trained = [parameter.clone() for parameter in self.parameters]
        self._optimizer.eval()
        try:
            yield
        finally:
            self._optimizer.train()
            torch._foreach_copy_(self.parameters, trained)  # switching there and back changes the last bit


def make_averaging(learning: LearningOptions, parameters: Iterable[Tensor], optimizer: optim.Optimizer) -> Averaging:
    """The averaging of the options, or that of the optimizer."""
    if learning.optimizer in SELF_AVERAGING:
        return OptimizersAverage(parameters, optimizer)
    if learning.ema is not None:
        return ExponentialAverage(parameters, learning.ema)
    if learning.average_after is not None:
        return TailAverage(parameters, learning.average_after)
    return Averaging(parameters)
