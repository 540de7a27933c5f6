"""How many optimizer steps an epoch has where a trial's budget is seconds: measured when the trial begins."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import suppress

from tuner.errors import Diverged
from tuner.messages import TrialSpec
from tuner.training.trial import Training, Unheard, choose_device

UPDATES = 20
"""Most steps that are measured."""
SHARE = 0.05
"""Largest share of the budget for that; two steps are made in any case."""


def measured_updates(spec: TrialSpec) -> int:
    """Optimizer steps that fit, with one validation, into an epoch: the `spec.epochs`-th part of `spec.seconds`.

    Measured on a training that is thrown away; its time counts. The steps' time is the median but for the first one.
    """
    assert spec.seconds is not None
    clock = clock_of(spec)
    began = clock()
    training = Training(spec, Unheard())
    losses = training.losses(training.schedule)
    steps: list[float] = []
    validation = 0.0
    with suppress(Diverged):  # the trial itself will say so, with its step
        while len(steps) < 2 or (len(steps) < UPDATES and clock() - began < SHARE * spec.seconds):
            started = clock()
            next(losses)
            steps.append(clock() - started)
        started = clock()
        training.validate()
        validation = clock() - started
    epoch = (spec.seconds - (clock() - began)) / spec.epochs - validation
    step = statistics.median(steps[1:] or [epoch])
    return max(1, int(epoch / step)) if step > 0 else 1


def clock_of(spec: TrialSpec) -> Callable[[], float]:
    """Processor seconds of this thread where it does all the work, so that others do not slow it; else wall seconds."""
    alone = spec.threads == 1 and choose_device(spec.device).type == "cpu"
    return time.thread_time if alone else time.perf_counter
