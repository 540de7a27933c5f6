"""Other ways of searching, as a user of each would have them, for the simulator."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from benchmarks.laboratory.surrogate import Curve, Surrogate
from tuner.messages import State

optuna.logging.set_verbosity(optuna.logging.ERROR)

Sampler = Callable[[int], optuna.samplers.BaseSampler]
Pruner = Callable[[int], optuna.pruners.BasePruner]


class WithOptuna:
    """A study of Optuna in memory: a report after each epoch, what diverged is told as failed.

    Args:
        world: What trains; its space is searched.
        sampler: From a seed.
        pruner: From the epochs of a full trial.
        seed: Of the sampler.
    """

    def __init__(self, world: Surrogate, sampler: Sampler, pruner: Pruner, seed: int) -> None:
        self._space, self._trials = world.space, {}  # type: ignore[var-annotated]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._study = optuna.create_study(
                study_name=f"peer-{seed}", sampler=sampler(seed), pruner=pruner(world.epochs)
            )

    def suggest(self) -> tuple[int, Mapping[str, Any]]:
        """See `Way`."""
        trial = self._study.ask()
        self._trials[trial.number] = trial
        return trial.number, self._space.suggest(trial)

    def goes_on(self, number: int, epoch: int, value: float, curve: Curve) -> bool:  # noqa: ARG002
        """Report, and ask the pruner. See `Way`."""
        trial = self._trials[number]
        trial.report(value, epoch)
        return not trial.should_prune()

    def ended(self, number: int, state: State, epochs: int, value: float) -> None:  # noqa: ARG002
        """See `Way`."""
        trial = self._trials.pop(number)
        if state is State.PRUNED:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif state is State.COMPLETED:
            self._study.tell(trial, value)
        else:
            self._study.tell(trial, state=TrialState.FAIL)


class AsRayTune(WithOptuna):
    """Ray Tune's OptunaSearch with its ASHAScheduler: what is stopped is told as completed, with its last value.

    Rungs are at 1, 4, 16, ... epochs (`grace_period` 1, `reduction_factor` 4: its defaults). A trial is stopped that is
    worse than the best quarter of those that were at the rung before it, by linear interpolation, as Ray has it.

    Args:
        world: What trains; its space is searched.
        seed: Of the sampler, Optuna's TPE with its defaults, as OptunaSearch has it.
    """

    def __init__(self, world: Surrogate, seed: int) -> None:
        super().__init__(world, tpe, lambda _: optuna.pruners.NopPruner(), seed)
        self._rungs: dict[int, list[float]] = {4**k: [] for k in range(10) if 4**k < world.epochs}

    def goes_on(self, number: int, epoch: int, value: float, curve: Curve) -> bool:  # noqa: ARG002
        """See `Way`."""
        known = self._rungs.get(epoch)
        if known is None:
            return True
        goes_on = not known or value <= np.percentile(known, 25)
        known.append(value)
        return bool(goes_on)

    def ended(self, number: int, state: State, epochs: int, value: float) -> None:
        """See `Way`."""
        told = State.COMPLETED if math.isfinite(value) and state is State.PRUNED else state
        super().ended(number, told, epochs, value)


def tpe(seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's TPE with its defaults."""
    return optuna.samplers.TPESampler(seed=seed)


def gp(seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's Gaussian process with its defaults."""
    return optuna.samplers.GPSampler(seed=seed)
