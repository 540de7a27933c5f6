"""Optuna's samplers, created anew for every suggestion, with a seed per suggestion.

A sampler keeps no state between suggestions; it sees only the trials. So suggestion n depends on the study's seed, on
n and on the trials finished so far, and a resumed study continues as if it had not been interrupted.
Every argument whose default changed between versions of Optuna is set here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna._transform import _SearchSpaceTransform
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tuner.study.catalog import CMAESOptions, GPOptions, NoOptions, NSGA2Options, TPEOptions
from tuner.study.tpe import TPE

optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings are about packages and about choices made here

_KNOW_CONDITIONS = (optuna.samplers.TPESampler, optuna.samplers.RandomSampler, optuna.samplers.BruteForceSampler)


def knows_conditions(sampler: BaseSampler) -> bool:
    """Whether a sampler can use conditional parameters and pruned trials; others need `FlatView`."""
    return isinstance(sampler, _KNOW_CONDITIONS)


def tpe(options: TPEOptions, seed: int) -> BaseSampler:
    """TPE; `group` models conditional parameters jointly within the groups in which they occur."""
    return TPE(
        options.beta,
        n_startup_trials=options.startup_trials,
        n_ei_candidates=options.candidates,
        multivariate=True,
        group=True,
        constant_liar=True,
        seed=seed,
    )


def random(options: NoOptions, seed: int) -> BaseSampler:  # noqa: ARG001 - the signature is common to all samplers
    """Random search: independent uniform draws."""
    return optuna.samplers.RandomSampler(seed=seed)


def gp(options: GPOptions, seed: int) -> BaseSampler:
    """Gaussian process, with random draws for parameters that it cannot model."""
    return optuna.samplers.GPSampler(n_startup_trials=options.startup_trials, seed=seed)


def cmaes(options: CMAESOptions, seed: int) -> BaseSampler:
    """CMA-ES over all numeric parameters, with random draws for the choices."""
    return CMAES(options, seed)


def nsga2(options: NSGA2Options, seed: int) -> BaseSampler:
    """NSGA-II."""
    return optuna.samplers.NSGAIISampler(population_size=options.population, seed=seed)


def grid(options: NoOptions, seed: int) -> BaseSampler:  # noqa: ARG001 - the signature is common to all samplers
    """Every configuration once; by Optuna's brute-force sampler, as its GridSampler has no conditional parameters."""
    return optuna.samplers.BruteForceSampler(seed=seed, avoid_premature_stop=True)


class CMAES(BaseSampler):
    """CMA-ES whose state is recomputed from the trials, by telling the optimizer all finished generations in order.

    Optuna's CmaEsSampler keeps its state as a pickle in the study, and stops working for good once the completed trials
    have fewer numeric parameters in common. Trials must have all parameters (`FlatView`). The initial step size is a
    sixth of the ranges, as in Optuna.

    Reference:
        Hansen 2016, arXiv:1604.00772, by the package cmaes.
    """

    GENERATION = "cma:generation"
    """System attribute of a trial: the generation in which it was drawn, from 0."""

    def __init__(self, options: CMAESOptions, seed: int) -> None:
        self._startup_trials, self._seed = options.startup_trials, seed
        self._random = optuna.samplers.RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """The numeric parameters, which all finished trials have."""
        over = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return {
            name: distribution
            for name, distribution in (over[0].distributions if over else {}).items()
            if not isinstance(distribution, CategoricalDistribution) and not distribution.single()
        }

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A draw from the current generation; nothing until the startup trials are finished."""
        over = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not search_space or len(over) < self._startup_trials:
            return {}
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        cube = _SearchSpaceTransform(search_space, transform_step=True, transform_0_1=True)
        n = len(cube.bounds)
        from cmaes import CMA  # with scipy's statistics, only where it is chosen

        optimizer = CMA(
            mean=np.full(n, 0.5), sigma=1 / 6, bounds=cube.bounds, n_max_resampling=10 * n, seed=self._seed % 2**32
        )
        while True:
            drawn = [each for each in over if each.system_attrs.get(self.GENERATION) == optimizer.generation]
            if len(drawn) < optimizer.population_size:
                break
            drawn = drawn[: optimizer.population_size]
            optimizer.tell([(cube.transform(each.params), sign * each.values[0]) for each in drawn])
        study._storage.set_trial_system_attr(trial._trial_id, self.GENERATION, optimizer.generation)
        return cube.untransform(optimizer.ask())

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A uniform draw."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)
