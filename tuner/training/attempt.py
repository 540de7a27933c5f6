"""One attempt of a search or confirmation trial: from its checkpoint, if any, to its outcome."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

from tuner.errors import Diverged
from tuner.link import Link
from tuner.messages import Ended, State, TrialSpec
from tuner.optim.optimizers import parameter_groups
from tuner.training import checkpoint
from tuner.training.loop import Hopeless, Training
from tuner.training.model import save_model
from tuner.training.pace import measured_updates
from tuner.training.refit import Refitting
from tuner.training.reporter import Cut


def train(spec: TrialSpec, link: Link) -> Ended:
    """Run one attempt of a search or confirmation trial.

    Resumes from the run's checkpoint if there is one. The outcome of training is returned, never raised: DIVERGED with
    what was not finite, HOPELESS with the rule and its cause, PRUNED or STOPPED by the driver's answer, else COMPLETED.
    Other exceptions are errors in the trial's code and are raised.
    """
    started = time.monotonic()
    training = _begun(spec, link)
    outcome = _run(training)
    if (
        not outcome.state.final and training.between_epochs
    ):  # else it resumes from the checkpoint before, and repeats an epoch
        training.save_checkpoint()
    best = training.history.best
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=outcome.state,
        reason=outcome.reason,
        value=best if math.isfinite(best) else None,
        epochs=training.epoch,
        seconds=time.monotonic() - started,
        step=training.learner.step,
        results=_results(training, outcome),
    )


class _Outcome(NamedTuple):
    """How a training ended, with the facts for its judge."""

    state: State
    reason: str
    diverged: str = ""
    pruned: bool = False


def _begun(spec: TrialSpec, link: Link) -> Training:
    saved = checkpoint.saved(spec)
    updates = None
    if spec.seconds is not None:
        updates = saved.updates_per_epoch if saved else measured_updates(spec)
    training = Refitting(spec, link) if spec.refit else Training(spec, link, updates_per_epoch=updates)
    if saved:
        training.go_on(saved)
    return training


def _run(training: Training) -> _Outcome:
    try:
        reason = training.run()
        if training.spec.keep_model:
            save_model(training.spec, training.history, training.reporter.send)
    except (Diverged, Hopeless) as error:
        reason = f"{error} (epoch {training.epoch}, step {training.learner.step})"
        if isinstance(error, Hopeless):
            return _Outcome(State.HOPELESS, reason)
        return _Outcome(State.DIVERGED, reason, diverged=str(error))
    except Cut as cut:
        return _Outcome(cut.state, cut.reason, pruned=cut.pruned)
    return _Outcome(State.COMPLETED, reason)


def _results(training: Training, outcome: _Outcome) -> dict[str, Any]:
    """The attempt's results besides its epochs; findings only once it has ended for good."""
    results: dict[str, Any] = {
        "parameters": training.learner.num_parameters,
        "parameter_groups": parameter_groups(training.learner.network),
        "steps_per_epoch": training.batches.updates_per_epoch,
        "lag": training.problem.lag,
    }
    if training.updates_per_epoch is not None:
        results["updates_per_epoch"] = training.updates_per_epoch
    if training.checkpoints.unsaved:
        results["unsaved"] = training.checkpoints.unsaved
    if outcome.state.final and not training.spec.refit:  # it has no validation scores to be judged by
        results |= training.judge.judgment(outcome.diverged, pruned=outcome.pruned)
    return results
