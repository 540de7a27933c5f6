"""Warm start: trials of other studies that a sampler learns from in addition to the study's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from tuner.objective import Objective
from tuner.space import Space
from tuner.study.drafting import replayed
from tuner.study.names import Names

FADE = 20
"""Number of the study's own finished trials at which half of the borrowed trials are still used."""


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A trial of another study whose parameters lie in this study's space."""

    source: str
    """`study/number`."""
    params: Mapping[str, Any]
    rank: float
    """Fraction of that study's other trials that were better: 0 for the best, 1 for the worst."""

    @property
    def study(self) -> str:
        """The name of that study."""
        return self.source.rpartition("/")[0]

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dictionary of the constructor's arguments."""
        return asdict(self)


class Borrowing:
    """Gives borrowed trials values on this study's scale, and uses fewer of them as its own trials become more.

    Objective values of different data are not comparable, but ranks are: the best trial of another study gets the best
    value of this one, its median trial the median. The borrowed trials still in use are spread evenly over the ranks.

    Args:
        borrowed: Best first.
        space: The search space; it contains all of them.
        names: The names of its definitions in the study.
        objective: The study's objective.

    Reference:
        Values by rank: Salinas et al. 2020, A quantile-based approach for hyperparameter transfer learning, ICML (with
        a Gaussian copula). The decay is our own, similar to piBO, whose prior has the exponent beta / n (Hvarfner et
        al. 2022, arXiv:2204.11051).
    """

    def __init__(self, borrowed: Sequence[Borrowed], space: Space, names: Names, objective: Objective) -> None:
        self._objective = objective
        self._ranks = [each.rank for each in borrowed]
        self._trials = [_shown(-1 - place, each, space, names) for place, each in enumerate(borrowed)]

    def beside(self, values: Mapping[int, float]) -> dict[int, tuple[FrozenTrial, float]]:
        """The borrowed trials in use, given the study's own finished trials.

        Args:
            values: Number -> value of the study's finished trials.

        Returns:
            Number, negative -> the trial and its value on this study's scale.
        """
        left = math.ceil(len(self._trials) * FADE / (FADE + len(values)))
        places = [int((place + 0.5) * len(self._trials) / left) for place in range(left)]
        own = sorted(self._objective.sign * value for value in values.values()) or [0.0, 1.0]
        losses = np.quantile(own, [self._ranks[place] for place in places])
        return {
            self._trials[place].number: (self._trials[place], self._objective.sign * float(loss))
            for place, loss in zip(places, losses, strict=True)
        }


def _shown(number: int, borrowed: Borrowed, space: Space, names: Names) -> FrozenTrial:
    params, distributions = replayed(borrowed.params, space, names)
    when = datetime.fromtimestamp(0).astimezone()
    return FrozenTrial(
        number=number,
        state=TrialState.COMPLETE,
        value=0.0,
        datetime_start=when,
        datetime_complete=when,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=number - 1_000_000,  # differs from DRAFT_ID
    )
