"""Who is confirmed, and what is said of a winner that the search had cut."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tuner.events import RunRecord
from tuner.messages import State
from tuner.sweep.confirm_phase import BASELINE, Candidate, ConfirmPhase
from tuner.sweep.summary import _cut_before


def candidates(expected: dict[int, float], states: list[State], *, maximize: bool, top: int = 3) -> list[int]:
    """Numbers of those to be confirmed."""
    trials = [RunRecord(number=number, state=state, params={"n": number}) for number, state in enumerate(states)]
    sweep: Any = SimpleNamespace(
        task=SimpleNamespace(maximize=maximize, baseline={}),
        folder=None,
        search=SimpleNamespace(expected=lambda: expected),
        records=lambda _: trials,
    )
    found = ConfirmPhase(sweep)._candidates(top)
    assert found[-1] == Candidate(BASELINE, {})
    assert all(candidate.params == {"n": candidate.number} for candidate in found[:-1])
    return [candidate.number for candidate in found[:-1]]


def test_trials_that_were_cut_are_confirmed_by_what_they_would_reach() -> None:
    """A cut one before a worse completed one, a completed one before an equal one; no failed, hopeless or unknown."""
    states = [State.COMPLETED, State.COMPLETED, State.PRUNED, State.PRUNED, State.HOPELESS, State.PRUNED, State.FAILED]
    expected = {0: 0.9, 1: 0.4, 2: 0.4, 3: 0.5, 4: 0.1}
    assert candidates(expected, states, maximize=False) == [1, 2, 3]
    assert candidates(expected, states, maximize=True) == [0, 3, 1]
    assert candidates(expected, states, maximize=False, top=9) == [1, 2, 3, 0]


def test_a_winner_that_was_cut_is_told_as_such() -> None:
    """With its epoch; of another winner nothing."""
    trials = [
        RunRecord(number=3, state=State.PRUNED, epochs={1: {}, 2: {}}),
        RunRecord(number=4, state=State.COMPLETED),
    ]
    told = "trial 3 was pruned in the search, at epoch 2; the confirmation trained it to its end."
    assert _cut_before(trials, 3) == [told]
    assert _cut_before(trials, 4) == _cut_before(trials, BASELINE) == _cut_before(trials, None) == []
