"""The choice that separates the trials that learned the task from those that did not."""

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
        groups: The choices, by share of trials that learned, largest first.
        against: The label of the choice that differs from all others together.
        cut: The value that a trial must pass, halfway between the trivial predictor's and the best trial's.
        epoch: The epoch by which it must pass; 0 without such a limit.
        unknown: Number of trials that were pruned before, without having passed; they are left out.
        probability: p value by Fisher's exact test, two-sided, times the number of comparisons (Bonferroni).
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
        """The separation in words.

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
    """The choice whose share of trials that learned differs most significantly from that of all others.

    A trial has learned if its value is more than halfway from the trivial predictor's to the best trial's; all are
    judged after the same number of epochs, see `learned_by`. Every choice of every parameter, or part of its range, is
    compared with the rest of the trials that have the parameter.

    Args:
        trials: Searched parameters (inactive ones absent) and course of each finished trial, pruned and diverged ones
            included.
        objective: With the trivial predictor's score.

    Returns:
        None if no trial beats the trivial predictor, that is unknown, or no difference is significant at `LEVEL`.

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
