"""Rules: from the record of a training to a finding, or to none. Free of torch.

A rule looks at numbers that are recorded, so that a stored training is judged as a running one is;
but for `Case.cut`, which is known only where a training ends.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, ClassVar, Generic, TypeVar

from tuner.config.options import Options
from tuner.diagnostics import names, thresholds
from tuner.diagnostics.case import LOSS, Case, reach
from tuner.diagnostics.finding import Cure, Finding

T = TypeVar("T", bound=Options)

TRAVEL = 20.0
"""How far the steps of a training should move its weights, in their own size: the good trainings of our benchmarks move
them by 10 to 100 times; with 20,000 steps it is the folklore's 1e-3 a step."""
LEAST_PEAK, LARGEST_PEAK = 1e-3, 2e-2
"""Bounds of the largest epoch's update-to-weight ratio that a learning rate is corrected to."""
PLAIN = {"rnn", "indrnn"}
"""Cells without a gate, which a gated one cures."""
STILL = 1e-4
"""Largest update-to-weight ratio at which nothing can have exploded."""
SMALL_START = 0.1
"""Gain of all recurrent blocks at the start below which their size says nothing about steps."""
STARTUP = 0.1
"""Share of the budget in which the training loss may still be that of a start."""
MEMORY_GATES = {"forget", "update", "input"}
"""Gates that decide what is kept, which are far to one side where much must be kept long; see `NoMemory`."""


class Rule(ABC, Generic[T]):
    """Judges one symptom.

    Args:
        name: Its name in the catalog.
        limits: Its thresholds.
    """

    can_end: ClassVar[bool] = False
    """Whether its finding may be fatal; such a rule costs little."""
    needs_cause: ClassVar[bool] = False
    """Whether its finding is fatal only beside one of a rule that `is_cause`."""
    is_cause: ClassVar[bool] = False
    """Whether its finding can explain why nothing is learned, and does not pass by itself."""
    cured_anyway: ClassVar[bool] = False
    """Whether its cures are worth a trial even where much was learned; most symptoms do no harm then."""

    def __init__(self, name: str, limits: T) -> None:
        self.name, self.limits = name, limits

    @abstractmethod
    def judge(self, case: Case) -> Finding | None:
        """The finding, with the first epoch in which it was seen; None where the symptom is not there, or cannot be
        told from what was measured."""  # noqa: D205, D209

    def explains(self, finding: Finding) -> bool:  # noqa: ARG002 - contract
        """Whether this finding of the rule is bad enough to be such a cause."""
        return self.is_cause

    def finding(self, case: Case, epoch: int, evidence: str, threshold: str, **fields: Any) -> Finding:
        """A finding of this rule."""
        return Finding(
            name=self.name,
            epoch=epoch,
            step=case.step(epoch),
            evidence=evidence,
            threshold=threshold,
            **{"source": "ours", **fields},
        )


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
            "everything is finite",
            source="arithmetic",
            cures=(Cure(param="learning_rate", times=0.1), Cure(param="clip_norm", times=0.3)),
            advice=("look at the data for values that are not finite or very large",),
            fatal=True,
        )


class ExplodedLoss(Rule[thresholds.ExplodedLoss]):
    """The training loss is far above that of the trivial predictor, and stays there."""

    can_end = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        trivial, need = case.trivial_loss, self.limits.epochs
        moved = max((value for _, value in case.series(names.UPDATE_RATIO)), default=1.0)
        if trivial is None or moved < STILL:  # it is where it began
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
                    f"above {self.limits.factor:g} times in {need} epochs in a row",
                    numbers={"loss": value, "trivial": trivial},
                    cures=(Cure(param="learning_rate", times=0.1), Cure(param="clip_norm", times=0.3)),
                    fatal=True,
                )
        return None


