"""Trials of earlier search spaces, translated to the current one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from tuner.space import Space
from tuner.study.drafting import replayed
from tuner.study.names import Names


class Translation:
    """Gives a trial the parameter names and distributions of the current search space.

    Args:
        space: The current search space.
        names: The names of its definitions in the study.
    """

    def __init__(self, space: Space, names: Names) -> None:
        self._space, self._names = space, names
        self.digest = digest(space.to_json())

    def __call__(self, trial: FrozenTrial) -> FrozenTrial | None:
        """The translated trial; None if it is outside the space."""
        if trial.user_attrs.get("space") == self.digest:
            return trial
        params = trial.user_attrs.get("params")
        if params is None or not self._space.contains(params):
            return None
        values, distributions = replayed(params, self._space, self._names)
        return FrozenTrial(
            number=trial.number,
            state=trial.state,
            value=None,
            values=trial.values,
            datetime_start=trial.datetime_start,
            datetime_complete=trial.datetime_complete,
            params=values,
            distributions=distributions,
            user_attrs=trial.user_attrs,
            system_attrs=trial.system_attrs,
            intermediate_values=trial.intermediate_values,
            trial_id=trial._trial_id,
        )


def digest(value: Any) -> str:
    """A canonical string; floats are rounded to 10 digits, so that equal configurations have equal strings."""
    return json.dumps(rounded(value), sort_keys=True)


def rounded(value: Any) -> Any:
    """Round all floats to 10 significant digits, also in nested lists and mappings."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, np.generic):
        return rounded(value.item())
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
