"""The number of optimizer steps of an epoch if a trial's budget is in seconds: measured when the trial begins."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tuner.errors import Diverged
from tuner.link import NullLink
from tuner.messages import TrialSpec
from tuner.training.devices import choose_device
from tuner.training.loop import Training

UPDATES = 20
"""Largest number of measured steps."""
SHARE = 0.05
"""Largest fraction of a trial's budget for measuring; at least two steps are made."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Times of the parts of a training, in seconds of `clock_of`.

    Args:
        step: An optimizer step, of every fold: the median of those measured but for the first one.
        validation: Of a validation.
        spent: Of all measuring.
        steps_per_epoch: Optimizer steps of a pass over the training data.
    """

    step: float
    validation: float
    spent: float
    steps_per_epoch: int


def measured(spec: TrialSpec, seconds: float) -> Pace:
    """Measure on a separate training that is discarded.

    Args:
        spec: The run.
        seconds: Longest time for the steps; at least two are made.
    """
    clock = clock_of(spec)
    began = clock()
    training = Training(spec, NullLink())
    losses = training.losses(training.learner.schedule)
    steps: list[float] = []
    validation = 0.0
    with suppress(Diverged):  # the trial itself will report it, with its step
        while len(steps) < 2 or (len(steps) < UPDATES and clock() - began < seconds):
            started = clock()
            next(losses)
            steps.append(clock() - started)
        started = clock()
        training.validate()
        validation = clock() - started
    spent = clock() - began
    step = statistics.median(steps[1:] or [spent]) * len(training.folds)
    return Pace(step, validation, spent, training.batches.updates_per_epoch)


def measured_updates(spec: TrialSpec) -> int:
    """Optimizer steps that fit, with a validation, into an epoch of `spec.seconds / spec.epochs` seconds.

    The time of measuring is part of the budget.
    """
    assert spec.seconds is not None
    pace = measured(spec, SHARE * spec.seconds)
    epoch = (spec.seconds - pace.spent) / spec.epochs - pace.validation
    return max(1, int(epoch / max(pace.step, 1e-9)))


def clock_of(spec: TrialSpec) -> Callable[[], float]:
    """Processor time of this thread if it does all the work, so that other programs do not count; else wall time."""
    alone = spec.threads == 1 and choose_device(spec.device).type == "cpu"
    return time.thread_time if alone else time.perf_counter
