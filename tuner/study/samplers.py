"""Optuna's samplers, built anew for every suggestion from a seed of its own.

A sampler keeps nothing between suggestions: what it knows is the trials it is shown. So suggestion n depends on the
study's seed, on n, and on the trials finished so far, and a resumed study goes on as it would have.
Every argument whose default moved between Optuna's versions is set here.
"""

from __future__ import annotations

import optuna
from optuna.samplers import BaseSampler

from tuner.study.catalog import CMAESOptions, GPOptions, NoOptions, NSGA2Options, TPEOptions

optuna.logging.set_verbosity(optuna.logging.WARNING)


def tpe(options: TPEOptions, seed: int) -> BaseSampler:
    """TPE; `group` models conditional parameters jointly within the groups in which they occur."""
    return optuna.samplers.TPESampler(
        n_startup_trials=options.startup_trials,
        n_ei_candidates=options.candidates,
        multivariate=True,
        group=True,
        constant_liar=True,
        seed=seed,
    )


def random(options: NoOptions, seed: int) -> BaseSampler:  # noqa: ARG001 - all samplers are built alike
    """Uniform draws."""
    return optuna.samplers.RandomSampler(seed=seed)


def gp(options: GPOptions, seed: int) -> BaseSampler:
    """Gaussian process with random draws for what it cannot model."""
    return optuna.samplers.GPSampler(n_startup_trials=options.startup_trials, seed=seed)


def cmaes(options: CMAESOptions, seed: int) -> BaseSampler:
    """CMA-ES with random draws for categorical and conditional parameters."""
    return optuna.samplers.CmaEsSampler(
        n_startup_trials=options.startup_trials,
        independent_sampler=optuna.samplers.RandomSampler(seed=seed),
        warn_independent_sampling=False,
        consider_pruned_trials=True,
        seed=seed,
    )


def nsga2(options: NSGA2Options, seed: int) -> BaseSampler:
    """NSGA-II."""
    return optuna.samplers.NSGAIISampler(population_size=options.population, seed=seed)


def grid(options: NoOptions, seed: int) -> BaseSampler:  # noqa: ARG001 - all samplers are built alike
    """Every configuration once; Optuna's GridSampler knows no conditions, its brute-force sampler does."""
    return optuna.samplers.BruteForceSampler(seed=seed, avoid_premature_stop=True)
