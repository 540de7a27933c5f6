"""Repairs against what they repaired."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.events import RunRecord
from tuner.messages import State
from tuner.reporting.repaired import repaired


def trial(number: int, losses: list[float], state: State = State.COMPLETED, **fields: Any) -> RunRecord:
    """A trial that is over."""
    epochs = {epoch: {"metrics": {"val/loss": loss}} for epoch, loss in enumerate(losses, 1)}
    return RunRecord(run=f"trials/{number:05d}", number=number, state=state, epochs=epochs, **fields)


REPAIRS = {"number": 0, "finding": "vanishing_gradient", "change": {"gate_bias": ["constant", "chrono"]}}


@pytest.mark.parametrize(
    ("before", "state", "after", "told"),
    [
        ([0.5, 0.4, 0.3], State.PRUNED, [0.4, 0.2], "0.4 -> 0.2 after 2 epochs, it helped."),
        ([0.5, 0.4], State.PRUNED, [0.5, 0.399, 0.1], "0.4 -> 0.399 after 2 epochs, it did not help."),
        ([0.5, 0.5], State.HOPELESS, [0.5, 0.5, 0.1], "0.5 (ended after 2) -> 0.1 after 3 epochs, it helped."),
        ([], State.DIVERGED, [0.5], "- (ended after 0) -> 0.5 after 1 epoch, it helped."),
        ([0.5], State.COMPLETED, [float("nan")], "0.5 -> - after 1 epoch, it did not help."),
    ],
)
def test_both_are_compared_after_the_same_epochs_unless_one_was_ended(
    before: list[float], state: State, after: list[float], told: str
) -> None:
    """By their best; a gain below a fiftieth is none."""
    (found,) = repaired([trial(0, before, state), trial(3, after, repairs=REPAIRS)], "val/loss", maximize=False)
    sentence = "trial 3 repaired trial 0 (vanishing gradient; gate_bias constant -> chrono): "
    assert found.sentence == sentence + told


def test_higher_may_be_better_and_a_repair_that_is_not_over_is_not_told() -> None:
    """Nor one whose other trial is gone."""
    trials = [trial(0, [0.5]), trial(1, [0.6], repairs=REPAIRS)]
    (found,) = repaired(trials, "val/loss", maximize=True)
    assert found.helped
    assert repaired([trials[0], trial(1, [0.6], State.LOST, repairs=REPAIRS)], "val/loss", maximize=True) == []
    assert repaired(trials[1:], "val/loss", maximize=True) == []
