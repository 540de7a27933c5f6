"""What mattered: trials judged after the same number of epochs, and answers that are seldom wrong."""

from __future__ import annotations

import random

import pytest

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.report.questions import answers, interval
from tuner.reporting.comparable import Comparable, Judged, comparable
from tuner.reporting.mattering import importances

LOSS = Objective("val/loss")


def _record(number: int, values: list[float], state: State, cell: str = "gru") -> RunRecord:
    epochs = {at: {"epoch": at, "time": 0.0, "metrics": {"val/loss": value}} for at, value in enumerate(values, 1)}
    return RunRecord(
        run=f"trials/{number:05d}", number=number, params={"cell": cell}, searched=["cell"], state=state, epochs=epochs
    )


def test_pruned_trials_are_judged_beside_completed_ones() -> None:
    """By the best score up to the epoch that most have reached; what comes later counts for none."""
    completed = _record(0, [1.0, 0.9, 0.8, 0.1], State.COMPLETED)
    pruned = [_record(number, [1.0, 0.5], State.PRUNED) for number in range(1, 5)]
    found = comparable([completed, *pruned], LOSS)
    assert (found.epoch, found.all) == (2, 5)
    assert {one.number: one.score for one in found.trials} == {0: 0.9, 1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5}


def test_diverged_trials_have_the_worst_score_and_failed_ones_none() -> None:
    """One that diverged before the epoch is not left out, or what makes trials diverge would look harmless."""
    trials = [
        _record(0, [1.0, 0.5], State.COMPLETED),
        _record(1, [1.0, 0.7], State.COMPLETED),
        _record(2, [0.2], State.DIVERGED),
        _record(3, [], State.FAILED),
    ]
    found = comparable(trials, LOSS)
    assert {one.number: one.score for one in found.trials} == {0: 0.5, 1: 0.7, 2: 0.7}
    assert "1 ended before" in found.words


@pytest.mark.parametrize(("share", "first", "second"), [(1.0, 3, 3), (0.7, 20, 30), (0.5, 8, 8)])
def test_the_interval_holds_the_share_and_stays_within_0_to_1(share: float, first: int, second: int) -> None:
    """Also where all of one group are better than all of the other, of which a plain interval has no width."""
    low, high = interval(share, first, second, 0.95)
    assert 0 <= low <= share <= high <= 1
    assert high - low > 0.1
    assert interval(share, 10 * first, 10 * second, 0.95)[0] > low


def _made_up(dice: random.Random, trials: int, gain: float) -> Comparable:
    judged = []
    for number in range(trials):
        params = {"cell": dice.choice(["gru", "lstm"]), "schedule": dice.choice("abc"), "rate": dice.random()}
        judged.append(Judged(number, params, dice.gauss(0, 1) - gain * (params["cell"] == "gru")))
    return Comparable(3, tuple(judged), trials)


def test_chance_is_seldom_taken_for_an_answer() -> None:
    """In studies in which no choice matters, at most one of twenty has any answer, give or take the draw."""
    dice = random.Random(1)
    wrong = sum(any(one.known for one in answers(_made_up(dice, 24, 0.0), LOSS)) for _ in range(200))
    assert wrong <= 18


def test_a_choice_that_matters_is_answered() -> None:
    """With its name, how often it is better, and the number of trials of both."""
    first = answers(_made_up(random.Random(2), 60, 2.0), LOSS)[0]
    assert (first.parameter, first.first, first.known) == ("cell", "gru", True)
    assert first.sentence.startswith("gru: a trial with gru is better than one with lstm in ")
    assert sum(first.trials) == 60


def test_importance_has_intervals_around_it() -> None:
    """The same each time; the parameter that matters before those that do not."""
    compared = _made_up(random.Random(3), 80, 3.0)
    told = importances(compared, LOSS)
    assert told == importances(compared, LOSS)
    assert told.parameters[0].name == "cell"
    assert all(0 <= one.low <= one.share <= one.high <= 1 for one in told.parameters)
