"""Who is confirmed, and what is said of a winner that the search had cut."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.tiny import write_task
from tuner.config.confirm import Confirm
from tuner.config.task import Budget
from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective
from tuner.sweep.candidates import BASELINE, Candidate, confirm_rounds, confirmed
from tuner.sweep.candidates import candidates as chosen
from tuner.sweep.choice import winning
from tuner.sweep.summary import _ended_before
from tuner.task.resolve import resolve_task


def candidates(expected: dict[int, float], states: list[State], *, maximize: bool, top: int = 3) -> list[int]:
    """Numbers of those to be confirmed."""
    trials = [RunRecord(number=number, state=state, params={"n": number}) for number, state in enumerate(states)]
    sweep: Any = SimpleNamespace(
        task=SimpleNamespace(
            objective=Objective(maximize=maximize),
            baseline={},
            settings=dict,
            file=SimpleNamespace(confirm=Confirm(top=top), budget=Budget()),
        ),
        folder=None,
        search=SimpleNamespace(expected=lambda: expected, counted=lambda: 30),
        records=lambda _: trials,
    )
    found = chosen(sweep)
    assert found[-1] == Candidate(BASELINE, {})
    assert all(candidate.params == {"n": candidate.number} for candidate in found[:-1])
    return [candidate.number for candidate in found[:-1]]


def test_trials_that_were_cut_are_confirmed_by_what_they_would_reach() -> None:
    """A cut one before a worse completed one, a completed one before an equal one; no failed or unknown."""
    states = [State.COMPLETED, State.COMPLETED, State.PRUNED, State.PRUNED, State.HOPELESS, State.PRUNED, State.FAILED]
    expected = {0: 0.9, 1: 0.4, 2: 0.4, 3: 0.5, 4: 0.1}
    assert candidates(expected, states, maximize=False) == [4, 1, 2]
    assert candidates(expected, states, maximize=True) == [0, 3, 1]
    assert candidates(expected, states, maximize=False, top=9) == [4, 1, 2, 3, 0]


def test_where_no_trial_completed_those_cut_short_are_confirmed_by_what_they_had_reached() -> None:
    """In the space of today, and with a score; not one that diverged."""
    values = [0.5, 0.3, None, 0.1, 0.2, 0.4]
    states = [State.PRUNED, State.PRUNED, State.PRUNED, State.DIVERGED, State.PRUNED, State.PRUNED]
    trials = [
        RunRecord(number=number, state=state, value=value, params={"n": number})
        for number, (state, value) in enumerate(zip(states, values, strict=True))
    ]
    sweep: Any = SimpleNamespace(
        task=SimpleNamespace(
            objective=Objective(),
            baseline={},
            settings=dict,
            file=SimpleNamespace(confirm=Confirm(top=9), budget=Budget()),
        ),
        search=SimpleNamespace(expected=dict, counted=lambda: 30, fits=lambda number: number != 4),
        records=lambda _: trials,
    )
    assert [candidate.number for candidate in chosen(sweep)] == [1, 5, 0, BASELINE]


def test_a_confirmation_goes_by_the_trials_that_a_timeout_left() -> None:
    """Not by those that were asked for, as a quarter of the time is kept for it."""
    file = SimpleNamespace(confirm=Confirm(), budget=Budget(trials=1000))
    sweep: Any = SimpleNamespace(task=SimpleNamespace(file=file), search=SimpleNamespace(counted=lambda: 40))
    assert confirm_rounds(sweep) == [3, 2, 2]
    sweep.search.counted = lambda: 2000
    assert confirm_rounds(sweep) == [8, 4, 2]


def test_what_is_the_baseline_is_confirmed_once(tmp_path: Path) -> None:
    """A trial that has its configuration, by defaults or by name, is no candidate beside it; the next one is."""
    task = resolve_task(write_task(tmp_path), ["confirm.top=2"])
    trained = [{**task.baseline, "hidden_size": 5}, {**task.baseline, "schedule": "cosine"}, dict(task.baseline)]
    trials = [RunRecord(number=number, state=State.COMPLETED, params=params) for number, params in enumerate(trained)]
    sweep: Any = SimpleNamespace(
        task=task,
        folder=None,
        search=SimpleNamespace(expected=lambda: {0: 0.3, 1: 0.1, 2: 0.2}, counted=lambda: 30),
        records=lambda _: trials,
    )
    assert [candidate.number for candidate in chosen(sweep)] == [0, BASELINE]


def test_a_winner_that_was_pruned_is_reported_as_such() -> None:
    """With its epoch; of another winner nothing."""
    trials = [
        RunRecord(number=3, state=State.PRUNED, epochs={1: {}, 2: {}}),
        RunRecord(number=4, state=State.COMPLETED),
    ]
    told = "trial 3 was pruned in the search, at epoch 2; the confirmation ran it to completion."
    assert _ended_before(trials, 3) == [told]
    assert _ended_before(trials, 4) == _ended_before(trials, BASELINE) == _ended_before(trials, None) == []


def test_what_an_earlier_run_of_the_study_confirmed_still_counts() -> None:
    """With all seeds and inside today's space; not with fewer, nor outside, nor a seed of another baseline."""
    trials = [RunRecord(number=number, state=State.COMPLETED, params={"n": number}) for number in range(5)]
    trained = [
        RunRecord(run=f"confirm/{number}-{seed}", number=number, state=state, params={"n": number})
        for number, states in {
            0: [State.COMPLETED],  # today's candidate, on the way
            1: [State.COMPLETED, State.DIVERGED],
            2: [State.COMPLETED, State.STOPPED],
            3: [State.COMPLETED, State.COMPLETED],
        }.items()
        for seed, state in enumerate(states, 1)
    ]
    baselines = [
        RunRecord(run=f"confirm/baseline-{seed}", number=BASELINE, state=State.COMPLETED, params={"n": n})
        for seed, n in enumerate([7, 7, 6], 1)
    ]
    sweep: Any = SimpleNamespace(
        task=SimpleNamespace(
            objective=Objective(),
            settings=dict,
            baseline={"n": 7},
            file=SimpleNamespace(confirm=Confirm(top=1, seeds=2), budget=Budget()),
        ),
        folder=None,
        search=SimpleNamespace(expected=lambda: {0: 0.1, 1: 0.2}, fits=lambda number: number != 3, counted=lambda: 5),
        records=lambda kind: trials if kind == "trials/" else [*trained, *baselines],
    )
    found = [record.run for record in confirmed(sweep)]
    assert sorted(found) == ["confirm/0-1", "confirm/1-1", "confirm/1-2", "confirm/baseline-1", "confirm/baseline-2"]
    sweep.task.file.confirm = Confirm(top=0)
    assert confirmed(sweep) == []


def test_fewer_seeds_than_an_earlier_run_had_are_enough_to_win() -> None:
    """Where the task file asks for fewer by now: all that are in force count, not the most that are on record."""
    values = {0: [0.1, 0.1], 1: [0.5, 0.5, 0.5], BASELINE: [0.9, 0.9, 0.9]}
    trained = [
        RunRecord(run=f"confirm/{number}-{seed}", number=number, state=State.COMPLETED, value=value)
        for number, of_seeds in values.items()
        for seed, value in enumerate(of_seeds, 1)
    ]
    trials = [RunRecord(number=number, state=State.COMPLETED, params={"n": number}) for number in (0, 1)]
    sweep: Any = SimpleNamespace(
        task=SimpleNamespace(
            objective=Objective(),
            against_trivial=Objective(),
            settings=dict,
            baseline={},
            file=SimpleNamespace(confirm=Confirm(), budget=Budget(trials=10)),
        ),
        folder=None,
        search=SimpleNamespace(expected=lambda: {0: 0.1, 1: 0.2}, fits=lambda _: True, counted=lambda: 10),
        records=lambda kind: trials if kind == "trials/" else trained,
    )
    assert [record.run for record in winning(sweep)] == ["confirm/0-1", "confirm/0-2"]
