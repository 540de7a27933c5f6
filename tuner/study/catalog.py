"""Samplers and pruners by name. Reading this file imports neither Optuna nor torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tuner.config.options import Options
from tuner.registry import Catalog, Entry

_Startup = Annotated[int, Field(ge=0, le=1000)]


class NoOptions(Options):
    """No options."""


class TPEOptions(Options):
    """Options of the TPE sampler."""

    startup_trials: _Startup = 10
    """Random trials before the model is used; integer >= 0 (Optuna's default)."""
    candidates: Annotated[int, Field(ge=1, le=10_000)] = 24
    """Candidates drawn per suggestion; integer >= 1 (Optuna's default)."""
    beta: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Weight of the priors of the search space; number >= 0. The acquisition function is multiplied by
    prior^(beta / n) after n trials; 0: priors shape only the random trials. piBO: a tenth of all trials."""


class GPOptions(Options):
    """Options of the GP sampler."""

    startup_trials: _Startup = 10
    """Random trials before the model is used; integer >= 0."""


class CMAESOptions(Options):
    """Options of the CMA-ES sampler."""

    startup_trials: _Startup = 1
    """Random trials before the model is used; integer >= 0."""


class NSGA2Options(Options):
    """Options of the NSGA-II sampler."""

    population: Annotated[int, Field(ge=2, le=10_000)] = 20
    """Trials per generation; integer >= 2. Lower than Optuna's 50, which is more than most sweeps have."""


class ASHAOptions(Options):
    """Options of asynchronous successive halving."""

    reduction: Annotated[int, Field(ge=2, le=10)] = 3
    """eta: the best 1/eta continue at each rung; integer >= 2 (Li 2020 use 4, Karnin 2013 use 2)."""
    min_epochs: Annotated[int, Field(ge=1)] | None = None
    """Epochs before the first rung; default a tenth of budget.epochs, or fewer once the study's learning curves show
    that ranks settle earlier. No rung is before the learning rate's peak or after half of budget.epochs."""
    min_peers: Annotated[int, Field(ge=1)] = 2
    """Number of other trials that must have been trained as long before a trial can be pruned at a rung; integer >= 1.
    With the default, and without control trials, the third trial is the first that can be pruned."""
    control: Annotated[int, Field(ge=0, le=1000)] = 6
    """The first four trials, and each whose number is a multiple of this, are control trials: not pruned, as long
    as ranks at the rungs are not seen to last. A rung whose ranks do not last prunes none. 0: no control trials."""


class MedianOptions(Options):
    """Options of the median rule."""

    min_epochs: Annotated[int, Field(ge=1)] | None = None
    """Epochs before the first comparison; default a fifth of budget.epochs. No comparison is before the learning
    rate's peak or after half of budget.epochs."""
    interval: Annotated[int, Field(ge=1)] | None = None
    """Epochs between comparisons; default a tenth of budget.epochs."""
    min_peers: Annotated[int, Field(ge=1)] = 5
    """Number of other trials that must have been trained as long before a trial can be pruned; integer >= 1."""


_SAMPLERS = "tuner.study.samplers"
_PRUNERS = "tuner.study.pruners"

SAMPLERS = Catalog(
    "sampler",
    {
        "tpe": Entry(
            f"{_SAMPLERS}:tpe",
            "tree-structured Parzen estimator, multivariate within groups of parameters that occur together",
            "Bergstra 2011; Falkner 2018 (multivariate); Hvarfner 2022 (priors); optuna.samplers.TPESampler",
            TPEOptions,
        ),
        "random": Entry(f"{_SAMPLERS}:random", "independent uniform draws", "Bergstra & Bengio 2012", NoOptions),
        "gp": Entry(
            f"{_SAMPLERS}:gp",
            "Gaussian process over all parameters; for budgets up to about 200 trials",
            "optuna.samplers.GPSampler",
            GPOptions,
        ),
        "cmaes": Entry(
            f"{_SAMPLERS}:cmaes",
            "CMA-ES over all numeric parameters; choices are drawn at random",
            "Hansen 2016, arXiv:1604.00772; the package cmaes",
            CMAESOptions,
        ),
        "nsga2": Entry(
            f"{_SAMPLERS}:nsga2", "genetic algorithm", "Deb 2002; optuna.samplers.NSGAIISampler", NSGA2Options
        ),
        "grid": Entry(
            f"{_SAMPLERS}:grid",
            "every configuration once, in a seeded order; needs a finite space",
            "optuna.samplers.BruteForceSampler",
            NoOptions,
        ),
    },
)

PRUNERS = Catalog(
    "pruner",
    {
        "asha": Entry(
            f"{_PRUNERS}:ASHA",
            "at epochs r, r*eta, r*eta^2, ... only the best 1/eta of the trials trained as long continue",
            "Li 2020, arXiv:1810.05934, the variant that stops trials instead of pausing them",
            ASHAOptions,
        ),
        "median": Entry(
            f"{_PRUNERS}:MedianRule",
            "prunes a trial that is worse than the median of the others at the same epoch",
            "Golovin 2017 (Google Vizier), section 3.2.1",
            MedianOptions,
        ),
        "none": Entry(f"{_PRUNERS}:NoPruner", "every trial runs to completion", "-", NoOptions),
    },
)
