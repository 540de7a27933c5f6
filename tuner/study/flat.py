"""A flat view of the study for samplers that cannot use conditional parameters and pruned trials.

Optuna's GP, NSGA-II and CMA-ES learn only from completed trials, and only about the parameters that all of them have
(not the learning rate, in the default search space). In this view every trial has every parameter, and a pruned trial
has its expected final value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from tuner.study.names import plain

ASKED = "asked"
"""User attribute of a trial: values that its sampler suggested for parameters that are inactive in it."""


View = tuple[dict[str, Any], dict[str, BaseDistribution]]
"""A trial's parameters and distributions in a view."""


class FlatView:
    """Shows trials with all parameters of a space.

    An inactive parameter of a trial gets, in this order: the trial's value of the parameter of the same name in another
    branch of the space (such as the learning rate of another optimizer), clipped to the range; the value that the
    sampler had suggested; the middle of the range, or the first choice.

    Args:
        distributions: The distributions of all parameters, by their names in the study.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._distributions = dict(distributions)
        self._filled: dict[int, dict[str, Any]] = {}

    def __call__(self, trial: FrozenTrial) -> View:
        """The view of a trial that is in the current space."""
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
    """The view for other samplers: the trial's own (active) parameters."""
    return trial.params, trial.distributions


def completed(
    trial: FrozenTrial, value: float | None, params: dict[str, Any], distributions: dict[str, BaseDistribution]
) -> FrozenTrial:
    """A trial as a sampler sees it: completed if it has a value, else running."""
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
    """The nearest value of the distribution, in a list; an empty list if it has none of this kind."""
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
