"""Pruners: rules that stop a trial at a rung by comparison with other trials, with a reason.

Optuna's pruners answer yes or no; these also return the numbers behind the decision, which are recorded. A rung is an
epoch (1-based) after which a trial waits for the decision; its value there is its best so far. It is compared with the
best values that the other trials had by the same epoch, if they were trained that long, wherever their rungs are.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from tuner.objective import Objective
from tuner.study.catalog import ASHAOptions, MedianOptions, NoOptions
from tuner.study.curves import Curves
from tuner.words import counted


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a trial continues after a rung, and why."""

    go_on: bool
    reason: str


SETTLED_SHARE = 0.85
"""Ranks count as settled at an epoch if at least this fraction of pairs of trials keep their order later: a Kendall
correlation of 0.7. Chosen on synthetic curves and half of LCBench's tasks (`python -m benchmarks.pruning`)."""
SETTLED_TRIALS = 4
"""Minimum number of trials for this test."""
SETTLED_LATER = 2
"""These trials must have been trained for this many times the epoch."""
TRUSTED_SHARE = 0.7
"""A rung prunes none if less than this fraction of pairs of the trials that were trained to completion have their order
of this epoch at the end. Chosen on synthetic curves and the laboratory's tasks for tuning (`benchmarks.pruning`)."""
FIRST_CONTROLS = 4
"""So many first trials are control trials, so that there are trials to see this by."""
PROVEN_TRIALS = 8
"""From so many completed trials on, control trials are pruned, too, if ranks at every rung are seen to last."""
LATE_PEAK = 0.25
"""A learning rate that peaks after this fraction of the budget, as in `one_cycle`, is still high where trials are
compared: what such a trial has reached by then says less of what it will reach."""


def judged(
    pruner: Pruner,
    curves: Curves,
    number: int,
    epoch: int,
    value: float,
    *,
    epochs: int | None = None,
    alike: Container[int] | None = None,
) -> Decision:
    """A pruner's decision on a trial at a rung, given the learning curves of the study.

    Args:
        pruner: The rule.
        curves: The study's learning curves, with or without this trial's.
        number: The trial.
        epoch: The rung.
        value: The trial's best value so far, finite.
        epochs: The full budget of a trial; None: treat no rung as early, and trust every rung.
        alike: The trials whose learning rate peaks late, if this one's does (`LATE_PEAK`): it is compared only with
            them and, as the others were pruned at several rungs by then, at all of these at once. None: all trials.
    """
    if pruner.controls(number) and not (epochs and _proven(pruner, curves, number, epochs)):
        return Decision(True, f"epoch {epoch}: a control trial, which shows whether ranks last")
    halvings = 1
    if epochs is not None:
        if (doubt := _doubt(pruner, curves, number, epoch, epochs, alike)) is not None:
            return doubt
        if alike is not None:
            passed = (rung for rung in pruner.rungs(epochs, 0.0) if rung <= epoch and not pruner.early(rung, epochs))
            halvings = sum(_doubt(pruner, curves, number, rung, epochs, None) is None for rung in passed)
    return pruner.decide(epoch, value, curves.others(number, epoch, alike), curves.objective, halvings)


def _proven(pruner: Pruner, curves: Curves, number: int, epochs: int) -> bool:
    """Whether ranks at every rung are seen to last to the end, so that no more control trials are needed."""
    found = (curves.order_kept(number, rung, epochs) for rung in pruner.rungs(epochs, 0.0))
    return all(trials >= PROVEN_TRIALS and kept >= SETTLED_SHARE for trials, kept in found)


def _doubt(
    pruner: Pruner, curves: Curves, number: int, epoch: int, epochs: int, alike: Container[int] | None
) -> Decision | None:
    """That a trial continues because ranks at this epoch are not known to settle, or known not to; else None."""
    if pruner.early(epoch, epochs):
        trials, kept = curves.order_kept(number, epoch, SETTLED_LATER * epoch)
        if trials < SETTLED_TRIALS:
            return Decision(True, f"epoch {epoch}: early, {counted(trials, 'other')} trained for longer so far")
        if kept < SETTLED_SHARE:
            return Decision(True, f"epoch {epoch}: early, {kept:.0%} of pairs kept their order later")
        return None
    trials, kept = curves.order_kept(number, epoch, epochs, alike)
    if trials < SETTLED_TRIALS or kept >= TRUSTED_SHARE:
        return None
    told = f"{kept:.0%} of pairs of {trials} completed trials kept their order to the end"
    return Decision(True, f"epoch {epoch}: too early to tell, {told}")


def earliest(peak: float) -> int:
    """The first epoch that begins at or after the learning rate's peak, which is `peak` >= 0 epochs from the start."""
    return math.ceil(round(peak, 6)) + 1


