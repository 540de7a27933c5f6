"""The task file's `confirm`: how many configurations race on fresh seeds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tuner.config.options import Options

_AUTO = range(2, 9)
"""Largest number of configurations of a confirmation."""
_SHARE = 0.25
"""Largest ratio of confirmation trainings to search trials with "auto". Where it does not pay for two configurations to
the end, the better one of two on the first seed stays: on the laboratory's tasks for tuning, models are as good for
0.83 of the compute."""


class Confirm(Options):
    """The confirmation after the search."""

    top: Literal["auto"] | Annotated[int, Field(ge=0, le=100)] = "auto"
    """How many of the best trials are trained again, 0 to 100; 0: no confirmation. After each seed the worse half
    leave, until two are left. auto: 2 to 8, so that there are at most a quarter as many trainings as
    `budget.trials`; where two to the end would be more, the worse of two leaves after the first seed."""
    seeds: int = Field(default=3, ge=1, le=100)
    """Number of fresh seeds for the configurations that stay to the end and for the baseline, 1 to 100."""

    def rounds(self, trials: int) -> list[int]:
        """Number of configurations on each seed, without the baseline; empty without a confirmation.

        Args:
            trials: `budget.trials`, for "auto".

        >>> Confirm(top=5).rounds(30)
        [5, 3, 2]
        >>> Confirm().rounds(30)
        [2, 1, 1]
        """
        if self.top != "auto":
            return _halved(self.top, self.seeds) if self.top else []
        fits = [top for top in _AUTO if self.seeds + sum(_halved(top, self.seeds)) <= _SHARE * trials]
        return _halved(max(fits), self.seeds) if fits else [_AUTO[0], *[1] * (self.seeds - 1)]

    def trainings(self, trials: int) -> int:
        """Number of trainings of a confirmation, including the baseline's. See `rounds`."""
        rounds = self.rounds(trials)
        return sum(rounds) + self.seeds if rounds else 0


def _halved(top: int, seeds: int) -> list[int]:
    """The numbers of a race by seed: halved each time, down to two."""
    rounds = [top]
    while len(rounds) < seeds:
        rounds.append(max(min(top, 2), -(-rounds[-1] // 2)))
    return rounds
