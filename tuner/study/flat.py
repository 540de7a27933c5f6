"""The study as samplers are shown it that do not take its trials as they are stored.

Optuna's GP, NSGA-II and CMA-ES learn from completed trials, and of parameters only what all of them have: of the ready
space, not the learning rate. Here every trial has every parameter, and a pruned one the value it is expected to
have reached.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from tuner.study.names import plain

ASKED = "asked"
"""User attribute of a trial: values that its sampler suggested for parameters that do not exist in it."""


View = tuple[dict[str, Any], dict[str, BaseDistribution]]
"""Parameters and distributions that a trial is shown with."""


class FlatView:
    """Trials with all parameters of a space.

    A parameter that a trial does not have gets the value that the trial has for it elsewhere in the space, in another
    range (the rate of another optimizer), as near as its range allows; else what the sampler had suggested; else the
    middle of its range, or the first of its choices.

    Args:
        distributions: Of all parameters, by their names in the study.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._distributions = dict(distributions)
        self._filled: dict[int, dict[str, Any]] = {}

    def __call__(self, trial: FrozenTrial) -> View:
        """Of a trial as today's space has it."""
        if (filled := self._filled.get(trial.number)) is None:
            elsewhere = {plain(key): value for key, value in trial.params.items()}
            asked = trial.user_attrs.get(ASKED, {})
            filled = {}
            for key, distribution in self._distributions.items():
                name = plain(key)
                had = [known[at] for known, at in ((trial.params, key), (elsewhere, name), (asked, key)) if at in known]
                fitting = [near for each in had for near in _near(distribution, each)]
                filled[key] = fitting[0] if fitting else _middle(distribution)
            self._filled[trial.number] = filled
        return filled, self._distributions


def as_they_are(trial: FrozenTrial) -> View:
    """The parameters that exist in a trial."""
    return trial.params, trial.distributions


def completed(
    trial: FrozenTrial, value: float | None, params: dict[str, Any], distributions: dict[str, BaseDistribution]
) -> FrozenTrial:
    """A trial as a sampler is shown it: completed with a value; running, where it has none yet."""
    return FrozenTrial(
        number=trial.number,
        state=TrialState.RUNNING if value is None else TrialState.COMPLETE,
        value=value,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        params=params,
        distributions=distributions,
        user_attrs=trial.user_attrs,
        system_attrs={key: kept for key, kept in trial.system_attrs.items() if not key.startswith("constraints")},
        intermediate_values={},
        trial_id=trial._trial_id,
    )


def _near(distribution: BaseDistribution, value: Any) -> list[Any]:
    """The value as near as the distribution has it; none where it has nothing like it."""
    if isinstance(distribution, CategoricalDistribution):
        return [value] if value in distribution.choices else []
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    near = min(max(value, distribution.low), distribution.high)
    if distribution.step is not None:
        near = distribution.low + round((near - distribution.low) / distribution.step) * distribution.step
    return [int(near) if isinstance(distribution, IntDistribution) else float(near)]


def _middle(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = distribution.low, distribution.high
    (middle,) = _near(distribution, math.sqrt(low * high) if distribution.log else (low + high) / 2)
    return middle