class LearningRateTooHigh(Rule[thresholds.LearningRateTooHigh]):
    """Steps are so large that weights are overwritten rather than adjusted.

    Nothing is learned then, or the recurrent matrices grow out of proportion. Large steps alone are no fault: of short
    trainings the best often have them.
    """

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        ratios = case.series(names.UPDATE_RATIO)
        epoch, largest = _peak_update(case)
        if largest <= self.limits.update or _starts_small(case):
            return None
        start = _start_gain(case)
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
            f"a step changes the weights by {largest:.2g} of their size (epoch {epoch}), and {harm}",
            f"at most {self.limits.update:g} where the loss is not {self.limits.progress:.0%} below it, or a singular "
            f"value is {self.limits.singular:g} times the gain at the start, or 1; about 1e-3 is healthy",
            source="Karpathy, CS231n notes; the limits are ours",
            numbers={"update": largest},
            cures=(Cure(param="learning_rate", times=_rounded(_healthy_peak(case) / largest)),),
            advice=("a longer warm-up",),
        )


class LearningRateTooLow(Rule[thresholds.LearningRateTooLow]):
    """Steps are so small that all of the budget's together leave the weights about where they began; or smaller than
    healthy ones, and the search cut the training as others were further."""  # noqa: D205, D209

    can_end = is_cause = cured_anyway = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        ratios, steps = case.series(names.UPDATE_RATIO), case.step(case.budget)
        _, dead = case.last_table(names.UNITS_DEAD)  # which get no gradient, whatever the rate
        if not ratios or not steps or max(dead.values(), default=0) == 1:
            return None
        epoch, largest = _peak_update(case)
        progress, travel, wanted = case.progress or 0.0, largest * steps, _healthy_peak(case)
        lost = travel < self.limits.travel and progress <= self.limits.progress
        behind = case.cut and largest * self.limits.behind <= wanted
        if not (lost or behind) or _warms_up(case):
            return None
        reachable = wanted * steps
        late = case.last >= max(2, self.limits.end * case.budget)
        small = travel <= self.limits.hopeless and reachable >= self.limits.travel
        fatal = lost and late and small and _stands(case, self.limits.standing, self.limits.standing)
        threshold = (
            f"at least {self.limits.travel:g} times their size, unless the loss is {self.limits.progress:.0%} below "
            "the trivial predictor's"
        )
        if fatal:
            threshold += f". After {self.limits.end:.0%} of the epochs, {self.limits.hopeless:g} times is hopeless"
        return self.finding(
            case,
            ratios[0][0],
            f"a step changes the weights by at most {largest:.2g} of their size (epoch {epoch}), so that all {steps} "
            f"steps of the budget move them by at most {travel:.2g} times their size"
            + ("" if lost else "; the search pruned it, as others were ahead"),
            threshold if lost else f"at least {reachable / self.limits.behind:.2g} in a training that is cut",
            source="after Karpathy, CS231n notes; the limit is ours",
            numbers={"update": largest, "travel": travel, "reachable": reachable},
            cures=(Cure(param="learning_rate", times=_rounded(wanted / max(largest, 1e-9))),),
            advice=("more epochs",),
            fatal=fatal,
        )

    def explains(self, finding: Finding) -> bool:
        """See `Rule.explains`: what is only smaller than healthy may learn, and where so few steps get nowhere at any
        rate, it is not the rate's fault."""  # noqa: D205, D209
        numbers = finding.numbers
        return numbers["travel"] < self.limits.travel <= numbers["reachable"]


class InputScale(Rule[thresholds.InputScale]):
    """What the first layer reads is on a scale that saturates every gate."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        for epoch, table in case.tables(names.INPUT_SD):
            where, sd = next(iter(table.items()))
            if sd > self.limits.sd:
                return self.finding(
                    case,
                    epoch,
                    f"what the first layer reads has a standard deviation of {sd:.3g}",
                    f"at most {self.limits.sd:g}; standardized data has 1",
                    where=where,
                    numbers={"sd": sd},
                    advice=("standardize the inputs (an option of `data:`), or divide them by this number",),
                )
        return None


class InitializationScale(Rule[thresholds.InitializationScale]):
    """Recurrent matrices start far too large or too small."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        for epoch, table in case.tables(names.START_GAIN):
            low, high = min(table, key=lambda at: table[at]), max(table, key=lambda at: table[at])
            if table[high] > self.limits.largest:
                where, word = high, "at most"
            elif max(table.values()) < self.limits.least:
                where, word = low, "at least"
            else:
                continue
            limit = self.limits.largest if word == "at most" else self.limits.least
            return self.finding(
                case,
                epoch,
                f"a recurrent block scales a state by {table[where]:.3g} at the start (root mean square)",
                f"{word} {limit:g}; an orthogonal matrix has 1",
                source="Pascanu et al. 2013; the limit is ours",
                where=where,
                numbers={"gain": table[where]},
                cures=(Cure(param="initializer", to="orthogonal"), Cure(param="initializer", to="xavier_uniform")),
            )
        return None


