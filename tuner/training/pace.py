"""How many optimizer steps an epoch has where a trial's budget is seconds: measured when the trial begins."""

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
"""Most steps that are measured."""
SHARE = 0.05
"""Largest share of a trial's budget for that; two steps are made in any case."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the parts of a training take, in seconds of `clock_of`.

    Args:
        step: An optimizer step, of every fold: the median of those measured but for the first one.
        validation: A validation.
        spent: All of the measuring.
        steps_per_epoch: Optimizer steps of a pass over the training data.
    """

    step: float
    validation: float
    spent: float
    steps_per_epoch: int


def measured(spec: TrialSpec, seconds: float) -> Pace:
    """Measure on a training that is thrown away.

    Args:
        spec: What to train.
        seconds: Most time for the steps; two are made in any case.
    """
    clock = clock_of(spec)
    began = clock()
    training = Training(spec, NullLink())
    losses = training.losses(training.learner.schedule)
    steps: list[float] = []
    validation = 0.0
    with suppress(Diverged):  # the trial itself will say so, with its step
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
    """Optimizer steps that fit, with one validation, into an epoch: the `spec.epochs`-th part of `spec.seconds`.

    The time of measuring counts.
    """
    assert spec.seconds is not None
    pace = measured(spec, SHARE * spec.seconds)
    epoch = (spec.seconds - pace.spent) / spec.epochs - pace.validation
    return max(1, int(epoch / max(pace.step, 1e-9)))


def clock_of(spec: TrialSpec) -> Callable[[], float]:
    """Processor seconds of this thread where it does all the work, so that others do not slow it; else wall seconds."""
    alone = spec.threads == 1 and choose_device(spec.device).type == "cpu"
    return time.thread_time if alone else time.perf_counter
