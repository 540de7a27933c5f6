"""Trials compared after the same number of epochs, so that pruned ones count as well as completed ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective

REACHED = 0.8
"""Fraction of the trials that must have reached the epoch of the comparison."""
FEWEST = 3
"""Least number of trials that are compared."""
_ENDED = {State.DIVERGED, State.HOPELESS}


@dataclass(frozen=True)
class Judged:
    """A trial in a comparison.

    Args:
        number: The trial.
        params: Its searched parameters, inactive ones absent.
        score: Its best score by then; one that diverged or was hopeless before has the worst score of all.
    """

    number: int
    params: Mapping[str, Any]
    score: float


@dataclass(frozen=True)
class Comparable:
    """All trials that can be compared.

    Args:
        epoch: The epoch of the comparison.
        trials: Those that reached it, or diverged or were hopeless before.
        all: Number of trials of the search.
    """

    epoch: int
    trials: tuple[Judged, ...]
    all: int

    @property
    def words(self) -> str:
        """Which trials are compared, and after which epoch, in words."""
        left = self.all - len(self.trials)
        out = f"; {left} ended before" if left else ""
        return f"{len(self.trials)} of {self.all} trials, each by its best score up to epoch {self.epoch}{out}"


def comparable(trials: Sequence[RunRecord], objective: Objective) -> Comparable:
    """The latest epoch that most trials have reached, and their scores by then.

    A trial that was pruned later than that counts like a completed one. One that diverged or was hopeless before gets
    the worst score of all. Failed ones are left out.

    Args:
        trials: Of the search.
        objective: Of the compared scores.
    """
    over = [
        one
        for one in trials
        if one.state.final and one.state is not State.FAILED and (one.epochs or one.state in _ENDED)
    ]
    lengths = sorted((max(one.epochs, default=0) for one in over if one.state not in _ENDED), reverse=True)
    if not lengths:
        return Comparable(0, (), len(trials))
    epoch = lengths[min(len(lengths) - 1, math.ceil(REACHED * len(lengths)) - 1)]
    found: list[tuple[RunRecord, float | None]] = []
    for one in over:
        best = objective.best(value for at, value in one.series(objective.metric).items() if at <= epoch)
        if max(one.epochs, default=0) >= epoch and best is not None:
            found.append((one, best))
        elif one.state in _ENDED:
            found.append((one, None))
    scores = [score for _, score in found if score is not None]
    if not scores:
        return Comparable(epoch, (), len(trials))
    worst = max(scores, key=objective.loss)
    return Comparable(
        epoch,
        tuple(
            Judged(
                one.number,
                one.active,
                worst if score is None else score,
            )
            for one, score in found
        ),
        len(trials),
    )
