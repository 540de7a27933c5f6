from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tests.support.searches import OPENED, SPACE, loss, open_search, run
from tuner.errors import StudyError
from tuner.messages import State
from tuner.objective import Objective
from tuner.study.catalog import SAMPLERS

FINITE: dict[str, Any] = {"cell": {"lstm": {"forget_bias": [0, 1, 2]}, "gru": None}, "layers": [1, 2, 3]}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Searches opened by a test are closed after it."""
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.mark.parametrize("sampler", SAMPLERS.entries)
def test_every_sampler_suggests_within_the_space_and_never_twice(sampler: str, tmp_path: Path) -> None:
    """Suggestions lie inside the space, inactive parameters are absent, and no configuration repeats."""
    space = FINITE if sampler == "grid" else SPACE
    search = open_search(tmp_path / "s", space, sampler=sampler)
    suggestions = run(search, 12 if sampler == "grid" else 14)
    for suggestion in suggestions:
        assert search.space.contains(suggestion.params)
        assert ("forget_bias" in suggestion.params) == (suggestion.params["cell"] == "lstm")
    assert len({json.dumps(suggestion.params, sort_keys=True) for suggestion in suggestions}) == len(suggestions)
    assert [suggestion.number for suggestion in suggestions] == list(range(len(suggestions)))


@pytest.mark.parametrize("sampler", SAMPLERS.entries)
def test_every_sampler_goes_on_as_if_it_had_never_stopped(sampler: str, tmp_path: Path) -> None:
    """A search that is closed and opened again suggests what an uninterrupted one does."""
    space = FINITE if sampler == "grid" else SPACE
    through = run(open_search(tmp_path / "through", space, sampler=sampler), 12)
    stopped = []
    for _ in range(4):
        search = open_search(tmp_path / "stopped", space, sampler=sampler)
        stopped += run(search, 3)
        search.close()
    assert [suggestion.params for suggestion in stopped] == [suggestion.params for suggestion in through]


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid"])
def test_a_finite_space_is_searched_once_and_then_exhausted(sampler: str, tmp_path: Path) -> None:
    """All 12 configurations come up exactly once; then there is no suggestion."""
    search = open_search(tmp_path / "s", FINITE, sampler=sampler)
    suggestions = run(search, 12)
    assert len({json.dumps(suggestion.params, sort_keys=True) for suggestion in suggestions}) == 12
    assert search.suggest() is None


def test_simultaneous_suggestions_differ(tmp_path: Path) -> None:
    """Sixteen trials asked for before any ends are sixteen different ones."""
    search = open_search(tmp_path / "s", sampler="tpe")
    suggestions = [search.suggest() for _ in range(16)]
    assert len({json.dumps(suggestion.params) for suggestion in suggestions if suggestion}) == 16


def test_tpe_beats_random_search(tmp_path: Path) -> None:
    """Over four seeds the last ten of 40 trials are better on average than random search's."""
    means = {"tpe": 0.0, "random": 0.0}
    for seed in range(4):
        for sampler in means:
            search = open_search(tmp_path / f"{sampler}{seed}", sampler=sampler, seed=seed)
            means[sampler] += sum(loss(s.params) for s in run(search, 40)[-10:]) / 40
    assert means["tpe"] < 0.7 * means["random"]


def test_a_trial_is_on_disk_whole_before_it_is_given_out(tmp_path: Path) -> None:
    """Another process that opens the journal sees the trial RUNNING with all its parameters."""
    search = open_search(tmp_path / "s")
    suggestion = search.suggest()
    assert suggestion is not None
    copy = tmp_path / "copy.journal"
    copy.write_bytes((tmp_path / "s" / "study.journal").read_bytes())
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(copy)))
    (trial,) = optuna.load_study(study_name="s", storage=storage).trials
    assert trial.state == TrialState.RUNNING
    assert trial.user_attrs["params"] == suggestion.params
    assert trial.params.keys() == set(suggestion.params) - {"batch_size"}