class Pruner(Protocol):
    """The rule of a study. Called by the driver only; stateless, so that a resumed study makes the same decisions."""

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:
        """Epochs after which a trial may be pruned, ascending.

        None is before `earliest`, and none after half of the budget, where pruning saves little and can lose a good
        trial.

        Args:
            epochs: The full budget of a trial, >= 1.
            peak: Epochs until the peak of its learning rate, >= 0.
        """
        ...

    def early(self, epoch: int, epochs: int) -> bool:
        """Whether a rung is used only if the study's ranks have settled by that epoch; see `judged`."""
        ...

    def controls(self, number: int) -> bool:
        """Whether the trial with this number is a control trial, which is not pruned (`judged`)."""
        ...

    def decide(
        self, epoch: int, value: float, peers: Sequence[float], objective: Objective, halvings: int = 1
    ) -> Decision:
        """Decide on a trial at a rung in use.

        Args:
            epoch: The rung.
            value: The trial's best value so far, finite.
            peers: Best values up to this epoch of the other trials that were trained as long (`Curves.others`).
            objective: The objective whose values these are.
            halvings: Number of rungs, >= 0, that this decision stands for.
        """
        ...


class ASHA:
    """Asynchronous successive halving, stopping variant: a trial continues if it is among the best 1/eta so far.

    Reference:
        Li et al. 2020, arXiv:1810.05934, algorithm 2. Deviations: a pruned trial is never resumed; no trial is pruned
        until `min_peers` others were trained as long, which need not have a rung at that epoch; control trials are
        not pruned. Rungs before a tenth of the budget are used only once this study's ranks are seen to settle that
        early, the others until they are seen not to tell the final ranks (`judged`).
    """

    def __init__(self, options: ASHAOptions) -> None:
        self.options = options

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:
        """R * eta^k for k = 0, 1, ...; if R is not given, also the early rungs R / eta^k before them."""
        first = max(self.options.min_epochs or _tenth(epochs), earliest(peak))
        rungs = {first}
        while (last := max(rungs) * self.options.reduction) <= epochs / 2:
            rungs.add(last)
        early = _tenth(epochs)
        while self.options.min_epochs is None and early > 1:
            early = math.ceil(early / self.options.reduction)
            rungs.add(early)
        return tuple(sorted(rung for rung in rungs if earliest(peak) <= rung <= epochs / 2))

    def early(self, epoch: int, epochs: int) -> bool:
        """See `Pruner.early`."""
        return self.options.min_epochs is None and epoch < _tenth(epochs)

    def controls(self, number: int) -> bool:
        """The first four, and every `control`-th."""
        every = self.options.control
        return every > 0 and (number < FIRST_CONTROLS or number % every == 0)

    def decide(
        self, epoch: int, value: float, peers: Sequence[float], objective: Objective, halvings: int = 1
    ) -> Decision:
        """Continue if the trial is among the best 1/eta, itself included; or 1/eta^halvings."""
        if len(peers) < self.options.min_peers:
            return _alone(epoch, peers)
        trials = len(peers) + 1
        keep = max(1, trials // self.options.reduction) if halvings else trials
        for _ in range(halvings - 1):
            keep = math.ceil(keep / self.options.reduction)
        rank = 1 + sum(objective.better(peer, value) for peer in peers)
        return Decision(rank <= keep, f"epoch {epoch}: {value:.4g}, rank {rank} of {trials}; {best_go_on(keep)}")


class MedianRule:
    """Median stopping rule: prunes a trial whose best value is worse than the others' median at the same epoch.

    Reference:
        Golovin et al. 2017, section 3.2.1. Deviation: compares best values so far with each other, where Vizier
        compares with running averages.
    """

    def __init__(self, options: MedianOptions) -> None:
        self.options = options

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:
        """Every `interval` epochs from `min_epochs` on."""
        first = max(self.options.min_epochs or math.ceil(epochs / 5), earliest(peak))
        return tuple(range(first, epochs // 2 + 1, self.options.interval or math.ceil(epochs / 10)))

    def early(self, epoch: int, epochs: int) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Always false: no rung is early."""
        return False

    def controls(self, number: int) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Always false: there are no control trials."""
        return False

    def decide(
        self,
        epoch: int,
        value: float,
        peers: Sequence[float],
        objective: Objective,
        halvings: int = 1,  # noqa: ARG002 - the signature is the protocol's
    ) -> Decision:
        """Compare with the median of the others."""
        if len(peers) < self.options.min_peers:
            return _alone(epoch, peers)
        middle = median(peers)
        text = f"epoch {epoch}: {value:.4g}, median {middle:.4g} of {counted(len(peers), 'other')}"
        return Decision(not objective.better(middle, value), text)


class NoPruner:
    """No pruning: every trial runs to completion."""

    def __init__(self, options: NoOptions) -> None:
        self.options = options

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:  # noqa: ARG002 - the signature is the protocol's
        """No rungs."""
        return ()

    def early(self, epoch: int, epochs: int) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Always false: no rung is early."""
        return False

    def controls(self, number: int) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Always false: there is nothing to control."""
        return False

    def decide(
        self,
        epoch: int,  # noqa: ARG002 - the signature is the protocol's
        value: float,  # noqa: ARG002
        peers: Sequence[float],  # noqa: ARG002
        objective: Objective,  # noqa: ARG002
        halvings: int = 1,  # noqa: ARG002
    ) -> Decision:
        """Never called, as there are no rungs."""
        return Decision(True, "")


def best_go_on(keep: int) -> str:
    """The wording in reasons: `the best 3 go on`."""
    return "only the best goes on" if keep == 1 else f"the best {keep} go on"


def _alone(epoch: int, peers: Sequence[float]) -> Decision:
    return Decision(True, f"epoch {epoch}: too few to compare with, {counted(len(peers), 'other')} so far")


def _tenth(epochs: int) -> int:
    return math.ceil(epochs / 10)
