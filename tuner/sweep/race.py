"""Which configurations go on in the confirmation: after each fresh seed the worse half leave, until a few are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from tuner.objective import Objective


def going_on(
    order: Sequence[int],
    scores: Mapping[int, Mapping[int, float | None]],
    rounds: Sequence[int],
    seed: int,
    objective: Objective,
) -> list[int] | None:
    """The configurations that are trained on a seed, the best so far first; None while an earlier seed is not over.

    They are ranked by their means over the seeds before, as the winner is. One that has no score on a seed, as it
    diverged there, is behind all others; equals stay in the order of the search.

    Args:
        order: Numbers of all, best of the search first.
        scores: Number -> seed, from 1 -> score; None where that training ended without one.
        rounds: How many are trained on each seed, none more than on the one before.
        seed: Which, from 1.
        objective: What scores are of.

    Reference:
        Karnin, Koren and Somekh 2013, Almost optimal exploration in multi-armed bandits, algorithm 1 (sequential
        halving). Ours trains those that stay once more, not ever more often, and keeps two, so that the winner can be
        compared with the next.
    """
    racing = list(order[: rounds[0]])
    for earlier in range(1, seed):
        if any(earlier not in scores.get(number, {}) for number in racing):
            return None
        losses = {number: _loss(scores[number], earlier, objective) for number in racing}
        racing = sorted(racing, key=losses.__getitem__)[: rounds[earlier]]
    return racing


def _loss(scores: Mapping[int, float | None], seeds: int, objective: Objective) -> float:
    """Mean over the first seeds, less is better; infinite where one has no score."""
    values = [scores.get(seed) for seed in range(1, seeds + 1)]
    return fmean(objective.loss(value) for value in values)
