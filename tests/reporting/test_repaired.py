"""Repairs against what they repaired."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.repaired import repaired


def trial(number: int, losses: list[float], state: State = State.COMPLETED, **fields: Any) -> RunRecord:
    """A trial that is over."""
    epochs = {epoch: {"metrics": {"val/loss": loss}} for epoch, loss in enumerate(losses, 1)}
    return RunRecord(run=f"trials/{number:05d}", number=number, state=state, epochs=epochs, **fields)


REPAIRS = {"number": 0, "finding": "vanishing_gradient", "change": {"gate_bias": ["constant", "chrono"]}}


def seeds(*configurations: list[list[float]]) -> list[RunRecord]:
    """Confirmations: per configuration, the losses of its seeds."""
    return [
        trial(number, losses) for number, configuration in enumerate(configurations, 10) for losses in configuration
    ]


QUIET = seeds([[0.5, 0.4, 0.3], [0.51, 0.41, 0.31], [0.49, 0.4, 0.3]], [[0.9, 0.8, 0.7], [0.9, 0.79, 0.71]])
LOUD = seeds([[0.5, 0.4, 0.3], [0.2, 0.1, 0.05], [0.9, 0.8, 0.3]], [[0.9, 0.8, 0.7], [0.9, 0.79, 0.71]])
UNKNOWN = "better; whether that is beyond the noise of seeds is not known."
SEED = "better, but within the noise of seeds."


@pytest.mark.parametrize(
    ("before", "state", "after", "confirmed", "told"),
    [
        ([0.5, 0.4, 0.3], State.PRUNED, [0.4, 0.2], QUIET, "0.4 -> 0.2 after 2 epochs; it helped."),
        ([0.5, 0.4, 0.3], State.PRUNED, [0.4, 0.2], LOUD, f"0.4 -> 0.2 after 2 epochs; {SEED}"),
        ([0.5, 0.4, 0.3], State.PRUNED, [0.4, 0.2], [], f"0.4 -> 0.2 after 2 epochs; {UNKNOWN}"),
        ([0.5, 0.4, 0.3], State.PRUNED, [0.4, 0.2], [*QUIET[:1], *QUIET[:1]], f"0.4 -> 0.2 after 2 epochs; {UNKNOWN}"),
        ([0.5, 0.4, 0.3], State.PRUNED, [0.4, 0.2], QUIET[:1], f"0.4 -> 0.2 after 2 epochs; {UNKNOWN}"),
        ([0.5, 0.4], State.PRUNED, [0.4, 0.39], QUIET, f"0.4 -> 0.39 after 2 epochs; {SEED}"),
        ([0.5, 0.4], State.PRUNED, [0.4, 0.399], [], "0.4 -> 0.399 after 2 epochs; it did not help."),
        (
            [0.5, 0.5],
            State.HOPELESS,
            [0.5, 0.5, 0.1],
            QUIET,
            "0.5 (ended after 2) -> 0.5 after 2 epochs, 0.1 in the end; it did not help.",
        ),
        ([], State.DIVERGED, [0.5], QUIET, f"no score -> 0.5 in the end; {UNKNOWN}"),
        ([], State.DIVERGED, [], QUIET, "no epoch to compare them at; it did not help."),
        ([0.5], State.COMPLETED, [float("nan")], QUIET, "0.5 -> - after 1 epoch; it did not help."),
        ([float("nan")], State.DIVERGED, [0.5], QUIET, f"- (ended after 1) -> 0.5 after 1 epoch; {UNKNOWN}"),
    ],
)
def test_both_are_compared_after_the_same_epochs_and_beyond_what_seeds_do(
    before: list[float], state: State, after: list[float], confirmed: list[RunRecord], told: str
) -> None:
    """By their best; a gain below a fiftieth is none, and one that another seed would make is told as such."""
    trials = [trial(0, before, state), trial(3, after, repairs=REPAIRS)]
    (found,) = repaired(trials, confirmed, Objective())
    sentence = "trial 3 repaired trial 0 (vanishing gradient; gate_bias constant -> chrono): "
    assert found.sentence == sentence + told


def test_higher_may_be_better_and_a_repair_that_is_not_over_is_not_told() -> None:
    """Nor one whose other trial is gone."""
    trials = [trial(0, [0.5]), trial(1, [0.6], repairs=REPAIRS)]
    (found,) = repaired(trials, seeds([[0.9], [0.91]]), Objective(maximize=True))
    assert found.better
    assert repaired([trials[0], trial(1, [0.6], State.LOST, repairs=REPAIRS)], [], Objective(maximize=True)) == []
    assert repaired(trials[1:], [], Objective(maximize=True)) == []


@pytest.mark.parametrize("maximize", [True, False])
@pytest.mark.parametrize("kind", ["loss", "share", "any"])
def test_a_placebo_is_seldom_told_to_help(maximize: bool, kind: str) -> None:
    """Pairs of one configuration: at most one in twenty, some three standard errors aside; a real gain is told."""
    noise = random.Random(4)

    def score(level: float) -> float:
        value = level + noise.gauss(0.0, 0.1)
        if kind == "loss":
            return math.exp(value)
        return 1 / (1 + math.exp(-value)) if kind == "share" else value

    told, real = 0, 0
    for _ in range(300):
        confirmed = seeds(*([[score(level)] for _ in range(3)] for level in (-0.4, -0.2, 0.0, 0.4)))
        pair = [trial(0, [score(0.0)]), trial(1, [score(0.0)], repairs=REPAIRS)]
        told += repaired(pair, confirmed, Objective(maximize=maximize))[0].helped is True
        pair[1] = trial(1, [score(1.0 if maximize else -1.0)], repairs=REPAIRS)
        real += repaired(pair, confirmed, Objective(maximize=maximize))[0].helped is True
    assert told <= 25
    assert real >= 270
