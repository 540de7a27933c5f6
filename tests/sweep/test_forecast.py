from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.support.tiny import write_task
from tuner.solo.forecast import expected_confirmations, expected_rungs, expected_seconds, expected_trials
from tuner.task import Task, resolve_task
from tuner.training.pace import Pace


def task(folder: Path, monkeypatch: pytest.MonkeyPatch, *sets: str) -> Task:
    """A task of 90 trials of 20 epochs, whose rungs are after epochs 2 and 6, and some before that are early."""
    monkeypatch.chdir(folder)
    more = "confirm: {top: 2, seeds: 2}\nbaseline: {schedule: constant, warmup: 0}"
    return resolve_task(write_task(folder, trials=90, epochs=20, more=more), sets)


def test_of_trials_in_any_order_a_third_goes_on_at_a_rung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as successive halving keeps of trials that come one by one: the i-th is among the best i // 3 of i.

    And the control trials: the first four, and every sixth.
    """
    first, second = expected_rungs(task(tmp_path, monkeypatch))[0]
    assert (first.epoch, second.epoch) == (2, 6)
    assert first.trials == 90
    kept = 4 + sum(max(1, i // 3) / i if (i - 1) % 6 else 1.0 for i in range(5, 91))
    assert first.trials - first.pruned == pytest.approx(kept, abs=4)
    assert second.trials == first.trials - first.pruned
    assert 0 < second.pruned < second.trials


def test_without_a_pruner_every_trial_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no rung, and nothing is saved; a median rule prunes half at a rung."""
    assert expected_rungs(task(tmp_path, monkeypatch, "pruner.name=none")) == ([], 1.0)
    rungs, share = expected_rungs(task(tmp_path, monkeypatch, "pruner.name=median"))
    assert rungs[0].pruned / rungs[0].trials == pytest.approx(0.5, abs=0.1)
    assert 0.3 < share < 0.8


def test_many_trials_are_reckoned_from_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget of a million is told at once, by the same shares."""
    (first, _), _ = expected_rungs(task(tmp_path, monkeypatch, "budget.trials=1000000"))
    assert first.trials == 1_000_000
    assert first.pruned / first.trials == pytest.approx(2 / 3 * 5 / 6, abs=0.05)


def test_the_time_is_that_of_all_trainings_on_the_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Search as far as it is trained, and the confirmation; by the cheapest and the dearest cell, and unpruned."""
    paces = {"gru": Pace(0.01, 0.05, 0.0, 5), "lstm": Pace(0.02, 0.1, 0.0, 5)}
    read = task(tmp_path, monkeypatch)
    confirmed = read.file.confirm.trainings(90)
    assert confirmed > 0
    told = expected_seconds(read, paces, 0.25, slots=2)
    for seconds, expected in zip(told, (22.5 + confirmed, (22.5 + confirmed) * 2, (90 + confirmed) * 2), strict=True):
        assert math.isclose(seconds, expected)
    again = task(tmp_path, monkeypatch, "refit=train+val")
    more = [after - before for after, before in zip(expected_seconds(again, paces, 0.25, slots=2), told, strict=True)]
    assert more == pytest.approx([2.0, 4.0, 4.0])  # as many seeds as slots
    alone = (expected_seconds(read, paces, 0.25, slots=1), expected_seconds(again, paces, 0.25, slots=1))
    assert [after - before for before, after in zip(*alone, strict=True)] == pytest.approx([4.0, 8.0, 8.0])
    in_seconds = task(tmp_path, monkeypatch, "budget.seconds=10")
    assert expected_seconds(in_seconds, paces, 1.0, slots=1) == pytest.approx(3 * ((90 + confirmed) * 10.0,))


def test_no_more_is_expected_than_the_space_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three configurations are three trials, of which three are confirmed, whatever the budget is."""
    small = "space={cell: [lstm, gru, rnn], hidden_size: 4, learning_rate: 0.01}"
    read = task(tmp_path, monkeypatch, small, "confirm.top=8", "confirm.seeds=2")
    assert (expected_trials(read), expected_confirmations(read)) == (3, 3 + 3 + 2)
    assert max((rung.trials for rung in expected_rungs(read)[0]), default=0) <= 3
    unpruned = expected_seconds(read, {"gru": Pace(0.01, 0.05, 0.0, 5)}, 1.0, slots=1)[2]
    assert unpruned == pytest.approx((3 + 8) * 20 * (0.05 + 0.05))
