"""Which trainings learned the task, where the trivial predictor's score says what it is to have learned nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tuner.objective import Objective


def halfway(values: Iterable[float | None], objective: Objective) -> float | None:
    """The value halfway from the trivial predictor's to the best; None where none beats that, or it is not known.

    Args:
        values: Of the trials; None without one.
        objective: With the trivial predictor's score.
    """
    best, trivial = objective.best(values), objective.trivial
    if best is None or trivial is None or not math.isfinite(trivial) or not objective.better(best, trivial):
        return None
    return (best + trivial) / 2


def learned_or_not(values: Sequence[float], cut: float, objective: Objective) -> int | None:
    """How many seeds of one configuration learned, where some did, others did not, and none is in between.

    In between is a gap of less than half of the way from the trivial predictor to the best score, which lies as far
    beyond the cut as the trivial predictor is before it.

    Args:
        values: One per seed, finite.
        cut: As `halfway` has it.
        objective: With the trivial predictor's score.

    Returns:
        None where all learned, or none, or the scores are spread without such a gap.
    """
    yes = [value for value in values if objective.better(value, cut)]
    no = [value for value in values if not objective.better(value, cut)]
    if not yes or not no or objective.trivial is None:
        return None
    gap = objective.gain(max(yes, key=objective.loss), min(no, key=objective.loss))
    return len(yes) if gap >= abs(cut - objective.trivial) else None


@dataclass(frozen=True)
class Course:
    """What a training reached, epoch by epoch.

    Args:
        values: Epoch -> score; NaN where it has none.
        whole: Whether no more would have come: it was trained to its end, or diverged. Else it was pruned.
    """

    values: Mapping[int, float]
    whole: bool

    @property
    def last(self) -> int:
        """The last epoch, 0 without any."""
        return max(self.values, default=0)

    def learned_at(self, cut: float, objective: Objective) -> int | None:
        """The first epoch beyond a cut, see `halfway`; None where there is none."""
        return min((epoch for epoch, value in self.values.items() if objective.better(value, cut)), default=None)


@dataclass(frozen=True)
class LearnedBy:
    """Which trainings had learned by an epoch.

    Args:
        epoch: The epoch.
        labels: One per training; None of one that was pruned before, when it had not learned yet.
    """

    epoch: int
    labels: tuple[bool | None, ...]

    @property
    def fewer(self) -> int:
        """The smaller number of those that had learned and those that had not."""
        return min(self.labels.count(True), self.labels.count(False))

    @property
    def unknown(self) -> int:
        """How many were pruned before."""
        return self.labels.count(None)


def learned_by(courses: Sequence[Course], cut: float, objective: Objective) -> LearnedBy:
    """Which trainings had learned, all judged after the same number of epochs.

    One that was pruned may have learned later: nothing is said of it beyond its last epoch. So the later the epoch, the
    more trainings show what they can, and the fewer are left. Taken is the epoch that leaves most of both kinds, and of
    such epochs the last, which depends on no choice that the trainings are compared by.

    Args:
        courses: The trainings.
        cut: As `halfway` has it.
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
