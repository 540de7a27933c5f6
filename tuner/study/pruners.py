"""Pruners: rules that stop a trial at a rung by comparison with other trials, with a reason.

Optuna's pruners answer yes or no; these also return the numbers behind the decision, which are recorded. A rung is an
epoch (1-based) after which a trial waits for the decision; its value there is its best so far. It is compared with the
best values that the other trials had by the same epoch, if they were trained that long, wherever their rungs are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def judged(
    pruner: Pruner, curves: Curves, number: int, epoch: int, value: float, *, epochs: int | None = None
) -> Decision:
    """A pruner's decision on a trial at a rung, given the learning curves of the study.

    Args:
        pruner: The rule.
        curves: The study's learning curves, with or without this trial's.
        number: The trial.
        epoch: The rung.
        value: The trial's best value so far, finite.
        epochs: The full budget of a trial; None: treat no rung as early.
    """
    if epochs is not None and pruner.early(epoch, epochs):
        trials, kept = curves.order_kept(number, epoch, SETTLED_LATER * epoch)
        if trials < SETTLED_TRIALS:
            return Decision(True, f"epoch {epoch}: early, {counted(trials, 'other')} trained for longer so far")
        if kept < SETTLED_SHARE:
            return Decision(True, f"epoch {epoch}: early, {kept:.0%} of pairs kept their order later")
    return pruner.decide(epoch, value, curves.others(number, epoch), curves.objective)


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

    def decide(self, epoch: int, value: float, peers: Sequence[float], objective: Objective) -> Decision:
        """Decide on a trial at a rung in use.

        Args:
            epoch: The rung.
            value: The trial's best value so far, finite.
            peers: Best values up to this epoch of the other trials that were trained as long (`Curves.others`).
            objective: The objective whose values these are.
        """
        ...


class ASHA:
    """Asynchronous successive halving, stopping variant: a trial continues if it is among the best 1/eta so far.

    Reference:
        Li et al. 2020, arXiv:1810.05934, algorithm 2. Deviations: a pruned trial is never resumed; no trial is pruned
        until `min_peers` others were trained as long, which need not have a rung at that epoch. Rungs before a tenth
        of the budget are used only once this study's ranks are seen to settle that early (`judged`).
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

    def decide(self, epoch: int, value: float, peers: Sequence[float], objective: Objective) -> Decision:
        """Continue if the trial is among the best 1/eta, itself included."""
        if len(peers) < self.options.min_peers:
            return _alone(epoch, peers)
        trials = len(peers) + 1
        keep = max(1, trials // self.options.reduction)
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

    def decide(self, epoch: int, value: float, peers: Sequence[float], objective: Objective) -> Decision:
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

    def decide(self, epoch: int, value: float, peers: Sequence[float], objective: Objective) -> Decision:  # noqa: ARG002
        """Never called, as there are no rungs."""
        return Decision(True, "")


def best_go_on(keep: int) -> str:
    """The wording in reasons: `the best 3 go on`."""
    return "only the best goes on" if keep == 1 else f"the best {keep} go on"


def _alone(epoch: int, peers: Sequence[float]) -> Decision:
    return Decision(True, f"epoch {epoch}: too few to compare with, {counted(len(peers), 'other')} so far")


def _tenth(epochs: int) -> int:
    return math.ceil(epochs / 10)
