"""Whether a trial that a diagnostic rule finds hopeless continues, judged by its objective among all trials."""

from __future__ import annotations

import math

from tuner.study.curves import Curves
from tuner.study.pruners import Decision, best_go_on

BEST_SHARE = 1 / 3
"""A trial in this best fraction of the trials so far continues, whatever a rule finds. Our choice."""
LEARNED_SHARE = 0.25
"""So does a trial that has made this fraction of the way from the trivial predictor to the study's best trial. Our
choice: it has learned a real part of what can be learned, however much of the loss is irreducible noise."""


def spared(curves: Curves, number: int, epoch: int, value: float) -> Decision:
    """Whether a trial continues that has learned nothing according to a rule.

    A rule sees one training and compares its loss with that of the trivial predictor. It cannot see that the other
    trials are no better, that the objective is not the loss, or how much of the loss is irreducible.

    Args:
        curves: The learning curves of all trials, this one included; with the trivial predictor's score if known.
        number: The trial.
        epoch: The epoch after which the rule would stop it.
        value: Its best objective value so far.
    """
    rank, trials = curves.standing(number, epoch)
    keep = max(1, math.ceil(BEST_SHARE * trials))
    told = f"epoch {epoch}: {value:.4g}, rank {rank} of {trials}"
    if rank <= keep:
        return Decision(True, f"{told}; {best_go_on(keep)}")
    objective, best = curves.objective, curves.best()
    trivial = objective.trivial
    way = math.nan if trivial is None else objective.gain(best, trivial)
    if trivial is None or not math.isfinite(way) or way <= 0:
        return Decision(False, told)
    share = objective.gain(value, trivial) / way
    told += f", {max(0.0, share):.0%} of the way from {trivial:.4g} (trivial predictor) to {best:.4g} (best trial)"
    return Decision(share >= LEARNED_SHARE, told)
