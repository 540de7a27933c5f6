"""The epochs of a training so far, and the best of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from tuner.messages import Epoch
from tuner.objective import Objective


class History:
    """Every epoch of a training, including those of earlier attempts; epoch n is `epochs[n - 1]`.

    Args:
        objective: Determines the best epoch.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.epochs: list[Epoch] = []
        self.best = objective.worst
        """Best value of the objective, as measured; infinite before the first."""
        self.best_epoch = 0
        self.best_weights: dict[str, Tensor] = {}
        """The network's state after the best epoch, if it is kept."""

    def add(self, epoch: Epoch, value: float) -> bool:
        """Take in an epoch and its value of the objective; returns whether it is finite and the best so far."""
        self.epochs.append(epoch)
        better = self._objective.better(value, self.best)
        if better:
            self.best, self.best_epoch = value, epoch.epoch
        return better

    def state_dict(self) -> dict[str, Any]:
        """The whole history; epochs as JSON, which is faster to read."""
        return {
            "epochs": json.dumps([asdict(epoch) for epoch in self.epochs]),
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self.epochs[:] = [Epoch(**epoch) for epoch in json.loads(state["epochs"])]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_weights = state["best_weights"]