class VanishingGradient(Rule[thresholds.VanishingGradient]):
    """The gradient through the state dies out before it has crossed the task's lag, and the task is not learned."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        looks = case.series(names.ATTENUATION)
        progress = case.progress
        if not looks or case.lag is None or progress is None or progress > self.limits.progress:
            return None
        limit = 10.0 ** looks[-1][1]
        if limit >= self.limits.attenuation:
            return None
        first = next(epoch for epoch, value in looks if 10.0**value < self.limits.attenuation)
        _, cells = case.last_table(names.CELL_ATTENUATION)
        _, memory = case.last_table(names.MEMORY_TIME)
        where = max(cells, key=lambda at: cells[at], default="")
        remembers = f"; its units remember for {memory[where]:.3g} steps at most" if where in memory else ""
        return self.finding(
            case,
            first,
            f"over {_reach(case)} the gradient falls to 10^{looks[-1][1]:.1f} of itself{remembers}",
            f"at least {self.limits.attenuation:g}, where the loss is not {self.limits.progress:.0%} below the trivial "
            "predictor's",
            where=where,
            numbers={"attenuation": looks[-1][1], "lag": float(case.lag), "progress": progress},
            cures=(
                Cure(param="gate_bias", to="chrono"),
                Cure(param="forget_bias", plus=3.0),
                *((Cure(param="cell", to="lstm"),) if case.params.get("cell") in PLAIN else ()),
                Cure(param="initializer", to="orthogonal"),
            ),
            advice=("a shorter window or coarser steps, if the task allows",),
        )

    def explains(self, finding: Finding) -> bool:
        """See `Rule.explains`: what is weak may still be learned from."""
        return bool(10.0 ** finding.numbers["attenuation"] < self.limits.hopeless)


class ExplodingGradient(Rule[thresholds.ExplodingGradient]):
    """The gradient grows on its way back through time, or leaps by orders of magnitude."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        cures = (
            Cure(param="clip_norm", times=0.25),
            Cure(param="learning_rate", times=0.3),
            Cure(param="initializer", to="orthogonal"),
        )
        for epoch, cells in case.tables(names.CELL_ATTENUATION):
            where = max(cells, key=lambda at: cells[at])
            if 10.0 ** min(cells[where], 300.0) > self.limits.growth:
                return self.finding(
                    case,
                    epoch,
                    f"over {_reach(case)} the gradient grows to 10^{cells[where]:.1f} of itself",
                    f"at most {self.limits.growth:g} times",
                    where=where,
                    numbers={"attenuation": cells[where]},
                    cures=cures,
                )
        norms, clipped = case.series(names.GRAD_NORM), dict(case.series(names.GRAD_CLIPPED))
        # In a good training the norm falls by orders of magnitude: what counts is what was usual at the start.
        typical = max(norms[0][1], median(value for _, value in norms)) if norms else 0.0
        for epoch, value in case.series(names.GRAD_NORM_MAX):
            if typical > 0 and value > self.limits.outlier * typical and not clipped.get(epoch):
                return self.finding(
                    case,
                    epoch,
                    f"the gradient norm leaps to {value:.3g}, {value / typical:.3g} times what is usual, unclipped",
                    f"at most {self.limits.outlier:g} times",
                    numbers={"norm": value, "typical": typical},
                    cures=cures,
                )
        return None


