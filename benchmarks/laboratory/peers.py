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
from tuner.space import Space
from tuner.space.domains import Choices, Constant, Range

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


class AsPriorBand:
    """PriorBand of NePS with its defaults: Hyperband's brackets, over samples from a prior and around the best.

    Its space has a parameter for each that this project's has, in each of its branches; a trial takes those that are
    active. A configuration that is promoted goes on where it was, as one with a checkpoint does.

    Args:
        world: What trains; its space is searched.
        prior: The configuration that is thought to be good; parameters that it lacks have no prior.
        seed: Of the sampler.

    Raises:
        ModuleNotFoundError: There is no `neps` (the package `neural-pipeline-search`).

    Reference:
        Mallik et al. 2023, PriorBand: practical hyperparameter optimization in the age of deep learning.
    """

    def __init__(self, world: Surrogate, prior: Mapping[str, Any], seed: int) -> None:
        import neps
        import torch
        from neps.optimizers.algorithms import priorband

        self._space = world.space
        np.random.seed(seed)  # noqa: NPY002 - where NePS draws from
        torch.manual_seed(seed)
        space = _as_neps(world.space, dict((world.space.resolve(prior) or {}).values()), world.epochs)
        self._search = neps.AskAndTell(priorband(space))
        self._asked: dict[int, Any] = {}
        self._ends: dict[int, float] = {}

    def suggest(self) -> tuple[int, Mapping[str, Any]]:
        """See `Way`."""
        while True:
            trial = self._search.ask()
            number = int(trial.id.partition("_rung_")[0])
            if number not in self._ends:
                self._asked[number] = trial
                return number, self._space.suggest(_Chosen(trial.config))
            self._search.tell(trial, self._ends[number])  # promoted beyond its end, it has nothing left to train

    def goes_on(self, number: int, epoch: int, value: float, curve: Curve) -> bool:  # noqa: ARG002
        """Up to the epochs that were asked for. See `Way`."""
        return bool(epoch < self._asked[number].config[_EPOCHS])

    def ended(self, number: int, state: State, epochs: int, value: float) -> None:  # noqa: ARG002
        """See `Way`."""
        told = value if state is not State.DIVERGED and math.isfinite(value) else _WORST
        if state is not State.PRUNED:
            self._ends[number] = told
        self._search.tell(self._asked.pop(number), told)


_EPOCHS, _WORST = "epochs", 1e9


def _as_neps(space: Space, prior: Mapping[str, Any], epochs: int) -> Any:
    """A space for NePS, whose fidelity is the number of epochs.

    Args:
        space: Its definitions.
        prior: Key of a definition -> value.
        epochs: Of a full trial.
    """
    from neps.space import HPOCategorical, HPOFloat, HPOInteger, SearchSpace

    found: dict[str, Any] = {_EPOCHS: HPOInteger(1, epochs, is_fidelity=True)}
    for definition in space.definitions:
        key, domain = definition.key, definition.domain
        known = prior.get(key)
        if isinstance(domain, Choices):
            found[key] = HPOCategorical(list(domain.options), prior=known)
        elif isinstance(domain, Range):
            kind = HPOInteger if domain.whole else HPOFloat
            found[key] = kind(domain.low, domain.high, log=domain.log, prior=known)
        else:
            assert isinstance(domain, Constant)
    return SearchSpace(found)


class _Chosen:
    """A configuration of NePS, from which a space takes what is active.

    Args:
        config: Key of a definition -> value.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def suggest_categorical(self, name: str, choices: Any) -> Any:  # noqa: ARG002
        """See `tuner.space.domains.Suggester`."""
        return self._config[name]

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,  # noqa: ARG002
        *,
        step: float | None = None,
        log: bool = False,  # noqa: ARG002
    ) -> float:
        """See `tuner.space.domains.Suggester`."""
        value = float(self._config[name])
        return value if step is None else low + step * round((value - low) / step)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:  # noqa: ARG002
        """See `tuner.space.domains.Suggester`."""
        return low + step * round((int(self._config[name]) - low) / step)
