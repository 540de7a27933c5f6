"""The task file's `confirm`: how many configurations race on fresh seeds."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from tuner.config.options import Options

_SEEDS = 3
"""Number of seeds with "auto", at most."""
_AUTO = range(2, 9)
"""Largest number of configurations of a confirmation."""
_SHARE = Fraction(1, 4)
"""Largest part of a confirmation with "auto": as many trainings as a quarter of the search trials where configurations
race to the end, else a quarter of all trainings, search and confirmation together. What comes after a short search must
be short itself, as there is no final model before: with it, the models that are handed over after 10 full trainings
have 0.42 to 0.85 of the loss that they had after a confirmation of seven, on the laboratory's tasks for tuning, and the
same loss from 30 trainings on."""
_SHORT = ([1], [2], [1, 1, 1], [2, 1, 1])
"""Confirmations without a race to the end, from 2 to 7 trainings: of two configurations the better one on the first
seed stays. None has two seeds: their intervals are so wide that a winner far ahead would not be told apart."""


class Confirm(Options):
    """The confirmation after the search."""

    top: Literal["auto"] | Annotated[int, Field(ge=0, le=100)] = "auto"
    """How many of the best trials are trained again, 0 to 100; 0: no confirmation, and so no model. After each seed
    the worse half leave, until two are left. auto: 2 to 8, so that there are at most a quarter as many trainings as
    `budget.trials`; where two to the end would be more, the worse of two leaves after the first seed; where that would
    be more than a third (rounded up), there is one seed or one configuration."""
    seeds: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = "auto"
    """Number of fresh seeds for the configurations that stay to the end and for the baseline, 1 to 100. auto: 3; with
    `top: auto` and under 16 trials 1, which gives no intervals. Where `budget.timeout` leaves fewer trials, these
    count, those that it cuts short as the share of their epochs."""

    def rounds(self, trials: int) -> list[int]:
        """Number of configurations on each seed, without the baseline; empty without a confirmation.

        The baseline is trained on each seed, so that there are `len(rounds)` seeds.

        Args:
            trials: `budget.trials`, for "auto".

        >>> Confirm(top=5).rounds(30)
        [5, 3, 2]
        >>> Confirm().rounds(30)
        [2, 1, 1]
        >>> Confirm().rounds(5)
        [1]
        """
        seeds = _SEEDS if self.seeds == "auto" else self.seeds
        if self.top != "auto":
            return _halved(self.top, seeds) if self.top else []
        races = [race for top in _AUTO if _trainings(race := _halved(top, seeds)) <= _SHARE * trials]
        if races:
            return races[-1]
        if self.seeds != "auto":
            return [_AUTO[0], *[1] * (seeds - 1)]
        most = ceil(_SHARE / (1 - _SHARE) * trials)
        fits = [short for short in _SHORT if _trainings(short) <= most]
        return list(fits[-1] if fits else _SHORT[0])

    def trainings(self, trials: int) -> int:
        """Number of trainings of a confirmation, including the baseline's. See `rounds`."""
        return _trainings(self.rounds(trials))


def _trainings(rounds: list[int]) -> int:
    """Those of the configurations, and one of the baseline per seed."""
    return sum(rounds) + len(rounds)


def _halved(top: int, seeds: int) -> list[int]:
    """The numbers of a race by seed: halved each time, down to two."""
    rounds = [top]
    while len(rounds) < seeds:
        rounds.append(max(min(top, 2), -(-rounds[-1] // 2)))
    return rounds
