"""Which choice separates the trials that learned the task from those that did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.objective import Objective
from tuner.reporting.contrasts import Group, contrasts
from tuner.reporting.learned import Course, halfway, learned_by
from tuner.words import counted

LEVEL = 0.05
"""Largest probability, after correction, at which a difference is reported."""


@dataclass(frozen=True)
class Separation:
    """The choice that separates best.

    Args:
        parameter: The parameter.
        groups: What was chosen, by share of trials that learned, largest first.
        against: The label that differs from all others together.
        cut: The value that a trial had to pass, halfway between the trivial predictor's and the best trial's.
        epoch: By which it had to; 0 where it had as long as any.
        unknown: Trials that were pruned before, when they had not passed it yet; they are left out.
        probability: Of so large a difference where the choice does not matter: Fisher's exact test, two-sided, times
            the number of comparisons (Bonferroni).
        comparisons: Their number.
    """

    parameter: str
    groups: tuple[Group, ...]
    against: str
    cut: float
    epoch: int
    unknown: int
    probability: float
    comparisons: int

    def sentence(self, objective: Objective) -> str:
        """All that in words.

        Args:
            objective: What was optimized.
        """
        side = "below" if objective.direction == "minimize" else "above"
        groups = ", ".join(map(str, self.groups))
        learned = f"had learned by epoch {self.epoch}" if self.epoch else "learned"
        left_out = f"; left out, as pruned before: {self.unknown}" if self.unknown else ""
        where = f"{objective.metric} {side} {self.cut:.3g}"
        test = f"Fisher's exact test, corrected for {counted(self.comparisons, 'comparison')}"
        return (
            f"{self.parameter} separates the trials that {learned} ({where}, halfway from the trivial predictor, "
            f"{objective.trivial_name}, to the best trial) from the others: {groups}; {self.against} against the rest: "
            f"p = {self.probability:.1g} ({test}){left_out}."
        )


def separation(trials: Sequence[tuple[Mapping[str, Any], Course]], objective: Objective) -> Separation | None:
    """The most significant difference between one choice and all others in the share of trials that learned.

    A trial has learned when its value is more than halfway from the trivial predictor's to the best trial's; all are
    judged by what they had reached after the same number of epochs, see `learned_by`. Every choice of every parameter,
    or part of its range, is compared with the rest of the trials that have the parameter.

    Args:
        trials: Searched parameters (inactive ones absent) and course of each trial that is over, pruned and diverged
            ones included.
        objective: With the trivial predictor's score.

    Returns:
        None where no trial beats the trivial predictor, or that is not known, or no difference is significant at
        `LEVEL`.

    Reference:
        Fisher 1922, doi:10.2307/2340521. A sampler that learns from earlier trials does not draw choices at random; in
        simulated studies with Optuna's TPE the share of false differences stayed below `LEVEL`.
    """
    courses = [course for _, course in trials]
    cut = halfway((value for course in courses for value in course.values.values()), objective)
    if cut is None:
        return None
    by = learned_by(courses, cut, objective)
    known = [(params, label) for (params, _), label in zip(trials, by.labels, strict=True) if label is not None]
    compared = contrasts(known)
    if not compared:
        return None
    best = min(compared, key=lambda one: one.probability)
    corrected = min(1.0, best.probability * len(compared))
    if corrected > LEVEL:
        return None
    epoch = by.epoch if by.epoch < max(course.last for course in courses) else 0
    label, comparisons = best.group.label, len(compared)
    return Separation(best.parameter, best.groups, label, cut, epoch, by.unknown, corrected, comparisons)
