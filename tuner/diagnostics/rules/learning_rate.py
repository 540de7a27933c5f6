"""Rules about the size of updates relative to the weights."""

from __future__ import annotations

import math

from tuner.diagnostics import names, thresholds
from tuner.diagnostics.case import LOSS, Case
from tuner.diagnostics.finding import Cure, Finding
from tuner.diagnostics.rules.readings import healthy_peak, peak_update, rounded, stands, start_gain, trained
from tuner.diagnostics.rules.rule import Rule

SMALL_START = 0.1
"""If the initial gain of all recurrent blocks is below this, their size is no measure for updates."""


class LearningRateTooHigh(Rule[thresholds.LearningRateTooHigh]):
    """Updates are so large that weights are overwritten rather than adjusted.

    Nothing is learned then, or the recurrent matrices grow out of proportion. Large updates alone are no fault: the
    best of short trainings often have them.
    """

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        ratios = case.series(names.UPDATE_RATIO)
        epoch, largest = peak_update(case)
        if largest <= self.limits.update or _starts_small(case):
            return None
        start = start_gain(case)
        grown = max((max(table.values()) for _, table in case.tables(names.SINGULAR_LARGEST)), default=0.0)
        unlearned = case.progress is not None and case.progress <= self.limits.progress
        if not unlearned and grown <= self.limits.singular * max(start, 1.0):
            return None
        harm = (
            f"the loss is at best {case.progress:.0%} below the trivial predictor's"
            if unlearned
            else f"the largest singular value of a recurrent block came to {grown:.3g}, from about {start:.3g}"
        )
        return self.finding(
            case,
            next(epoch for epoch, value in ratios if value > self.limits.update),
            f"an update changes the weights by {largest:.2g} of their size (epoch {epoch}), and {harm}",
            f"a change by at most {self.limits.update:g}, unless the loss is {self.limits.progress:.0%} below the "
            f"trivial predictor's and no singular value above {self.limits.singular:g} times the gain at the start (or "
            f"{self.limits.singular:g}, where that gain is below 1); about 0.001 is healthy",
            source="Karpathy, CS231n notes; the limits are ours",
            numbers={"update": largest},
            cures=(Cure(param="learning_rate", times=rounded(healthy_peak(case) / largest)),),
            advice=("a longer warm-up",),
        )


class LearningRateTooLow(Rule[thresholds.LearningRateTooLow]):
    """Updates are so small that the whole budget hardly changes the weights.

    In a training that the search pruned, updates that are smaller than healthy ones count, too, unless its loss has
    fallen to nearly nothing: larger ones had nothing left to learn.
    """

    can_end = is_cause = cured_anyway = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        ratios, steps = case.series(names.UPDATE_RATIO), case.step(case.budget)
        _, dead = case.last_table(names.UNITS_DEAD)  # without gradient, whatever the rate
        if not ratios or not steps or max(dead.values(), default=0) == 1:
            return None
        epoch, largest = peak_update(case)
        progress, travel, wanted = case.progress or 0.0, largest * steps, healthy_peak(case)
        unlearned = progress <= self.limits.progress and trained(case) <= self.limits.train
        lost = travel < self.limits.travel and unlearned
        behind = case.pruned and largest * self.limits.behind <= wanted and not _solved(case, self.limits.solved)
        if not (lost or behind) or _warms_up(case):
            return None
        reachable = wanted * steps
        least = reachable / self.limits.behind
        late = case.last >= max(2, self.limits.end * case.budget)
        small = travel <= self.limits.hopeless and reachable >= self.limits.travel
        fatal = lost and late and small and stands(case, self.limits.standing, self.limits.standing)
        threshold = (
            f"a total change of at least {self.limits.travel:g} times their size, unless the loss is "
            f"{self.limits.progress:.0%} below "
            f"the trivial predictor's, or the training loss {self.limits.train:.0%}"
        )
        if fatal:
            threshold += (
                f". After {self.limits.end:.0%} of the epochs, {self.limits.hopeless:g} times or less is hopeless"
            )
        return self.finding(
            case,
            ratios[0][0],
            f"a step changes the weights by at most {largest:.2g} of their size (epoch {epoch}), so that all {steps} "
            f"steps of the budget move them by at most {travel:.2g} times their size"
            + ("" if lost else "; the search pruned it"),
            threshold
            if lost
            else f"a total change of at least {least:.2g} times their size in a pruned training, unless the loss is "
            f"{self.limits.solved:.0%} below the trivial predictor's",
            source="after Karpathy, CS231n notes; the limit is ours",
            numbers={"update": largest, "travel": travel, "reachable": reachable},
            cures=(Cure(param="learning_rate", times=rounded(wanted / max(largest, 1e-9))),),
            advice=("more epochs",),
            fatal=fatal,
        )

    def explains(self, finding: Finding) -> bool:
        """See `Rule.explains`.

        A rate that is only smaller than healthy may learn; and if the steps are too few for any rate, it is no cause.
        """
        numbers = finding.numbers
        return numbers["travel"] < self.limits.travel <= numbers["reachable"]


def _starts_small(case: Case) -> bool:
    """Whether the recurrent matrices start so small that any update is relatively large: see `InitializationScale`."""
    return any(max(table.values()) < SMALL_START for _, table in case.tables(names.START_GAIN))


def _solved(case: Case, share: float) -> bool:
    """Whether the training or validation loss fell by this share from the trivial predictor's towards 0."""
    least = min((value for name in (names.TRAIN_LOSS, LOSS) for _, value in case.series(name)), default=math.inf)
    return 0.0 <= least <= (1.0 - share) * (case.trivial_loss or 0.0)  # one that can be negative never ends


def _warms_up(case: Case) -> bool:
    """Whether the learning rate is still rising."""
    rates = [value for _, value in case.series(names.LEARNING_RATE)]
    return len(rates) > 1 and rates[-1] > 1.001 * rates[-2] and case.last < case.budget
