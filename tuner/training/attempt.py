"""One attempt of a search or confirmation trial: from its checkpoint, if any, to its outcome."""

from __future__ import annotations

import math
import time

from tuner.errors import Diverged
from tuner.link import Link
from tuner.messages import Ended, State, TrialSpec
from tuner.training import checkpoint
from tuner.training.loop import Hopeless, Training
from tuner.training.model import save_model
from tuner.training.pace import measured_updates
from tuner.training.reporter import Cut


def train(spec: TrialSpec, link: Link) -> Ended:
    """Run one attempt of a search or confirmation trial.

    Resumes from the run's checkpoint when there is one. The outcome of training is returned, never raised: DIVERGED
    with what was not finite, HOPELESS with the rule and its cause, PRUNED or STOPPED as the driver answered, else
    COMPLETED.
    Other exceptions are errors of the trial's code and go up.
    """
    started = time.monotonic()
    saved = checkpoint.saved(spec)
    updates = None
    if spec.seconds is not None:
        updates = saved.updates_per_epoch if saved else measured_updates(spec)
    training = Training(spec, link, updates_per_epoch=updates)
    if saved:
        training.go_on(saved)
    diverged, pruned = "", False
    try:
        reason = training.run()
        state = State.COMPLETED
        if spec.keep_model:
            save_model(spec, training.history, training.reporter.send)
    except (Diverged, Hopeless) as error:
        reason = f"{error} (epoch {training.epoch}, step {training.learner.step})"
        state = State.HOPELESS if isinstance(error, Hopeless) else State.DIVERGED
        diverged = str(error) if state is State.DIVERGED else ""
    except Cut as cut:
        state, reason, pruned = cut.state, cut.reason, cut.pruned
    if not state.final and training.between_epochs:  # else it goes on from the one before, and repeats the epoch
        training.save_checkpoint()
    results = training.facts()
    if state.final:
        results |= training.judge.judgment(diverged, cut=pruned)
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=state,
        reason=reason,
        value=training.history.best if math.isfinite(training.history.best) else None,
        epochs=training.epoch,
        seconds=time.monotonic() - started,
        step=training.learner.step,
        results=results,
    )
