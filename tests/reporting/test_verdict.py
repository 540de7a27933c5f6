"""The winner against the trivial predictor."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.disk.events import RunRecord
from tuner.objective import Objective
from tuner.reporting.conclusion import Readable, good
from tuner.reporting.intervals import mean_interval
from tuner.reporting.verdict import Held, Standing, against_floors, verdict, what_to_try
from tuner.words import capital, spoken_score


def held(split: str, values: list[float], trivial: float, interval: tuple[float, float] | None = None) -> Held:
    """Scores of a split, as mse."""
    return Held({"val": "validation"}.get(split, split), f"{split}/mse", values, trivial, interval)


@pytest.mark.parametrize(
    ("val", "test", "told", "beats"),
    [
        (
            held("val", [0.5, 0.7], 0.2),
            held("test", [2000.0, 2228.0], 201.0),
            "trial 3 is not better than the trivial predictor (seasonal naive) on validation and test data "
            "(val/mse 0.6 against 0.2, test/mse 2114 against 201).",
            False,
        ),
        (
            held("val", [0.1, 0.1], 0.2),
            held("test", [2.0, 2.0], 0.2),
            "trial 3 is not better than the trivial predictor (seasonal naive) on test data (test/mse 2 against 0.2); "
            "on validation data it is better than that predictor (val/mse 0.1 against 0.2).",
            False,
        ),
        (
            held("val", [0.1, 0.1], 0.2, (0.05, 0.15)),
            held("test", [0.15, 0.17], 0.2, (0.1, 0.22)),
            "trial 3 is not distinguishable from the trivial predictor (seasonal naive) on test data "
            "(test/mse 0.16 against 0.2, 95 % interval 0.1 to 0.22); "
            "on validation data it is better than that predictor (val/mse 0.1 against 0.2).",
            False,
        ),
        (
            held("val", [0.1], 0.2),
            held("test", [0.1, 0.12], 0.3, (0.05, 0.15)),
            "trial 3 is better than the trivial predictor (seasonal naive) on validation and test data "
            "(val/mse 0.1 against 0.2 with one seed, test/mse 0.11 against 0.3).",
            True,
        ),
    ],
)
def test_the_worst_is_said_first(val: Held, test: Held, told: str, beats: bool) -> None:
    """In one sentence, with both numbers of each split."""
    found = verdict("trial 3", [val, test], Objective(trivial_name="seasonal naive"))
    assert (found.sentence, found.beats) == (told, beats)


def test_a_task_that_some_seeds_did_not_learn_is_not_beaten() -> None:
    """A mean far beyond the trivial predictor's, of which one seed is all the doubt."""
    values = [0.001, 0.002, 0.17]
    scores = held("test", values, 0.17, mean_interval(values, 0.025))
    found = verdict("trial 3", [scores], Objective(trivial_name="always 1"))
    assert found.sentence.startswith(
        "trial 3 is not distinguishable from the trivial predictor (always 1) on test data (test/mse 0.05767"
    )
    assert not found.beats


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5), st.floats(-10, 10), st.floats(0.01, 5), st.booleans())
def test_better_is_said_of_what_is_better_beyond_its_interval(
    values: list[float], trivial: float, half: float, maximize: bool
) -> None:
    """Whichever way scores go; a mirror image of scores that go the other way."""
    mean = sum(values) / len(values)
    interval = (mean - half, mean + half)
    standing = Held("test", "test/a", values, trivial, interval).standing(Objective(maximize=maximize))
    mirrored = Held("test", "test/a", [-v for v in values], -trivial, (-interval[1], -interval[0]))
    assert standing is mirrored.standing(Objective(maximize=not maximize))
    gain = mean - trivial if maximize else trivial - mean
    if abs(gain) > 1e-9 and abs(gain - half) > 1e-9:
        wanted = Standing.WORSE if gain < 0 else Standing.UNSURE if gain < half else Standing.BETTER
        assert standing is wanted


def test_classical_methods_are_named_with_how_the_winner_stands_to_each() -> None:
    """The worst first, in one sentence; of the seeds together, too, where they are known."""
    methods = {"AutoTheta": held("test", [0.9, 0.92], 1.1), "AutoETS": held("test", [0.9, 0.92], 0.86)}
    told = against_floors("trial 3", methods, Objective(), 0.85)
    assert told == (
        "trial 3 is not better than AutoETS (test/mse 0.91 against 0.86), better than AutoTheta (test/mse 0.91 "
        "against 1.1) on test data; its seeds together, 0.85, are better than AutoTheta and AutoETS."
    )
    assert against_floors("trial 3", {"AutoETS": held("val", [0.9], math.nan)}, Objective()) == ""


@pytest.mark.parametrize("trivial", [math.nan, math.inf])
def test_nothing_is_said_where_nothing_can_be_compared(trivial: float) -> None:
    """A trivial predictor without a finite score, or no scores at all."""
    none = verdict("trial 3", [], Objective())
    assert verdict("trial 3", [held("val", [0.1], trivial), held("test", [], 0.2)], Objective()) == none
    assert none.sentence == ""


def run(losses: list[float], *found: str) -> RunRecord:
    """A training with these losses and findings."""
    epochs = {epoch: {"metrics": {"val/loss": loss}} for epoch, loss in enumerate(losses, 1)}
    return RunRecord(epochs=epochs, found=list(found))


def test_advice_follows_from_what_was_seen() -> None:
    """Epochs where the last was the best, what was found, the data's own, trials and data where there are few."""
    common: dict[str, Any] = {"objective": Objective(), "epochs": 3, "more": ["a longer data.window"]}
    rising = [run([3.0, 2.0, 1.0], "dead_units"), run([3.0, 2.0, 1.0])]
    told = what_to_try(rising, trials=4, items=90, **common)
    for part in ("more epochs", "budget.epochs", "dead units", "data.window", "more than 4 trials", "90 items"):
        assert part in told
    flat = [run([1.0, 2.0, 3.0]), run([1.0, math.nan, 3.0])]
    told = what_to_try(flat, trials=40, items=9000, **common)
    assert told == "what to try: a longer data.window; another search_space."
    assert "more than 2 seeds" in what_to_try(flat, trials=40, items=9000, seeds=2, **common)
    assert "budget.trials" not in what_to_try(rising, trials=None, items=90, **common)  # the space is exhausted


def test_scores_are_written_as_people_write_them() -> None:
    """In sentences, whatever a task file calls them; at the beginning of one names of the program stay as they are."""
    told = good(Readable("mase", share=False), [0.84], {"seasonal naive": [1.0]}, where="on test data")
    assert told == "MASE 0.84 on test data; seasonal naive 1."
    names = {
        "macro_f1": "macro F1",
        "smape": "sMAPE",
        "r2": "R²",
        "wql": "WQL",
        "balanced_accuracy": "balanced accuracy",
    }
    assert {name: spoken_score(name) for name in names} == names
    begun = {told: told, "val/mase 0.8": "val/mase 0.8", "learning_rate 0.1": "learning_rate 0.1", "use it": "Use it"}
    assert {text: capital(text) for text in begun} == begun
