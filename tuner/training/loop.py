"""The loop of one attempt of one trial: epochs, each trained, scored, measured, recorded and reported."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

import torch

from tuner.adapters.defaults import folds_of
from tuner.diagnostics import names
from tuner.errors import Diverged, TrialError
from tuner.link import Link
from tuner.messages import Epoch, TrialSpec
from tuner.optim.schedules import Schedule
from tuner.training.checkpoint import Checkpoints, Saved, Stateful
from tuner.training.devices import RandomStreams, choose_device
from tuner.training.folds import Fold
from tuner.training.history import History
from tuner.training.judge import Judge
from tuner.training.problems import open_problem
from tuner.training.reporter import Reporter


class Hopeless(Exception):  # noqa: N818 - control flow, not an error
    """A training that a rule ends early; the findings name the rule."""


class Training:
    """One attempt. Each part is changed only by its own methods; this class calls them.

    `batches` gives the data for the `learner`, `history` keeps the epochs, `reporter` reports them to the driver,
    `judge` judges them, `checkpoints` saves all parts. `epoch` is the current or the last epoch. Where data are in
    folds, a network of each is trained for the epoch, one after the other, scores are means over them, and `batches`
    and `learner` are the first one's, which is measured and kept.

    Args:
        spec: The run.
        link: To the driver.
        updates_per_epoch: Optimizer steps of an epoch; None: an epoch is a pass over the training data.

    Raises:
        TrialError: The parts do not fit together.
    """

    def __init__(self, spec: TrialSpec, link: Link, *, updates_per_epoch: int | None = None) -> None:
        self.spec = spec
        torch.set_num_threads(spec.threads)
        self.device = choose_device(spec.device)
        self.settings, self.problem = open_problem(spec)
        learning = self.settings.learning
        self.updates_per_epoch, self._patience = updates_per_epoch, learning.patience
        torch.manual_seed(spec.seed)
        self.folds = [
            Fold(spec, self.settings, problem, self.device, updates_per_epoch, "off" if number else spec.diagnostics)
            for number, problem in enumerate([self.problem] if spec.refit else folds_of(self.problem))
        ]
        self.batches, self.learner = self.folds[0].batches, self.folds[0].learner
        self.history = History(spec.objective)
        self.judge = Judge(
            spec,
            self.settings,
            self.history,
            lag=self.problem.lag,
            steps_per_epoch=self.batches.updates_per_epoch,
        )
        self.reporter = Reporter(spec, link, self.history)
        self.checkpoints = Checkpoints(spec)
        self.epoch = 0

    def run(self) -> str:
        """Train to the last epoch, or until there is no gain for too long; returns the reason of an early stop.

        Raises:
            Diverged: Something was not finite.
            Hopeless: A rule ends it, and the driver agrees.
            Cut: The driver ends it.
            TrialError: The objective is not among the metrics.
        """
        if self._at_rung():  # resumed at a rung that may not have been answered
            self.reporter.send(waiting=True)
        if self.learner.step == 0:
            self.learner.watch.start(self.learner.network)
        while self.epoch < self.spec.epochs:
            if self._patience_lost():
                return f"stopped early: no gain since epoch {self.history.best_epoch}"
            self.epoch += 1
            self._record(self.run_epoch())
            self._end_if_hopeless()
            self._report()
        return ""

    def losses(self, schedule: Schedule) -> Iterator[float]:
        """Train without end, with another schedule; yields the training loss before each update."""
        self.learner.schedule = schedule
        self.learner.network.train()
        return (self.learner.update(chunk).item() for chunk in self.batches.endless)

    def validate(self) -> dict[str, float]:
        """Scores on the validation split, of the averaged weights where there are any: means over folds."""
        return _mean([fold.validate() for fold in self.folds])

    # one epoch --------------------------------------------------------------------------------------------------

    def run_epoch(self) -> Epoch:
        """Train for an epoch, score and measure."""
        learner, metric, began = self.learner, self.spec.objective.metric, time.perf_counter()
        losses, train_losses = zip(
            *(fold.train(self.epoch, self.reporter.sign_of_life) for fold in self.folds), strict=True
        )
        trained = time.perf_counter() - began
        rate = learner.rate
        scores = self._scored()
        milestone = self.epoch in self.spec.rungs or self.epoch == self.spec.epochs
        measured = learner.watch.epoch(learner.network, learner.step, losses[0].tolist(), milestone=milestone)
        scores = {f"val/{name}": value for name, value in scores.items()}
        metrics = {
            **{
                name: value for name, value in scores.items() if name == metric
            },  # first, as MLflow shows the first metric
            names.TRAIN_LOSS: fmean(train_losses),
            **scores,
            names.LEARNING_RATE: rate,
            **measured.metrics,
            names.EPOCH_SECONDS: time.perf_counter() - began,
            names.STEPS_PER_SECOND: sum(map(len, losses)) / trained,
        }
        return Epoch(
            epoch=self.epoch,
            time=time.time(),
            metrics=metrics,
            tensors=measured.tensors,
            profiles=measured.profiles,
        )

    def _scored(self) -> dict[str, float]:
        """The scores of an epoch, by which schedules and averages go: means over folds."""
        return _mean([fold.scored() for fold in self.folds])

    # between epochs ---------------------------------------------------------------------------------------------

    def _record(self, epoch: Epoch) -> None:
        metric, learner = self.spec.objective.metric, self.learner
        if metric not in epoch.metrics:
            known = ", ".join(name for name in epoch.metrics if name.startswith("val/"))
            raise TrialError(f"the objective {metric} is not among the metrics: {known}")
        value = epoch.metrics[metric]
        best = self.history.add(epoch, value)
        if not math.isfinite(value):
            self.reporter.send()
            raise Diverged(f"{metric} is {value}")
        if best and self.spec.keep_model:
            with learner.averaging.applied():
                self.history.best_weights = copy.deepcopy(learner.network.state_dict())

    def _end_if_hopeless(self) -> None:
        if not self._at_end() and (why := self.judge.hopeless()) and self.reporter.may_end(why):
            raise Hopeless(why)

    def _report(self) -> None:
        if self._at_end():
            self.reporter.send_last()
            return
        waiting = self._at_rung()
        if not (waiting or self.reporter.due()):
            self.reporter.listen()
            return
        if waiting or self.checkpoints.due():
            self.save_checkpoint()
        self.reporter.send(waiting=waiting)

    def _patience_lost(self) -> bool:
        return self._patience is not None and self.epoch - self.history.best_epoch >= self._patience

    def _at_end(self) -> bool:
        return self.epoch == self.spec.epochs or self._patience_lost()

    def _at_rung(self) -> bool:
        """Whether to wait here; not at the epoch from which this attempt was resumed."""
        return self.epoch in self.spec.rungs and self.epoch >= self.spec.reported and not self._at_end()

    # checkpoints ------------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Stateful]:
        """All parts needed to resume without a difference."""
        others = enumerate(self.folds[1:], start=1)
        return {
            **self.folds[0].parts(),
            **{f"{name} of fold {number}": part for number, fold in others for name, part in fold.parts().items()},
            "history": self.history,
            "random": RandomStreams(self.device),
        }

    @property
    def between_epochs(self) -> bool:
        """Whether all epochs are complete; a checkpoint within an epoch would lose the epoch's measurements."""
        return self.epoch == len(self.history.epochs)

    def save_checkpoint(self) -> None:
        """Save all parts, between epochs."""
        self.checkpoints.save(self.parts(), epoch=self.epoch, updates_per_epoch=self.updates_per_epoch)

    def go_on(self, saved: Saved) -> None:
        """Resume from a checkpoint."""
        saved.load_into(self.parts())
        self.epoch = len(self.history.epochs)


def _mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Score by score."""
    return {name: math.fsum(each[name] for each in scores) / len(scores) for name in scores[0]}
