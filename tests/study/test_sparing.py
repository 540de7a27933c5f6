"""Which trials a rule may end, by the objective beside the other trials."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.objective import Objective
from tuner.study.curves import Curves
from tuner.study.sparing import BEST_SHARE, LEARNED_SHARE, spared

FLIPPED = -(0.36 * math.log(0.36) + 0.64 * math.log(0.64))
"""Least expected loss in nats where 36 % of two classes' labels are flipped, 0.653; the trivial predictor's is ln 2."""


def curves(*trials: list[float], maximize: bool = False, trivial: float | None = None) -> Curves:
    """Of trials 0, 1, ..., by epoch."""
    found = Curves(Objective(maximize=maximize, trivial=trivial))
    for number, values in enumerate(trials):
        for epoch, value in enumerate(values, 1):
            found.add(number, epoch, value)
    return found


def noisy(learned: float, epochs: int, seed: int) -> list[float]:
    """Validation loss by epoch of a training that gets so far of all that can be learned of flipped labels."""
    rng = random.Random(seed)
    span = (math.log(2) - FLIPPED) * learned
    return [math.log(2) - span * (1 - math.exp(-epoch / 3)) + rng.gauss(0, 2e-4) for epoch in range(1, epochs + 1)]


def test_the_leading_trial_goes_on() -> None:
    """As it was seen: val/mase 0.7195 against 0.7257, found to learn too slowly by its loss."""
    others = [0.9, 0.75, 0.7257], [0.8, 0.78]
    decision = spared(curves(*others, [0.8, 0.72, 0.7195], trivial=1.0), 2, 3, 0.7195)
    assert decision.go_on
    assert decision.reason == "epoch 3: 0.7195, rank 1 of 3; only the best goes on"


def test_a_bad_one_ends() -> None:
    """With its numbers."""
    decision = spared(curves([0.3, 0.2], [0.4, 0.3], [0.69, 0.69], trivial=0.7), 2, 2, 0.69)
    assert not decision.go_on
    assert decision.reason == (
        "epoch 2: 0.69, rank 3 of 3, 2% of the way from 0.7 (trivial predictor) to 0.2 (best trial)"
    )


def test_the_first_trial_of_a_study_goes_on() -> None:
    """Nothing is known of what can be reached."""
    assert spared(curves([0.69], trivial=0.69), 0, 1, 0.69).go_on


def test_one_that_learned_a_real_part_of_what_can_be_learned_goes_on() -> None:
    """36 % of the labels are flipped: nobody comes further than 6 % below the trivial predictor's loss.

    By thresholds relative to that loss all of them have learned nothing; one that has learned half of what there is
    goes on, one that has learned none of it ends.
    """
    trivial = math.log(2)
    trials = [noisy(1.0, 20, seed) for seed in range(5)] + [noisy(0.5, 6, 5), noisy(0.0, 6, 6)]
    of = curves(*trials, trivial=trivial)
    assert min(map(min, trials)) > 0.94 * trivial
    assert spared(of, 5, 6, min(trials[5])).go_on
    assert not spared(of, 6, 6, min(trials[6])).go_on


VALUES = st.lists(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5), min_size=1, max_size=12)


@given(trials=VALUES, maximize=st.booleans(), trivial=st.one_of(st.none(), st.floats(0.0, 1.0)), data=st.data())
def test_none_of_the_best_third_is_ever_ended(
    trials: list[list[float]], maximize: bool, trivial: float | None, data: st.DataObject
) -> None:
    """By a rank that is counted here; nor one that came a quarter of the way. What ends is neither."""
    number = data.draw(st.integers(0, len(trials) - 1))
    epoch, best = len(trials[number]), max if maximize else min
    value = best(trials[number])

    def better(other: list[float]) -> bool:
        at = min(epoch, len(other))
        theirs, own = best(other[:at]), best(trials[number][:at])
        return theirs > own if maximize else theirs < own

    ahead = sum(better(other) for other in trials)
    goes_on = spared(curves(*trials, maximize=maximize, trivial=trivial), number, epoch, value).go_on
    top = best(map(best, trials))
    if ahead < BEST_SHARE * len(trials):
        assert goes_on
    elif trivial is None or (top <= trivial if maximize else top >= trivial):
        assert not goes_on
    else:
        assert goes_on == ((value - trivial) / (top - trivial) >= LEARNED_SHARE)


@pytest.mark.parametrize("maximize", [False, True])
def test_one_without_a_finite_value_may_end(maximize: bool) -> None:
    """It is behind all others."""
    value = -math.inf if maximize else math.inf
    of = curves([0.5, 0.4], [0.5, 0.4], [math.nan, math.nan], maximize=maximize, trivial=0.3 if maximize else 0.6)
    assert not spared(of, 2, 2, value).go_on