class NoMemory(Rule[thresholds.NoMemory]):
    """Gates that keep the state are shut: whatever is read is forgotten at once."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        if case.lag is None or case.lag < self.limits.lag:
            return None
        for epoch, table in case.tables(names.MEMORY_TIME):
            where = max(table, key=lambda at: table[at])
            if table[where] < self.limits.steps:
                return self.finding(
                    case,
                    epoch,
                    f"even the units that remember longest forget within {table[where]:.2g} steps; the task's lag is "
                    f"{case.lag}",
                    f"at least {self.limits.steps:g} steps",
                    source="Gers et al. 2000; the limit is ours",
                    where=where,
                    numbers={"steps": table[where], "lag": float(case.lag)},
                    cures=(Cure(param="gate_bias", to="chrono"), Cure(param="forget_bias", to=1.0)),
                )
        return None


class SaturatedGate(Rule[thresholds.SaturatedGate]):
    """A gate is shut, or open, whatever it reads; gates of the memory apart, which may be."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        last, left = case.last_table(names.GATE_LEFT)
        _, right = case.last_table(names.GATE_RIGHT)
        for where, shut in left.items():
            gate, open_ = where.rpartition("/")[2], right.get(where, 0.0)
            if gate in MEMORY_GATES or not self._is_stuck(shut, open_):
                continue
            evidence = f"{shut:.0%} of the {gate} gate's values are below 0.1"
            threshold = f"at most {self.limits.closed:.0%}"
            if shut <= self.limits.closed:
                evidence += f" and {open_:.0%} above 0.9"
                threshold = f"at most {self.limits.open:.0%} together"
            return self.finding(
                case,
                self._first(case, where) or last,
                evidence,
                threshold,
                source="after Karpathy et al. 2016; the limit is ours",
                where=where,
                numbers={"closed": shut, "open": open_},
                cures=(Cure(param="learning_rate", times=0.3), Cure(param="initializer", to="orthogonal")),
                advice=("standardize the inputs", "a cell with layer normalization (ln_lstm, ln_gru)"),
            )
        return None

    def _is_stuck(self, shut: float, open_: float) -> bool:
        return shut > self.limits.closed or shut + open_ > self.limits.open

    def _first(self, case: Case, where: str) -> int:
        opened = dict(case.tables(names.GATE_RIGHT))
        for epoch, left in case.tables(names.GATE_LEFT):
            if self._is_stuck(left.get(where, 0.0), opened.get(epoch, {}).get(where, 0.0)):
                return epoch
        return 0


class SaturatedUnits(Rule[thresholds.SaturatedUnits]):
    """Outputs sit at the ends of tanh, where its slope is 0; of networks whose outputs have such ends."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        _, largest = case.last_table(names.OUTPUT_MAX)
        if max(largest.values(), default=0.0) > 1.0 + 1e-6:  # relu, linear: no ends to sit at
            return None
        return _share(
            self,
            case,
            names.UNITS_SATURATED,
            self.limits.share,
            "of the outputs are above 0.95 in size",
            (Cure(param="learning_rate", times=0.3), Cure(param="initializer", to="orthogonal")),
            ("standardize the inputs", "a cell with layer normalization (ln_lstm, ln_gru)"),
        )


class DeadUnits(Rule[thresholds.DeadUnits]):
    """Units say the same whatever they read."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        return _share(
            self,
            case,
            names.UNITS_DEAD,
            self.limits.share,
            "of the units do not vary",
            (
                Cure(param="learning_rate", times=0.3),
                Cure(param="initializer", to="orthogonal"),
                Cure(param="nonlinearity", to="tanh"),
                Cure(param="cell", to="lstm"),
            ),
            ("a smaller hidden_size",),
        )


class ShrinkingWeights(Rule[thresholds.ShrinkingWeights]):
    """Weight decay pulls the weights to 0 faster than learning moves them."""

    is_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        sizes = _sizes(case)
        if not case.params.get("weight_decay") or len(sizes) < 2 or sizes[-1][1] >= self.limits.kept * sizes[0][1]:
            return None
        first = sizes[0][1]
        return self.finding(
            case,
            next(epoch for epoch, size in sizes if size < self.limits.kept * first),
            f"the norm of the recurrent layers' weights fell from {first:.3g} to {sizes[-1][1]:.3g}",
            f"at least {self.limits.kept:.0%} of the first epoch's",
            numbers={"first": first, "last": sizes[-1][1]},
            cures=(Cure(param="weight_decay", times=0.01),),
        )