def test_states_are_told_as_the_table_says(tmp_path: Path) -> None:
    """Each reaches Optuna as its own state; a hopeless trial counts as its values say, a diverged one is infeasible."""
    search = open_search(tmp_path / "s", pruner="asha")
    outcomes: list[tuple[State, float | None]] = [
        (State.COMPLETED, 0.5),
        (State.PRUNED, 0.9),
        (State.DIVERGED, None),
        (State.FAILED, None),
    ]
    outcomes.append((State.HOPELESS, 0.8))
    for state, value in outcomes:
        suggestion = search.suggest()
        assert suggestion is not None
        if value is not None and state in {State.PRUNED, State.HOPELESS}:
            search.judge(suggestion.number, 1, value)
        search.tell(suggestion.number, state, value, f"because {state}")
    trials = search.stored()
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "PRUNED", "FAIL", "PRUNED"]
    assert [trial.value for trial in trials] == [0.5, 0.9, None, None, 0.8]
    assert [trial.constraints for trial in trials] == [
        {"stability": 0.0},
        {"stability": 0.0},
        {"stability": 1.0},
        {},
        {"stability": 0.0},
    ]
    assert search.study.best_trial.number == 0


def test_a_second_tell_changes_nothing(tmp_path: Path) -> None:
    """A trial that is closed stays as it is."""
    search = open_search(tmp_path / "s")
    (first,) = run(search, 1)
    search.tell(first.number, State.FAILED, None, "late")
    assert search.stored()[0].state == TrialState.COMPLETE


def test_a_torn_last_line_is_cut_and_the_study_goes_on(tmp_path: Path) -> None:
    """A crash in the middle of a write costs that write alone; the file opens again and again."""
    search = open_search(tmp_path / "s")
    run(search, 3)
    search.close()
    journal = tmp_path / "s" / "study.journal"
    journal.write_bytes(journal.read_bytes()[:-20])
    for expected in (4, 5):
        search = open_search(tmp_path / "s")
        run(search, 1)
        assert search.counted() == expected
        search.close()


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """A line that is not JSON is told with its number, and the file is left alone."""
    search = open_search(tmp_path / "s")
    run(search, 2)
    search.close()
    journal = tmp_path / "s" / "study.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"garbage\n", *lines[1:]]))
    before = journal.read_bytes()
    with pytest.raises(StudyError, match=r"study\.journal:2: every line .* must be JSON, but got b'garbage.*--fresh"):
        open_search(tmp_path / "s")
    assert journal.read_bytes() == before


def test_another_direction_is_refused(tmp_path: Path) -> None:
    """A study that minimizes cannot be gone on with to maximize."""
    open_search(tmp_path / "s").close()
    with pytest.raises(StudyError, match="direction must stay minimize, but got 'maximize'"):
        open_search(tmp_path / "s", objective=Objective(maximize=True))


def test_trials_inside_a_changed_space_count_and_are_learned_from(tmp_path: Path) -> None:
    """After a choice is added and a range narrowed, old trials inside count; the sampler sees them under new names."""
    search = open_search(tmp_path / "s", sampler="tpe")
    before = run(search, 20)
    search.close()
    changed = {
        **SPACE,
        "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
        "hidden_size": {"low": 16, "high": 300},
    }
    search = open_search(tmp_path / "s", changed, sampler="tpe")
    inside = [s for s in before if s.params["learning_rate"] >= 1e-3]
    assert 0 < len(inside) < 20
    assert search.counted() == len(inside)
    seen = search.inside()
    assert len(seen) == len(inside)
    names = {"cell", "forget_bias", "hidden_size 16..300", "learning_rate 1e-3..0.1 log"}
    assert {name for trial in seen for name in trial.params} == names
    (new,) = run(search, 1)
    assert new.number == 20
    assert new.params["learning_rate"] >= 1e-3


def test_a_repeated_report_at_a_rung_gets_the_same_answer(tmp_path: Path) -> None:
    """A rung value counts once; asking again changes neither it nor the decision, whatever came meanwhile."""
    search = open_search(tmp_path / "s", pruner="asha")
    for value in (0.1, 0.2, 0.3, 0.4, 0.5, 0.35):
        suggestion = search.suggest()
        assert suggestion is not None
        search.reported(suggestion.number, 2, value)
        first = search.judge(suggestion.number, 2, value)
    late, repeated = search.suggest(), suggestion
    assert late is not None
    assert repeated is not None
    search.reported(late.number, 2, 0.15)
    assert first == search.judge(repeated.number, 2, 99.0)
    assert search.stored()[repeated.number].intermediate_values == {2: 0.35}
    assert not first.go_on
    assert first.reason == "epoch 2: 0.35, rank 4 of 6; the best 2 go on"


