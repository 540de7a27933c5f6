"""Which trainings learned the task, judged by the trivial predictor's score."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tuner.objective import Objective


def halfway(values: Iterable[float | None], objective: Objective) -> float | None:
    """The value halfway from the trivial predictor's to the best; None if none beats that, or it is unknown.

    Args:
        values: Of the trials; None without one.
        objective: With the trivial predictor's score.
    """
    best, trivial = objective.best(values), objective.trivial
    if best is None or trivial is None or not math.isfinite(trivial) or not objective.better(best, trivial):
        return None
    return (best + trivial) / 2


def learned_or_not(values: Sequence[float], cut: float, objective: Objective) -> int | None:
    """How many seeds of one configuration learned, if some clearly did and the others clearly did not.

    Clearly means that the two groups are apart by at least half of the way from the trivial predictor to the best
    score, which lies as far beyond the cut as the trivial predictor before it.

    Args:
        values: One per seed, finite.
        cut: From `halfway`.
        objective: With the trivial predictor's score.

    Returns:
        None if all learned, or none, or there is no such gap between the scores.
    """
    yes = [value for value in values if objective.better(value, cut)]
    no = [value for value in values if not objective.better(value, cut)]
    if not yes or not no or objective.trivial is None:
        return None
    gap = objective.gain(max(yes, key=objective.loss), min(no, key=objective.loss))
    return len(yes) if gap >= abs(cut - objective.trivial) else None


@dataclass(frozen=True)
class Course:
    """The scores of a training by epoch.

    Args:
        values: Epoch -> score; NaN without one.
        whole: Whether it is complete: trained to its end, or diverged. Else it was pruned.
    """

    values: Mapping[int, float]
    whole: bool

    @property
    def last(self) -> int:
        """The last epoch; 0 without any."""
        return max(self.values, default=0)

    def learned_at(self, cut: float, objective: Objective) -> int | None:
        """The first epoch beyond a cut, see `halfway`; None without one."""
        return min((epoch for epoch, value in self.values.items() if objective.better(value, cut)), default=None)


@dataclass(frozen=True)
class LearnedBy:
    """Which trainings had learned by an epoch.

    Args:
        epoch: The epoch.
        labels: One per training; None for one that was pruned before that epoch without having learned.
    """

    epoch: int
    labels: tuple[bool | None, ...]

    @property
    def fewer(self) -> int:
        """The number of trainings that had learned, or of those that had not, whichever is smaller."""
        return min(self.labels.count(True), self.labels.count(False))

    @property
    def unknown(self) -> int:
        """Number of trainings that were pruned before."""
        return self.labels.count(None)


def learned_by(courses: Sequence[Course], cut: float, objective: Objective) -> LearnedBy:
    """Which trainings had learned, all judged after the same number of epochs.

    A pruned training might have learned later, so it is unknown beyond its last epoch: at a later epoch, more trainings
    have learned but fewer are known. The chosen epoch is the one with most trainings of both kinds, the last of equals;
    it does not depend on the choices by which trainings are compared.

    Args:
        courses: The trainings.
        cut: From `halfway`.
        objective: What the scores are of.
    """
    at = [course.learned_at(cut, objective) for course in courses]
    found = LearnedBy(0, (None,) * len(courses))
    for epoch in range(1, max((course.last for course in courses), default=0) + 1):
        labels = tuple(
            True if first is not None and first <= epoch else False if course.whole or course.last >= epoch else None
            for first, course in zip(at, courses, strict=True)
        )
        found = max(found, LearnedBy(epoch, labels), key=lambda one: (one.fewer, one.epoch))
    return found
