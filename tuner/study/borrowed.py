"""Trials of other studies that a sampler learns from beside its own: warm start."""

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
"""With so many trials of its own a study is shown half of the borrowed ones."""


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A trial of another study, inside this one's space."""

    source: str
    """`study/number`."""
    params: Mapping[str, Any]
    rank: float
    """Share of that study's other trials that were better: 0 the best, 1 the worst."""

    def to_json(self) -> dict[str, Any]:
        """Plain data that makes the same again."""
        return asdict(self)


class Borrowing:
    """Borrowed trials with values that a study could have, fewer as its own become more.

    Values of different data have no common scale, but ranks do: the best trial of another study is shown with the best
    value of this one, its middle one with the median. Those that remain are spread evenly over the ranks.

    Args:
        borrowed: Best first.
        space: The search space, which they lie in.
        names: What its definitions are called in the study.
        objective: Of the study.

    Reference:
        Values by rank: Salinas et al. 2020, A quantile-based approach for hyperparameter transfer learning, ICML (a
        Gaussian copula there). The fading is ours, in the manner of piBO, whose prior has the exponent beta / n
        (Hvarfner et al. 2022, arXiv:2204.11051).
    """

    def __init__(self, borrowed: Sequence[Borrowed], space: Space, names: Names, objective: Objective) -> None:
        self._objective = objective
        self._ranks = [each.rank for each in borrowed]
        self._trials = [_shown(-1 - place, each, space, names) for place, each in enumerate(borrowed)]

    def beside(self, values: Mapping[int, float]) -> dict[int, tuple[FrozenTrial, float]]:
        """Those that count beside a study's own trials.

        Args:
            values: Number -> value of its trials that are over.

        Returns:
            Number, below zero -> trial and the value that it is shown with.
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
        trial_id=number - 1_000_000,  # unlike the draft's
    )
