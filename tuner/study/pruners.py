"""Rules that stop a trial at a rung by comparison with the others, and say why.

Optuna's pruners answer yes or no; these answer with the numbers behind it, which the record keeps. A rung is an epoch
(1-based) after which a trial waits for the decision; its value there is its best so far. It is compared with what the
others that were trained as long had by then, wherever their own rungs are.
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
    """Whether a trial goes on at a rung, and why."""

    go_on: bool
    reason: str


SETTLED_SHARE = 0.85
"""Share of pairs of trials in the same order at an epoch and later from which on ranks are taken to have settled: a
Kendall correlation of 0.7. Chosen on made curves and half of LCBench's tasks (`python -m benchmarks.pruning`)."""
SETTLED_TRIALS = 4
"""Trials that must be known for that."""
SETTLED_LATER = 2
"""They must have been trained for so many times the epoch."""


def judged(
    pruner: Pruner, curves: Curves, number: int, epoch: int, value: float, *, epochs: int | None = None
) -> Decision:
    """What a pruner says of a trial at a rung, beside the curves of a study.

    Args:
        pruner: The rule.
        curves: The study's, this trial's among them or not.
        number: The trial.
        epoch: The rung.
        value: The trial's best value so far, finite.
        epochs: The full budget of a trial; None where no rung is early.
    """
    if epochs is not None and pruner.early(epoch, epochs):
        trials, kept = curves.order_kept(number, epoch, SETTLED_LATER * epoch)
        if trials < SETTLED_TRIALS:
            return Decision(True, f"epoch {epoch}: early, {counted(trials, 'other')} trained for longer so far")
        if kept < SETTLED_SHARE:
            return Decision(True, f"epoch {epoch}: early, {kept:.0%} of pairs kept their order later")
    return pruner.decide(epoch, value, curves.others(number, epoch), curves.objective)


def earliest(peak: float) -> int:
    """The first epoch that begins when the learning rate has been at its highest, `peak` >= 0 epochs from the start."""
    return math.ceil(round(peak, 6)) + 1


class Pruner(Protocol):
    """The rule of a study. Called by the driver only; keeps no state, so that a resumed study decides alike."""

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:
        """Epochs after which a trial is judged, ascending.

        Each lies at or after `earliest`, and none beyond half of the budget, where pruning saves little and costs a
        candidate.

        Args:
            epochs: The full budget of a trial, >= 1.
            peak: Epochs until its learning rate has been at its highest, >= 0.
        """
        ...

    def early(self, epoch: int, epochs: int) -> bool:
        """Whether a rung counts only in a study whose ranks have settled by then; see `judged`."""
        ...

    def decide(self, epoch: int, value: float, peers: Sequence[float], objective: Objective) -> Decision:
        """Judge a trial at a rung that counts.

        Args:
            epoch: The rung.
            value: The trial's best value so far, finite.
            peers: Best values by this epoch of the other trials that were trained as long (`Curves.others`).
            objective: What the values are of.
        """
        ...


class ASHA:
    """Asynchronous successive halving, stopping form: a trial goes on if it is among the best 1/eta so far.

    Reference:
        Li et al. 2020, arXiv:1810.05934, algorithm 2. Deviations: a pruned trial does not come back; none is pruned
        before `min_peers` others were trained as long; those need not have had a rung there. Rungs before a tenth of
        the budget count from when this study's ranks are seen to settle so early (`judged`).
    """

    def __init__(self, options: ASHAOptions) -> None:
        self.options = options

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:
        """R * eta^k for k = 0, 1, ..., and before them, where R is not given, R / eta^k, which are early."""
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
        """Compare with the best 1/eta, this trial included."""
        if len(peers) < self.options.min_peers:
            return _alone(epoch, peers)
        trials = len(peers) + 1
        keep = max(1, trials // self.options.reduction)
        rank = 1 + sum(objective.better(peer, value) for peer in peers)
        return Decision(rank <= keep, f"epoch {epoch}: {value:.4g}, rank {rank} of {trials}; {best_go_on(keep)}")


class MedianRule:
    """A trial stops when its best value is worse than the median of the others' at the same epoch.

    Reference:
        Golovin et al. 2017, section 3.2.1. Deviation: best so far against best so far, where Vizier compares with
        running means.
    """

    def __init__(self, options: MedianOptions) -> None:
        self.options = options

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:
        """Every `interval` epochs from `min_epochs` on."""
        first = max(self.options.min_epochs or math.ceil(epochs / 5), earliest(peak))
        return tuple(range(first, epochs // 2 + 1, self.options.interval or math.ceil(epochs / 10)))

    def early(self, epoch: int, epochs: int) -> bool:  # noqa: ARG002 - the contract's
        """None is."""
        return False

    def decide(self, epoch: int, value: float, peers: Sequence[float], objective: Objective) -> Decision:
        """Compare with the median of the others."""
        if len(peers) < self.options.min_peers:
            return _alone(epoch, peers)
        middle = median(peers)
        text = f"epoch {epoch}: {value:.4g}, median {middle:.4g} of {counted(len(peers), 'other')}"
        return Decision(not objective.better(middle, value), text)


class NoPruner:
    """Every trial runs to its end."""

    def __init__(self, options: NoOptions) -> None:
        self.options = options

    def rungs(self, epochs: int, peak: float) -> tuple[int, ...]:  # noqa: ARG002 - the contract's
        """None."""
        return ()

    def early(self, epoch: int, epochs: int) -> bool:  # noqa: ARG002 - the contract's
        """None is."""
        return False

    def decide(self, epoch: int, value: float, peers: Sequence[float], objective: Objective) -> Decision:  # noqa: ARG002
        """Never called, as there are no rungs."""
        return Decision(True, "")


def best_go_on(keep: int) -> str:
    """`the best 3 go on`."""
    return "only the best goes on" if keep == 1 else f"the best {keep} go on"


def _alone(epoch: int, peers: Sequence[float]) -> Decision:
    return Decision(True, f"epoch {epoch}: too few to compare with, {counted(len(peers), 'other')} so far")


def _tenth(epochs: int) -> int:
    return math.ceil(epochs / 10)
