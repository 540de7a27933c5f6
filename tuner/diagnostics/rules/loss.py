"""Rules about the loss itself: not finite, exploded, unstable, no better than the trivial predictor."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from tuner.diagnostics import names, thresholds
from tuner.diagnostics.case import Case
from tuner.diagnostics.finding import Cure, Finding
from tuner.diagnostics.rules.readings import healthy_peak, peak_update, rounded, stands
from tuner.diagnostics.rules.rule import Rule

EMPTY = "val/empty"
"""Share of the validation recordings of which nothing is recognized; speech/recognition has it."""
STILL = 1e-4
"""With update-to-weight ratios up to this, nothing can have exploded."""


class NonFinite(Rule[thresholds.NonFinite]):
    """A loss, gradient or prediction was not finite."""

    can_end = cured_anyway = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        if not case.diverged:
            return None
        return self.finding(
            case,
            max(case.last, 1),
            case.diverged,
            "every loss, gradient and prediction is finite",
            source="arithmetic",
            cures=(Cure(param="learning_rate", times=0.1), Cure(param="clip_norm", times=0.3)),
            advice=("check the data for values that are not finite or very large",),
            fatal=True,
        )


class ExplodedLoss(Rule[thresholds.ExplodedLoss]):
    """The training loss stays far above that of the trivial predictor."""

    can_end = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        trivial, need = case.trivial_loss, self.limits.epochs
        moved = max((value for _, value in case.series(names.UPDATE_RATIO)), default=1.0)
        if trivial is None or moved < STILL:  # it is still the initial loss
            return None
        losses = case.series(names.TRAIN_LOSS)
        for end in range(need, len(losses) + 1):
            window = [value for _, value in losses[end - need : end]]
            falls = any(b < 0.9 * a for a, b in pairwise(window))
            if min(window) > self.limits.factor * trivial and not falls:
                epoch, value = losses[end - 1]
                return self.finding(
                    case,
                    epoch,
                    f"the training loss is {value:.3g}, {value / trivial:.3g} times the trivial predictor's "
                    f"({trivial:.3g}), and does not fall",
                    f"at most {self.limits.factor:g} times the trivial predictor's, or falling within "
                    f"{need} epoch{'s' * (need != 1)}",
                    numbers={"loss": value, "trivial": trivial},
                    cures=(Cure(param="learning_rate", times=0.1), Cure(param="clip_norm", times=0.3)),
                    fatal=True,
                )
        return None


class UnstableLoss(Rule[thresholds.UnstableLoss]):
    """The training loss oscillates from epoch to epoch instead of falling."""

    cured_anyway = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        trivial, losses = case.trivial_loss, case.series(names.TRAIN_LOSS)
        if trivial is None or len(losses) < 5:
            return None
        rises = [(epoch, b - a) for (_, a), (epoch, b) in pairwise(losses)]
        swings = [(epoch, rise) for epoch, rise in rises if rise > self.limits.swing * trivial]
        if len(swings) <= self.limits.share * len(rises):
            return None
        return self.finding(
            case,
            swings[0][0],
            f"in {len(swings)} of {len(rises)} epochs the training loss rose by more than "
            f"{self.limits.swing:.0%} of the trivial predictor's",
            f"so large a rise in at most {self.limits.share:.0%} of the epochs",
            source="after Zhang et al. 2021",
            numbers={"swings": float(len(swings)), "epochs": float(len(rises))},
            cures=(Cure(param="learning_rate", times=0.3), Cure(param="clip_norm", times=0.3)),
            advice=("a larger batch",),
        )


class OnlyBlanks(Rule[thresholds.OnlyBlanks]):
    """Nothing but the blank of CTC is recognized: since the beginning, or since something was."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        series = case.series(EMPTY)
        heard = [epoch for epoch, share in series if share <= self.limits.share]
        mute = [(epoch, share) for epoch, share in series if epoch > max(heard, default=0)]
        enough = len(mute) >= self.limits.epochs if heard else case.last >= self.limits.begun * case.budget
        if not mute or not enough:
            return None
        since, share = mute[0]
        (_, ratio), wanted = peak_update(case), healthy_peak(case)
        times = 3.0 if 0 < 2 * ratio < wanted and not heard else 0.3
        return self.finding(
            case,
            since,
            f"since epoch {since} nothing is recognized in {share:.0%} of the validation recordings: the network says "
            "the blank at every step",
            f"at most {self.limits.share:.0%} of them without a transcript for {self.limits.epochs} epochs"
            if heard
            else f"a transcript of some recording after {self.limits.begun:.0%} of the epochs",
            source="Graves et al. 2006; the limits are ours",
            numbers={"empty": share, "since": float(since)},
            cures=(Cure(param="learning_rate", times=times),),
            advice=(
                "more epochs or smaller batches: the blank is what CTC learns first",
                "a lower data.stride, where transcripts have nearly as many units as recordings have steps",
                "data.units: words, where there are few of them, or subwords",
            ),
        )


class StuckAtTrivial(Rule[thresholds.StuckAtTrivial]):
    """The loss is no better than the trivial predictor's."""

    can_end = needs_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        used, losses = case.last / case.budget, case.series(names.TRAIN_LOSS)
        if used < self.limits.warn or case.last < self.limits.epochs:
            return None
        if not stands(case, self.limits.gain, self.limits.train):  # else it is `not_generalizing`
            return None
        quarter = [value for epoch, value in losses if epoch > 0.75 * case.last]
        before = [value for epoch, value in losses if 0.5 * case.last < epoch <= 0.75 * case.last] or quarter
        falls = 1.0 - median(quarter) / median(before) if median(before) > 0 else 0.0
        fatal = used >= self.limits.end and falls < self.limits.moving and not _falls_on(case)
        (_, ratio), wanted = peak_update(case), healthy_peak(case)
        return self.finding(
            case,
            max(self.limits.epochs, round(self.limits.warn * case.budget)),
            f"after {case.last} of {case.budget} epochs the least validation loss is {case.best_loss[1]:.3g}, "
            f"the trivial predictor's is {case.trivial_loss:.3g}"
            + (", and the training loss no longer falls" if fatal else ""),
            f"at least {self.limits.gain:.0%} below the trivial predictor's after {self.limits.warn:.0%} of the epochs"
            + (f". After {self.limits.end:.0%} it is hopeless, where a cause is found" if fatal else ""),
            source="after Zhang et al. 2021; the limits are ours",
            numbers={"loss": case.best_loss[1], "trivial": case.trivial_loss or 0.0, "used": used},
            cures=(Cure(param="learning_rate", times=rounded(wanted / ratio)),) if 0 < 2 * ratio < wanted else (),
            advice=(
                "python -m tuner lr-range TASK.yaml shows at which rates the loss falls",
                *(
                    ()
                    if case.params.get("initializer", "orthogonal") == "orthogonal"
                    else ("another initializer (orthogonal)",)
                ),
            ),
            fatal=fatal,
        )


def _falls_on(case: Case) -> bool:
    """Whether the training loss fell in every epoch of the second half, however little.

    With noisy labels only a small share of the loss can be learned.
    """
    losses = [value for epoch, value in case.series(names.TRAIN_LOSS) if epoch > 0.5 * case.last]
    return len(losses) > 2 and all(b < a for a, b in pairwise(losses))