class GrowingWeights(Rule[thresholds.GrowingWeights]):
    """Steps drive the weights apart instead of to a place."""

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        start = _start_gain(case)
        for epoch, table in case.tables(names.SINGULAR_LARGEST):
            where = max(table, key=lambda at: table[at])
            if table[where] > self.limits.singular * max(start, 1.0):
                return self.finding(
                    case,
                    epoch,
                    f"the largest singular value of a recurrent block is {table[where]:.3g}; at the start about "
                    f"{start:.3g}",
                    f"at most {self.limits.singular:g} times the gain at the start, or 1",
                    where=where,
                    numbers={"start": start, "singular": table[where]},
                    cures=(
                        Cure(param="clip_norm", times=0.25),
                        Cure(param="learning_rate", times=0.3),
                        Cure(param="weight_decay", times=10.0),
                    ),
                    advice=("gradient clipping",) if case.params.get("clip_norm", 1.0) is None else (),
                )
        return None


class TooMuchRegularization(Rule[thresholds.TooMuchRegularization]):
    """With dropout on, the network is far worse than without: it is kept from learning what it could."""

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
                f"{self.limits.gain:.0%} below the trivial predictor's, with a dropout of {self.limits.rate:g} or more",
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
    """What is learned of the training data does not hold for the validation data at all."""

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
                    f"validation must gain {self.limits.gain:.0%} where training gains {self.limits.train:.0%}",
                    numbers={"train": loss, "validation": case.best_loss[1], "trivial": trivial},
                    advice=(
                        "look whether labels belong to their items, and whether both parts come from one source",
                        "a smaller network, more dropout or weight decay, more data",
                    ),
                )
        return None


class Overfitting(Rule[thresholds.Overfitting]):
    """The validation loss rises while the training loss falls on."""

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
                    f"a rise of at most {self.limits.rise:.0%} of what was gained",
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


class UnstableLoss(Rule[thresholds.UnstableLoss]):
    """The training loss swings from epoch to epoch instead of falling."""

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
            f"in at most {self.limits.share:.0%} of the epochs",
            source="after Zhang et al. 2021",
            numbers={"swings": float(len(swings)), "epochs": float(len(rises))},
            cures=(Cure(param="learning_rate", times=0.3), Cure(param="clip_norm", times=0.3)),
            advice=("a larger batch",),
        )


class StuckAtTrivial(Rule[thresholds.StuckAtTrivial]):
    """The network is no better than a predictor that does not look at the input."""

    can_end = needs_cause = True

    def judge(self, case: Case) -> Finding | None:
        """See `Rule.judge`."""
        used, losses = case.last / case.budget, case.series(names.TRAIN_LOSS)
        if used < self.limits.warn or case.last < self.limits.epochs:
            return None
        if not _stands(case, self.limits.gain, self.limits.train):  # what fell in training only is `not_generalizing`
            return None
        quarter = [value for epoch, value in losses if epoch > 0.75 * case.last]
        before = [value for epoch, value in losses if 0.5 * case.last < epoch <= 0.75 * case.last] or quarter
        falls = 1.0 - median(quarter) / median(before) if median(before) > 0 else 0.0
        fatal = used >= self.limits.end and falls < self.limits.moving and not _falls_on(case)
        (_, ratio), wanted = _peak_update(case), _healthy_peak(case)
        return self.finding(
            case,
            max(self.limits.epochs, round(self.limits.warn * case.budget)),
            f"after {case.last} of {case.budget} epochs the least validation loss is {case.best_loss[1]:.3g}, "
            f"the trivial predictor's is {case.trivial_loss:.3g}"
            + (", and the training loss no longer falls" if fatal else ""),
            f"{self.limits.gain:.0%} below it after {self.limits.warn:.0%} of the epochs"
            + (f"; hopeless after {self.limits.end:.0%}" if fatal else ""),
            source="after Zhang et al. 2021; the limits are ours",
            numbers={"loss": case.best_loss[1], "trivial": case.trivial_loss or 0.0, "used": used},
            cures=(Cure(param="learning_rate", times=_rounded(wanted / ratio)),) if 0 < 2 * ratio < wanted else (),
            advice=(
                "python -m tuner lr-range task.yaml tells where the loss falls",
                *(
                    ()
                    if case.params.get("initializer", "orthogonal") == "orthogonal"
                    else ("another initializer (orthogonal)",)
                ),
            ),
            fatal=fatal,
        )


