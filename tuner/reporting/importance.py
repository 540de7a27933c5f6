"""The importance of searched parameters."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from tuner.objective import Objective
from tuner.space.domains import Domain, Range

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST = 10
"""Least number of trials; with fewer, importance is noise."""
BEST, FEWEST_BEST = 0.1, 5
"""Fraction of the trials that count as the best, and their least number; both from Optuna's documentation of
PED-ANOVA."""


@dataclass(frozen=True)
class Importance:
    """Importance of the searched parameters for reaching the best trials.

    Args:
        shares: Name -> share, largest first, summing to 1; None if they cannot be computed.
        reason: Why not.
    """

    shares: dict[str, float] | None = field(default=None)
    reason: str = ""


def importance(
    trials: Sequence[tuple[Mapping[str, Any], float]],
    objective: Objective,
    *,
    best: int = 0,
    domains: Mapping[str, Domain] | None = None,
) -> Importance:
    """Importance of each parameter over trials that can be compared, conditional parameters included.

    Args:
        trials: Searched parameters (inactive ones absent) and finite score of each trial.
        objective: Of the scores.
        best: Number of trials that count as the best; 0 for the best tenth, `FEWEST_BEST` at least.
        domains: Searched parameter -> its declared domain, which tells whether its scale is logarithmic; if unknown,
            that is guessed from the values.

    Reference:
        Watanabe et al. 2023, arXiv:2304.10255, and its conditional form, arXiv:2601.20800, as in Optuna's default
        evaluator. Deviation: a parameter's range is that of the trials.
    """
    if len(trials) < FEWEST:
        return Importance(reason=f"importance needs {FEWEST} trials, and there are {len(trials)}.")
    seen: dict[str, list[Any]] = {}
    for params, _ in trials:
        for name, value in params.items():
            seen.setdefault(name, []).append(value)
    ranges = {
        name: _range(values, (domains or {}).get(name))
        for name, values in seen.items()
        if len(set(map(repr, values))) > 1
    }
    if not ranges:
        return Importance(reason="every trial has the same parameters.")

    import optuna  # imported here, as it takes a quarter of a second

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction=objective.direction)
    finally:
        optuna.logging.set_verbosity(before)
    study.add_trials(
        [
            optuna.create_trial(
                params={name: _plain(value) for name, value in params.items() if name in ranges},
                distributions={name: ranges[name] for name in params if name in ranges},
                value=value,
            )
            for params, value in trials
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few trials have a rare choice: its share is small then, as it should be
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(
            target_quantile=best / len(trials) if best else max(BEST, FEWEST_BEST / len(trials))
        )
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return Importance(dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))))


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether values are numbers on a scale, not choices."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def is_logarithmic(values: Sequence[Any]) -> bool:
    """Whether numbers are spread logarithmically: the median is near the middle of a logarithmic axis."""
    if not values or not is_numeric(values) or min(values) <= 0 or max(values) < 8 * min(values):
        return False
    low, middle, high = min(values), median(set(values)), max(values)
    on_log = math.log(middle / low) / math.log(high / low)
    on_line = (middle - low) / (high - low)
    return bool(high >= 1000 * low or abs(on_log - 0.5) < abs(on_line - 0.5))


def is_searched_by_logarithm(values: Sequence[Any], domain: Domain | None) -> bool:
    """Whether a parameter's axis is logarithmic: as declared; if unknown, see `is_logarithmic`."""
    if isinstance(domain, Range):
        return domain.log and min(values, default=1) > 0
    return is_logarithmic(values)


def _range(values: Sequence[Any], domain: Domain | None) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not is_numeric(values):
        return CategoricalDistribution(sorted({_plain(value) for value in values}, key=repr))
    low, high, log = min(values), max(values), is_searched_by_logarithm(values, domain)
    if all(isinstance(value, int) for value in values):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _plain(value: Any) -> Any:
    """A value that Optuna accepts as a choice."""
    return value if isinstance(value, str | int | float | bool) or value is None else repr(value)
