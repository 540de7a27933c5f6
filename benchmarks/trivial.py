"""A task without data and trials without training: what remains is the tuner's own cost."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.adapters.base import Metric, Prepared, Problem
from tuner.config.options import Options
from tuner.link import Link
from tuner.messages import Ended, Epoch, Report, State, TrialSpec

STEPS = 5


def curve(learning_rate: float, hidden_size: int, step: int) -> float:
    """A loss that falls with the steps; best near learning rate 1e-2 and hidden size 128."""
    return (math.log10(learning_rate) + 2) ** 2 + abs(hidden_size - 128) / 256 + 1.0 / step


class NoData:
    """An adapter that reads nothing."""

    class Options(Options):
        """Nothing to set."""

    metrics: Sequence[Metric] = (Metric("loss", maximize=False, summary="made up"),)
    defaults: Mapping[str, Any] = {}

    def __init__(self, options: Any) -> None:
        del options

    def fingerprint(self) -> str:
        """Always the same."""
        return "nothing"

    def prepare(self, folder: Path) -> Prepared:
        """Write nothing."""
        del folder
        return Prepared(counts={}, trivial={}, lag=1, about={})

    def problem(self, folder: Path) -> Problem:
        """Never asked for: the trials do not train."""
        raise NotImplementedError


def run_trial(spec: TrialSpec, link: Link) -> Ended:
    """Five steps; parameter `seconds` of sleep spread over them."""
    began = time.monotonic()
    pause = float(spec.params.get("clip_norm", 0.0)) / STEPS  # carries the seconds: a number the space can hold
    best, unsent, state, reason, done = math.inf, [], State.COMPLETED, "", 0
    for step in range(1, STEPS + 1):
        if pause > 0.001:
            time.sleep(pause)
        done = step
        best = min(best, curve(spec.params["learning_rate"], spec.params["hidden_size"], step))
        unsent.append(Epoch(epoch=step, time=time.time(), metrics={"train/loss": best, "val/loss": best}))
        waiting = step in spec.rungs
        if waiting or step == STEPS:
            answer = link.send(
                Report(run=spec.run, attempt=spec.attempt, epochs=tuple(unsent), value=best, waiting=waiting)
            )
            unsent = []
            if answer is not None and answer.end is not None:
                state, reason = answer.end, answer.reason
                break
    return Ended(
        run=spec.run,
        attempt=spec.attempt,
        state=state,
        reason=reason,
        value=best,
        epochs=done,
        seconds=time.monotonic() - began,
    )