def test_trials_with_other_rungs_are_compared_by_the_epoch(tmp_path: Path) -> None:
    """A trial should be compared with all that were trained as long, by the best that they had then."""
    search = open_search(tmp_path / "s", pruner="asha")
    nothing = (math.nan, math.nan, math.nan)
    curves: list[tuple[float, ...]] = [(0.9, 0.8), (0.7, 0.5, 0.6, 0.1), (0.3, math.nan, 0.4), nothing, nothing, ()]
    for values in curves:
        suggestion = search.suggest()
        assert suggestion is not None
        for epoch, value in enumerate(values, 1):
            search.reported(suggestion.number, epoch, value)
    assert suggestion is not None
    assert search.judge(suggestion.number, 3, 0.4).reason == "epoch 3: 0.4, rank 2 of 5; only the best goes on"
    assert search.judge(suggestion.number, 4, 0.4).reason == "epoch 4: too few to compare with, 1 other so far"


def test_a_trial_that_its_patience_ended_is_compared_with(tmp_path: Path) -> None:
    """Its best value counts at every later rung, also of a study that was opened again; that of a pruned one does not.

    Else none would be judged at an epoch that the best trials do not need.
    """
    curves = [(0.3, 0.1), (0.4, 0.2), (0.9, 0.8), (0.7, 0.6, 0.5, 0.5)]
    states = [State.COMPLETED, State.COMPLETED, State.PRUNED]
    for opened in range(2):
        search = open_search(tmp_path / "s", pruner="asha", pruning={"control": 0})
        for number, values in enumerate(curves):
            if not opened:
                suggestion = search.suggest()
                assert suggestion is not None
            for epoch, value in enumerate(values, 1):
                search.reported(number, epoch, value)
            if not opened and number < len(states):
                search.tell(number, states[number], min(values), "")
        decision = search.judge(3, 4, 0.5)
        assert not decision.go_on
        assert "rank 3 of 3" in decision.reason
        search.close()


def test_trials_whose_rate_peaks_late_are_compared_with_each_other(tmp_path: Path) -> None:
    """By their parameters, also in a study that was opened again."""
    reasons = []
    for opened in range(2):
        search = open_search(tmp_path / "s", pruner="asha", peak=lambda params: 6.0 if params["cell"] == "gru" else 0.0)
        late = []
        for number in range(16):
            if not opened:
                assert search.suggest() is not None
            gru = search.stored()[number].user_attrs["params"]["cell"] == "gru"
            late += [number] * gru
            for epoch in range(1, 8):
                search.reported(number, epoch, number + 100.0 * gru)
        reasons.append(search.judge(max(late), 7, max(late) + 100.0, 20).reason)
        assert f"rank {len(late)} of {len(late)}" in reasons[-1]
        search.close()
    assert reasons[0] == reasons[1]
    assert 4 < len(late) < 16


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", "cmaes"])
def test_priors_shape_what_is_drawn_at_random(tmp_path: Path, sampler: str) -> None:
    """The first ten trials follow the weights and lie near the likely rate, and come again with the same seed."""
    likely = {
        "cell": {"choices": ["lstm", "gru"], "prior": [1000, 1]},
        "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True, "prior": 1e-3},
    }
    drawn = []
    for folder in ("one", "two"):
        search = open_search(tmp_path / folder, {**likely, "hidden_size": {"low": 1, "high": 99}}, sampler=sampler)
        drawn.append([search.suggest() for _ in range(10)])  # not told, so that no model takes over
    assert [each and each.params for each in drawn[0]] == [each and each.params for each in drawn[1]]
    rates = [math.log10(each.params["learning_rate"]) for each in drawn[0] if each]
    assert {each.params["cell"] for each in drawn[0] if each} == {"lstm"}
    assert sum(abs(rate + 3) < 1 for rate in rates) >= 5


def test_a_grid_has_no_use_for_priors(tmp_path: Path) -> None:
    """Every configuration comes once, however unlikely."""
    search = open_search(tmp_path, {"cell": {"choices": ["lstm", "gru", "rnn"], "prior": [1e9, 1, 1]}}, sampler="grid")
    found = []
    while (suggestion := search.suggest()) is not None:
        found.append(suggestion.params["cell"])
        search.tell(suggestion.number, State.COMPLETED, 1.0, "")
    assert sorted(found) == ["gru", "lstm", "rnn"]


@pytest.mark.slow
def test_a_study_of_2000_trials_opens_within_three_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of processor time; what a resumed driver asks first is included."""
    monkeypatch.setattr("os.fsync", lambda _: None)  # so that the study is there sooner
    run(open_search(tmp_path / "study"), 2000)
    OPENED.pop().close()
    began = time.process_time()
    search = open_search(tmp_path / "study")
    assert (search.counted(), search.running()) == (2000, [])
    assert time.process_time() - began < 3.0
