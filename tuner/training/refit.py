"""The refit: trains the winner on training and validation data, without scores and without a choice of epoch."""

from __future__ import annotations

import copy

from tuner.link import Link
from tuner.messages import Refit, TrialSpec
from tuner.optim.schedules import CooledDown
from tuner.training.loop import Training


class Refitting(Training):
    """One attempt of a refit: as many steps as planned, at the end of which the learning rate has fallen to 0.

    Any schedule is cooled down in the last fifth, as no epoch is chosen by validation data. Parts that follow the
    validation loss (a schedule, an average of weights) get the recorded losses of the original training.

    Args:
        spec: Has a `refit`.
        link: To the driver.
    """

    def __init__(self, spec: TrialSpec, link: Link) -> None:
        assert spec.refit is not None
        self._plan: Refit = spec.refit
        super().__init__(spec, link, updates_per_epoch=self._plan.steps)
        self.learner.schedule = CooledDown(self.learner.schedule)

    def run(self) -> str:
        """Train to the end of the plan; the last weights are the model. See `Training.run`."""
        while self.epoch < self.spec.epochs:
            self.epoch += 1
            self.history.epochs.append(self.run_epoch())
            self._report()
        with self.learner.averaging.applied():
            self.history.best_weights = copy.deepcopy(self.learner.network.state_dict())
        self.history.best_epoch = self.epoch
        return ""

    def _scored(self) -> dict[str, float]:
        self.learner.observe(self._plan.losses[self.epoch - 1])
        return {}

    def _at_end(self) -> bool:
        return self.epoch == self.spec.epochs
