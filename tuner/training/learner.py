"""The learner, and its optimizer step.

Order of a step: forward, loss, backward, gradient norm, (probes), clipping, rate, update. A step waits neither for the
driver nor for the disk. On a GPU the gradient norm is read back once per step, as it decides whether the update is
made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tuner.adapters.base import Batch, Problem
from tuner.diagnostics.watch import Watch, nonfinite_tensor
from tuner.errors import Diverged
from tuner.nets.network import build_network
from tuner.optim.averaging import make_averaging
from tuner.optim.clipping import gradient_norm, make_clipping
from tuner.optim.optimizers import eager_step, make_optimizer, set_rate
from tuner.optim.schedules import make_schedule
from tuner.training.batches import TrainingBatches
from tuner.training.chunks import Chunk
from tuner.training.settings import Settings

NONFINITE_STEPS = 10
"""A trial has diverged after so many skipped steps in a row, whose gradient was not finite."""


class Learner:
    """A network with all that changes its weights: optimizer, learning rate schedule, clipping, weight averages.

    `network`, `optimizer`, `schedule`, `clipping`, `averaging` and `watch` (which measures) have separate states;
    `schedule` may be replaced before the first step. `step` is the number of optimizer steps so far, including skipped
    ones. Weights are drawn from torch's global generator.

    Args:
        settings: The parameters of all these.
        problem: The problem to learn.
        batches: The training data.
        epochs: Of the whole training, for the schedule.
        level: Of diagnostics.
        device: Of the network.

    Raises:
        TrialError: The parts do not fit together.
    """

    def __init__(
        self,
        settings: Settings,
        problem: Problem,
        batches: TrainingBatches,
        *,
        epochs: int,
        level: str,
        device: torch.device,
    ) -> None:
        learning, per_epoch = settings.learning, batches.updates_per_epoch
        self._problem, self._learning = problem, learning
        self.network = build_network(settings.net, settings.cell, settings.regularizers, problem).to(device)
        self._parameters = list(self.network.parameters())
        self.optimizer = make_optimizer(learning.optimizer, settings.optimizer, self.network)
        self._step = eager_step(self.optimizer)
        self.averaging = make_averaging(learning, self._parameters, self.optimizer)
        self.clipping = make_clipping(learning)
        self.schedule = make_schedule(learning.schedule, settings.schedule, per_epoch * epochs, per_epoch)
        self.peak_rate = float(settings.optimizer.model_dump()["learning_rate"])
        self.watch = Watch(level, self.network, per_epoch, batches.sample)
        self.step = 0
        self._nonfinite = 0
        self._states: Sequence[tuple[Tensor, ...]] = ()

    @property
    def num_parameters(self) -> int:
        """Number of trained parameters of the network."""
        return sum(parameter.numel() for parameter in self._parameters)

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        return self.peak_rate * self.schedule.factor(self.step - 1)

    def update(self, chunk: Chunk) -> Tensor:
        """Make one optimizer step; returns the loss before it, without penalties.

        Raises:
            Diverged: The gradient was not finite too often in a row.
        """
        batch = chunk.batch
        set_rate(self.optimizer, self.peak_rate, self._share_of_rate(batch) * self.schedule.factor(self.step))
        self.optimizer.zero_grad(set_to_none=True)
        prediction, states = self.network.read(batch.x, batch.lengths, chunk.carried(self._states))
        if self._learning.truncation is not None:
            self._states = [tuple(part.detach() for part in state) for state in states]
        loss = self._problem.loss(prediction, batch)
        penalty = self.network.stack.penalty
        (loss if penalty is None else loss + penalty).backward()
        norm_tensor = gradient_norm(self._parameters)
        norm = norm_tensor.item()
        if not math.isfinite(norm):
            self._skip(norm)
            return loss.detach()
        self._nonfinite = 0
        due = self.watch.due(self.step)
        if due:
            self.watch.before_update(self.network)
        clipped = self.clipping.clip_(self._parameters, norm_tensor, norm)
        self._step()
        self.averaging.update()
        if due:
            self.watch.after_update(self.network)
        self.watch.step(norm, clipped=clipped, skipped=False)
        self.step += 1
        return loss.detach()

    def _share_of_rate(self, batch: Batch) -> float:
        """Of a chunk of random length, its length beside the usual one; the step goes with it."""
        usual = self._learning.truncation
        return batch.x.shape[1] / usual if self._learning.variable_truncation and usual else 1.0

    def _skip(self, norm: float) -> None:
        self._nonfinite += 1
        self.watch.step(norm, clipped=False, skipped=True)
        self.step += 1
        if self._nonfinite >= NONFINITE_STEPS:
            tensor = nonfinite_tensor(self.network) or "the loss"
            raise Diverged(f"the gradient of {tensor} is not finite in {self._nonfinite} steps in a row")

    def observe(self, loss: float) -> None:
        """Take in the validation loss of an epoch, which schedules and averages may use."""
        self.schedule.observe(loss)
        self.averaging.observe(loss)

    def state_dict(self) -> dict[str, Any]:
        """The state outside the parts: counts, and the recurrent state carried over by truncation."""
        return {"step": self.step, "nonfinite": self._nonfinite, "states": [list(state) for state in self._states]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self.step, self._nonfinite = state["step"], state["nonfinite"]
        self._states = [tuple(parts) for parts in state["states"]]
