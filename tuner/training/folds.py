"""One of the trainings that a trial is of: on its only split, or one per fold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tuner.adapters.base import Problem
from tuner.errors import Diverged
from tuner.messages import TrialSpec
from tuner.training.batches import TrainingBatches
from tuner.training.checkpoint import Stateful
from tuner.training.evaluation import evaluate
from tuner.training.learner import Learner
from tuner.training.settings import Settings


class Fold:
    """What is learned from, what learns, and what is validated on.

    Args:
        spec: The trial.
        settings: What it is of.
        problem: This fold's.
        device: Where it lies.
        updates_per_epoch: Optimizer steps of an epoch; None makes an epoch of every pass over the training data.
        level: Of diagnostics.

    Raises:
        TrialError: The parts do not go together.
    """

    def __init__(
        self,
        spec: TrialSpec,
        settings: Settings,
        problem: Problem,
        device: torch.device,
        updates_per_epoch: int | None,
        level: str,
    ) -> None:
        self.problem, self._device = problem, device
        self._val = problem.dataset("val")
        self.batches = TrainingBatches(problem, settings.learning, spec.seed, device, updates_per_epoch)
        self.learner = Learner(settings, problem, self.batches, epochs=spec.epochs, level=level, device=device)

    def train(self, epoch: int, alive: Callable[[], None]) -> tuple[np.ndarray[Any, np.dtype[np.float64]], float]:
        """Train for an epoch.

        Args:
            epoch: Its number, from 1.
            alive: Called after every step.

        Returns:
            The loss before each update, and their mean over items, or targets where each step has one.

        Raises:
            Diverged: That is not finite.
        """
        losses: list[Tensor] = []
        weights: list[int] = []
        self.learner.network.train()
        for chunk in self.batches.epoch(epoch):
            losses.append(self.learner.update(chunk))
            alive()
            weights.append(chunk.num_targets if self.problem.every_step else len(chunk.batch.y))
        losses_N = torch.stack(losses).double().cpu().numpy()
        train_loss = float(np.average(losses_N, weights=weights))
        if not math.isfinite(train_loss):
            raise Diverged(f"the training loss is {train_loss}")
        return losses_N, train_loss

    def validate(self) -> dict[str, float]:
        """Scores on the validation split, of the averaged weights where there are any."""
        with self.learner.averaging.applied():
            return evaluate(self.learner.network, self.problem, self._val, self._device)

    def scored(self) -> dict[str, float]:
        """The same, by which schedules and averages then go."""
        scores = self.validate()
        self.learner.observe(scores["loss"])
        return scores

    def parts(self) -> dict[str, Stateful]:
        """Everything needed to go on as if nothing had happened."""
        learner = self.learner
        return {
            "network": learner.network,
            "optimizer": learner.optimizer,
            "schedule": learner.schedule,
            "clipping": learner.clipping,
            "averaging": learner.averaging,
            "learner": learner,
            "watch": learner.watch,
            "batches": self.batches,
        }