DROPOUTS = ("dropout.input", "dropout.between", "dropout.output", "dropout.recurrent", "dropout.state", "weight_drop")


def _share(
    rule: Rule[Any],
    case: Case,
    quantity: str,
    limit: float,
    words: str,
    cures: Sequence[Cure],
    advice: Sequence[str],
) -> Finding | None:
    """The finding of a rule about a share of each cell; in the last look, and before it in a row."""
    last, table = case.last_table(quantity)
    if not table or max(table.values()) <= limit:
        return None
    where = max(table, key=lambda at: table[at])
    first = last
    looks: list[tuple[int, Mapping[str, float]]] = list(case.tables(quantity))
    for epoch, cells in reversed(looks):
        if cells.get(where, 0.0) <= limit:
            break
        first = epoch
    return rule.finding(
        case,
        first,
        f"{table[where]:.0%} {words}",
        f"at most {limit:.0%}",
        where=where,
        numbers={"share": table[where]},
        cures=tuple(cures),
        advice=tuple(advice),
    )


def _reach(case: Case) -> str:
    """The steps over which an attenuation was measured: the task's lag, or as much of it as sequences are long."""
    steps = reach((epoch.profiles.get(names.STATE_GRAD, {}) for epoch in case.epochs), case.lag)
    if steps == case.lag:
        return f"the task's lag of {case.lag} steps"
    return f"{steps:.0f} of the task's lag of {case.lag} steps"


def _sizes(case: Case) -> list[tuple[int, float]]:
    """Epoch and norm of the recurrent layers' weights, biases apart."""
    tables = case.tables(names.WEIGHT)
    return [
        (epoch, math.hypot(*(table[at] for at in table if "_cells." in at and "bias" not in at)))
        for epoch, table in tables
    ]


def _start_gain(case: Case) -> float:
    """Largest gain of a recurrent block at the start; 1 where it was not measured."""
    return max((max(table.values()) for _, table in case.tables(names.START_GAIN)), default=1.0)


def _starts_small(case: Case) -> bool:
    """Whether the recurrent matrices start so small that any step is large beside them: see `InitializationScale`."""
    return any(max(table.values()) < SMALL_START for _, table in case.tables(names.START_GAIN))


def _late(case: Case, name: str) -> list[tuple[int, float]]:
    """A series after the start."""
    return [(epoch, value) for epoch, value in case.series(name) if epoch > STARTUP * case.budget]


def _peak_update(case: Case) -> tuple[int, float]:
    """Epoch and value of the largest update-to-weight ratio; (0, 0) where it was not measured."""
    return max(case.series(names.UPDATE_RATIO), key=lambda pair: pair[1], default=(0, 0.0))


def _healthy_peak(case: Case) -> float:
    """The largest epoch's update-to-weight ratio of a training that gets somewhere within its budget."""
    return min(max(TRAVEL / max(case.step(case.budget), 1), LEAST_PEAK), LARGEST_PEAK)


def _stands(case: Case, gain: float, train: float) -> bool:
    """Whether neither the validation loss was ever below the trivial predictor's by more than the share `gain`, nor the
    training loss by more than `train`; not where that is unknown."""  # noqa: D205, D209
    losses = [value for _, value in case.series(names.TRAIN_LOSS)]
    if case.trivial_loss is None or case.progress is None or not losses:
        return False
    return case.progress <= gain and min(losses) >= (1.0 - train) * case.trivial_loss


def _falls_on(case: Case) -> bool:
    """Whether the training loss fell in every epoch of the second half, however little: where labels are noisy, all
    that can be learned is a small share of the loss."""  # noqa: D205, D209
    losses = [value for epoch, value in case.series(names.TRAIN_LOSS) if epoch > 0.5 * case.last]
    return len(losses) > 2 and all(b < a for a, b in pairwise(losses))


def _warms_up(case: Case) -> bool:
    """Whether the learning rate still rises."""
    rates = [value for _, value in case.series(names.LEARNING_RATE)]
    return len(rates) > 1 and rates[-1] > 1.001 * rates[-2] and case.last < case.budget


def _rounded(factor: float) -> float:
    """To two digits."""
    return float(f"{factor:.2g}")
