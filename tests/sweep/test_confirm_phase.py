"""Who is confirmed, and what is said of a winner that the search had cut."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.tiny import write_task
from tuner.config.confirm import Confirm
from tuner.config.task import Budget
from tuner.disk.events import RunRecord
from tuner.messages import State, Verdict
from tuner.objective import Objective
from tuner.sweep.candidates import BASELINE, Candidate, confirm_rounds, confirmed
from tuner.sweep.candidates import candidates as chosen
from tuner.sweep.choice import winning
from tuner.sweep.progress import Progress
from tuner.sweep.summary import _ended_before
from tuner.task.resolve import resolve_task

NONE_CUT = SimpleNamespace(cut_short=[])
"""Progress of a search of which no trial was cut short."""


def candidates(ranked: list[int], states: list[State], top: int = 3) -> list[int]:
    """Numbers of those to be confirmed."""
    trials = [RunRecord(number=number, state=state, params={"n": number}) for number, state in enumerate(states)]
    sweep: Any = SimpleNamespace(
        task=SimpleNamespace(
            baseline={}, settings=dict, file=SimpleNamespace(confirm=Confirm(top=top), budget=Budget())
        ),
        progress=NONE_CUT,
        search=SimpleNamespace(ranked=lambda: ranked, counted=lambda: 30),
        records=lambda _: trials,
    )
    found = chosen(sweep)
    assert found[-1] == Candidate(BASELINE, {})
    assert all(candidate.params == {"n": candidate.number} for candidate in found[:-1])
    return [candidate.number for candidate in found[:-1]]


def test_the_best_are_confirmed_whatever_has_ended_them() -> None:
    """In the order of their ranking; no failed one, and none that is not ranked, as it lies outside of the space."""
    states = [State.COMPLETED, State.COMPLETED, State.PRUNED, State.PRUNED, State.HOPELESS, State.PRUNED, State.FAILED]
    assert candidates([4, 6, 1, 2, 3, 0], states) == [4, 1, 2]
    assert candidates([4, 6, 1, 2, 3, 0], states, top=9) == [4, 1, 2, 3, 0]


def test_where_no_trial_completed_those_cut_short_are_confirmed() -> None:
    """But none that a rule found hopeless, also if one has completed outside of today's space."""
    states = [State.PRUNED, State.HOPELESS, State.DIVERGED, State.PRUNED]
    assert candidates([1, 3, 0], states) == [3, 0]
    assert candidates([1], states[:2]) == []
    assert candidates([1, 2], [State.COMPLETED, State.HOPELESS, State.PRUNED]) == [2]


def test_a_confirmation_goes_by_the_trials_that_a_timeout_left() -> None:
    """Not by those that were asked for, as a quarter of the time is kept for it; those it cut short count in part."""
    file = SimpleNamespace(confirm=Confirm(), budget=Budget(trials=1000, epochs=10))
    progress = SimpleNamespace(cut_short=[])
    sweep: Any = SimpleNamespace(
        task=SimpleNamespace(file=file), search=SimpleNamespace(counted=lambda: 40), progress=progress
    )
    assert confirm_rounds(sweep) == [3, 2, 2]
    sweep.search.counted = lambda: 2000
    assert confirm_rounds(sweep) == [8, 4, 2]
    sweep.search.counted, progress.cut_short = lambda: 16, [5] * 16
    assert confirm_rounds(sweep) == Confirm().rounds(8) != Confirm().rounds(16)
    progress.cut_short = [9, 5, 0, 5]
    assert confirm_rounds(sweep) == Confirm().rounds(12 + 1)


def test_only_what_nobody_judged_was_cut_short() -> None:
    """A trial that the pruner ended was not, nor one that ended by itself; one that went on at its rungs was."""
    judged = [{"epoch": 1, "verdict": Verdict.CONTINUE.value}, {"epoch": 3, "verdict": Verdict.PRUNE.value}]
    assert RunRecord(state=State.PRUNED).cut_short
    assert RunRecord(state=State.PRUNED, rungs=judged[:1]).cut_short
    assert RunRecord(state=State.PRUNED, rungs=judged[::-1]).cut_short
    assert not RunRecord(state=State.PRUNED, rungs=judged).cut_short
    assert not any(RunRecord(state=state).cut_short for state in State if state is not State.PRUNED)
    progress = Progress(Objective(), trials=9)
    for record in (
        RunRecord(state=State.PRUNED, epochs={1: {}, 2: {}}),
        RunRecord(state=State.PRUNED, epochs={1: {}, 2: {}, 3: {}}, rungs=judged),
        RunRecord(state=State.COMPLETED, epochs={1: {}}, value=1.0),
    ):
        progress.add(record, here=True)
    assert progress.cut_short == [2]


def test_what_is_the_baseline_is_confirmed_once(tmp_path: Path) -> None:
    """A trial that has its configuration, by defaults or by name, is no candidate beside it; the next one is."""
    task = resolve_task(write_task(tmp_path), ["confirm.top=2"])
    trained = [{**task.baseline, "hidden_size": 5}, {**task.baseline, "schedule": "cosine"}, dict(task.baseline)]
    trials = [RunRecord(number=number, state=State.COMPLETED, params=params) for number, params in enumerate(trained)]
    sweep: Any = SimpleNamespace(
        task=task,
        progress=NONE_CUT,
        search=SimpleNamespace(ranked=lambda: [1, 2, 0], counted=lambda: 30),
        records=lambda _: trials,
    )
    assert [candidate.number for candidate in chosen(sweep)] == [0, BASELINE]


def test_a_winner_that_was_pruned_is_reported_as_such() -> None:
    """With its epoch, and whether it was the time that ended it; of another winner nothing."""
    judged = [{"epoch": 2, "verdict": Verdict.PRUNE.value}]
    trials = [
        RunRecord(number=3, state=State.PRUNED, epochs={1: {}, 2: {}}, rungs=judged),
        RunRecord(number=4, state=State.COMPLETED),
        RunRecord(number=5, state=State.PRUNED, epochs={1: {}}),
    ]
    told = "trial 3 was pruned in the search, at epoch 2; the confirmation ran it to completion."
    assert _ended_before(trials, 3) == [told]
    assert _ended_before(trials, 5) == [told.replace("3 was pruned", "5 was cut short").replace("epoch 2", "epoch 1")]
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
        progress=NONE_CUT,
        search=SimpleNamespace(ranked=lambda: [0, 1], fits=lambda number: number != 3, counted=lambda: 5),
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
        progress=NONE_CUT,
        search=SimpleNamespace(ranked=lambda: [0, 1], fits=lambda _: True, counted=lambda: 10),
        records=lambda kind: trials if kind == "trials/" else trained,
    )
    assert [record.run for record in winning(sweep)] == ["confirm/0-1", "confirm/0-2"]
