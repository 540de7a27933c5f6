"""Whether a trial goes on that a rule of the diagnostics would end: by the objective, beside all other trials."""

from __future__ import annotations

import math

from tuner.study.curves import Curves
from tuner.study.pruners import Decision, best_go_on

BEST_SHARE = 1 / 3
"""A trial among this share of the best so far goes on, whatever a rule finds. Ours."""
LEARNED_SHARE = 0.25
"""So does one that has come this share of the way from the trivial predictor to the best trial of the study. Ours: it
has learned a real part of what can be learned, however much of the loss is noise that nothing can reduce."""


def spared(curves: Curves, number: int, epoch: int, value: float) -> Decision:
    """Whether a trial goes on that has learned nothing by the thresholds of a rule.

    A rule sees one training, and holds its loss against the trivial predictor's. What it cannot see: that the other
    trials got no further, that the objective is not the loss, and how much of the loss is irreducible.

    Args:
        curves: Of all trials, this one included; their objective has the trivial predictor's score, where it is known.
        number: The trial.
        epoch: After which a rule would end it.
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
