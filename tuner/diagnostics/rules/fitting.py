"""Rules that compare training and validation loss: underfitting and overfitting."""

from __future__ import annotations

from statistics import median

from tuner.diagnostics import names, thresholds
from tuner.diagnostics.case import LOSS, Case
from tuner.diagnostics.finding import Cure, Finding
from tuner.diagnostics.rules.rule import Rule

STARTUP = 0.1
"""Fraction of the budget in which the training loss may still be high from the start."""
DROPOUTS = ("dropout.input", "dropout.between", "dropout.output", "dropout.recurrent", "dropout.state", "weight_drop")


class TooMuchRegularization(Rule[thresholds.TooMuchRegularization]):
    """Dropout is so strong that it prevents learning: with dropout the network is far worse than without."""

    cured_anyway = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        trivial, rates = case.trivial_loss, {name: case.params.get(name) or 0.0 for name in DROPOUTS}
        acting = sorted((name for name, rate in rates.items() if rate), key=lambda name: -rates[name])
        losses = _late(case, names.TRAIN_LOSS)
        if trivial is None or not acting or not losses:
            return None
        validation = dict(case.series(LOSS))
        gaps = [(epoch, (loss - validation[epoch]) / trivial) for epoch, loss in losses if epoch in validation]
        cures = tuple(Cure(param=name, times=0.3) for name in acting)
        epoch, least = min(losses, key=lambda pair: pair[1])
        rate = rates[acting[0]]
        if rate >= self.limits.rate and least > (1.0 - self.limits.gain) * trivial:
            return self.finding(
                case,
                losses[0][0],
                f"with {acting[0]} {rate:g} the training loss is never below {least:.3g} (epoch {epoch}); the trivial "
                f"predictor's is {trivial:.3g}",
                f"at least {self.limits.gain:.0%} below the trivial predictor's, where dropout is "
                f"{self.limits.rate:g} or more",
                numbers={"train": least, "trivial": trivial, "rate": rate},
                cures=cures,
            )
        if rate < self.limits.gap_rate or not gaps or median(gap for _, gap in gaps) <= self.limits.gap:
            return None
        epoch, loss = losses[-1]
        held = validation.get(epoch, loss)
        return self.finding(
            case,
            next(epoch for epoch, gap in gaps if gap > self.limits.gap),
            f"the training loss, with dropout, is {loss:.3g}, the validation loss, without it, is {held:.3g}",
            f"at most {self.limits.gap:.0%} of the trivial predictor's loss apart",
            numbers={"train": loss, "validation": held},
            cures=cures,
        )


class NotGeneralizing(Rule[thresholds.NotGeneralizing]):
    """The training loss falls, the validation loss does not."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        trivial, progress = case.trivial_loss, case.progress
        if trivial is None or progress is None or progress > self.limits.gain:
            return None
        for epoch, loss in case.series(names.TRAIN_LOSS):
            if loss < (1.0 - self.limits.train) * trivial:
                return self.finding(
                    case,
                    epoch,
                    f"the training loss fell to {loss:.3g}, and the validation loss was never below "
                    f"{case.best_loss[1]:.3g}; the trivial predictor's is {trivial:.3g}",
                    f"a validation loss {self.limits.gain:.0%} below the trivial predictor's, where the training loss "
                    f"is {self.limits.train:.0%} below it",
                    numbers={"train": loss, "validation": case.best_loss[1], "trivial": trivial},
                    advice=(
                        "check whether labels belong to their items, and whether both splits come from one source",
                        "a smaller network, more dropout or weight decay, more data",
                    ),
                )
        return None


class Overfitting(Rule[thresholds.Overfitting]):
    """The validation loss rises while the training loss keeps falling."""

    cured_anyway = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        trivial, (best_epoch, best) = case.trivial_loss, case.best_loss
        if trivial is None or best > (1.0 - self.limits.gain) * trivial:
            return None
        train = dict(case.series(names.TRAIN_LOSS))
        for epoch, value in case.series(LOSS):
            rise = (value - best) / (trivial - best)
            if epoch < best_epoch + self.limits.epochs or rise <= self.limits.rise:
                continue
            if train.get(epoch, value) < min(train.get(best_epoch, value), value):
                return self.finding(
                    case,
                    epoch,
                    f"since epoch {best_epoch} the validation loss rose from {best:.3g} to {value:.3g} while the "
                    f"training loss fell to {train[epoch]:.3g}",
                    f"a rise of at most {self.limits.rise:.0%} of the best epoch's improvement "
                    "over the trivial predictor",
                    source="after Schoop et al. 2021; the limit is ours",
                    numbers={"best": best, "validation": value, "train": train[epoch]},
                    cures=(
                        *(Cure(param=name, plus=0.2) for name in DROPOUTS),
                        Cure(param="weight_decay", times=10.0),
                        Cure(param="hidden_size", times=0.5),
                    ),
                    advice=("more data", "patience, so that training ends at its best epoch"),
                )
        return None


def _late(case: Case, name: str) -> list[tuple[int, float]]:
    """A series without the start of the training."""
    return [(epoch, value) for epoch, value in case.series(name) if epoch > STARTUP * case.budget]
