"""One attempt of a search or confirmation trial: from its checkpoint, if any, to its outcome."""

from __future__ import annotations

import math
import time

from tuner.errors import Diverged
from tuner.messages import Ended, State, TrialSpec
from tuner.training.pace import measured_updates
from tuner.training.trial import Cut, Hopeless, Link, Training, resumable


def train(spec: TrialSpec, link: Link) -> Ended:
    """Run one attempt of a search or confirmation trial.

    Resumes from the run's checkpoint when there is one. The outcome of training is returned, never raised: DIVERGED
    with what was not finite, HOPELESS with the rule and its cause, PRUNED or STOPPED as the driver answered, else
    COMPLETED.
    Other exceptions are errors of the trial's code and go up.
    """
    started = time.monotonic()
    saved = resumable(spec)
    updates = None
    if spec.seconds is not None:
        updates = saved.facts["updates_per_epoch"] if saved else measured_updates(spec)
    training = Training(spec, link, updates_per_epoch=updates)
    if saved:
        training.go_on(saved)
    diverged, pruned = "", False
    try:
        reason = training.run()
        state = State.COMPLETED
        if spec.keep_model:
            training.save_model()
    except (Diverged, Hopeless) as error:
        reason = f"{error} (epoch {training.epoch}, step {training.step})"
        state = State.HOPELESS if isinstance(error, Hopeless) else State.DIVERGED
        diverged = str(error) if state is State.DIVERGED else ""
    except Cut as cut:
        state, reason, pruned = cut.state, cut.reason, cut.pruned
    if not state.final and training.between_epochs:  # else it goes on from the one before, and repeats the epoch
        training.save_checkpoint()
    results = training.facts()
    if state.final:
        results |= training.judgment(diverged, cut=pruned)
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=state,
        reason=reason,
        value=training.best if math.isfinite(training.best) else None,
        epochs=training.epoch,
        seconds=time.monotonic() - started,
        step=training.step,
        results=results,
    )
