"""Every sampler on the default space with the default pruner, which leaves few trials to their end."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import median

import pytest
from optuna.trial import TrialState

from benchmarks.surrogate import Trained, default_space, level, open_default, remind, sweep
from tuner.messages import State
from tuner.study.catalog import SAMPLERS
from tuner.study.names import plain
from tuner.study.pruners import Decision
from tuner.study.search import Search

TRIALS = {name: 60 for name in SAMPLERS.entries if name != "grid"} | {"gp": 13}
"""GP takes a second for a suggestion; `python -m benchmarks.samplers` has 100 trials and eight seeds for all."""
LEARNING = sorted(TRIALS.keys() - {"random"})


@pytest.mark.parametrize("sampler", TRIALS)
@pytest.mark.parametrize("seed", [1, 6])
def test_a_pruned_study_is_searched_and_resumed(sampler: str, seed: int, tmp_path: Path) -> None:
    """Nothing is raised, suggestions lie in the space, and a study that was stopped goes on as it would have."""
    trials = TRIALS[sampler]
    search = open_default(tmp_path / "through", sampler, seed)
    through = sweep(search, trials)
    search.close()
    assert all(default_space().contains(trial.params) for trial in through)
    assert sum(trial.state is State.PRUNED for trial in through) > trials / 3
    search = open_default(tmp_path / "stopped", sampler, seed)
    stopped = sweep(search, trials - 2)
    search.close()
    search = open_default(tmp_path / "stopped", sampler, seed)
    remind(search, stopped)
    stopped += sweep(search, 2)
    search.close()
    assert stopped == through


def reached(folder: Path, sampler: str) -> float:
    """The level that the later half of 60 trials heads for, in the middle of four seeds."""
    levels = []
    for seed in range(4):
        search = open_default(folder / f"{sampler}{seed}", sampler, seed)
        levels.append(median(level(trial.params) for trial in sweep(search, 60)[30:]))
        search.close()
    return median(levels)


@pytest.fixture(scope="module")
def reached_at_random(tmp_path_factory: pytest.TempPathFactory) -> float:
    """What random search reaches."""
    return reached(tmp_path_factory.mktemp("random"), "random")


@pytest.mark.parametrize("sampler", [name for name in LEARNING if name != "gp"])
def test_a_sampler_learns_from_trials_that_were_cut(sampler: str, tmp_path: Path, reached_at_random: float) -> None:
    """Over four seeds the later half of 60 trials is better than random search's, by the level that they head for."""
    assert reached(tmp_path, sampler) < 0.75 * reached_at_random


@pytest.mark.parametrize("sampler", LEARNING)
def test_suggestions_differ_from_random_ones(sampler: str, tmp_path: Path) -> None:
    """As soon as the trials of the start are over, although most of them were cut."""
    options = SAMPLERS[sampler].options()
    first = getattr(options, "startup_trials", getattr(options, "population", 0))
    suggested = []
    for name in (sampler, "random"):
        search = open_default(tmp_path / name, name)
        suggested.append([trial.params for trial in sweep(search, first + 3)])
        search.close()
    model, drawn = suggested
    assert model[:first] == drawn[:first]
    assert all(one != other for one, other in zip(model[first + 1 :], drawn[first + 1 :], strict=True))


def test_samplers_without_conditions_see_every_parameter_and_what_cut_trials_come_to(tmp_path: Path) -> None:
    """All that is over but failed is shown as completed, what diverged as the worst, a rate in both of its ranges."""
    search = open_default(tmp_path, "random", seed=3)
    trained = sweep(search, 40)
    failed = search.suggest()
    running = search.suggest()
    assert failed is not None
    assert running is not None
    search.tell(failed.number, State.FAILED, None, "an error")
    shown = search.suggester._shown(conditions=False)
    search.close()
    assert {trial.number for trial in shown} == {*range(40), running.number}
    assert [trial.number for trial in shown if trial.state != TrialState.COMPLETE] == [running.number]
    (names,) = {tuple(trial.params) for trial in shown}
    assert len(names) == len({plain(name) for name in names}) + 1  # the rate has two ranges
    values = {trial.number: trial.value for trial in shown if trial.value is not None}
    by_state = {state: [n for n, trial in enumerate(trained) if trial.state is state] for state in State}
    assert min(by_state.values(), key=len) == []
    best_cut = min(values[number] for number in by_state[State.PRUNED])
    assert best_cut >= min(min(trained[number].losses) for number in by_state[State.COMPLETED])
    assert min(values[n] for n in by_state[State.DIVERGED]) > max(values[n] for n in by_state[State.PRUNED])
    for trial in shown:
        rates = [value for name, value in trial.params.items() if name.startswith("learning_rate (")]
        assert max(rates) <= 3 * min(rates) or max(rates) > 1e-2


def test_what_is_expected_follows_from_the_records_alone(tmp_path: Path) -> None:
    """A study that is opened again expects the same of every trial: completed ones their value, cut ones no better."""
    search = open_default(tmp_path, "random", seed=3)
    trained = sweep(search, 40)
    expected, ranked = search._expectations.expected(), search.ranked()
    search.close()
    search = open_default(tmp_path, "random", seed=3)
    remind(search, trained)
    assert search._expectations.expected() == expected
    assert search.ranked() == ranked
    search.close()
    assert expected.keys() == {n for n, trial in enumerate(trained) if trial.state is not State.DIVERGED}
    completed = {n: min(trial.losses) for n, trial in enumerate(trained) if trial.state is State.COMPLETED}
    assert completed == {number: expected[number] for number in completed}
    assert min(expected.values()) == min(completed.values()) == expected[ranked[0]]


def test_a_study_by_cmaes_holds_no_code(tmp_path: Path) -> None:
    """Its state is made anew from the trials: the journal has no pickle, as Optuna's own sampler leaves it."""
    search = open_default(tmp_path, "cmaes")
    sweep(search, 40)
    journal = (tmp_path / "study.journal").read_text()
    search.close()
    assert "cma:generation" in journal
    assert "optimizer:" not in journal


@pytest.fixture(scope="module")
def long_study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Trained]]:
    """The folder of a study of 2000 random trials, of which two thirds were cut, and the trials."""
    root = tmp_path_factory.mktemp("long") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)  # so that the study is there sooner, as without comparisons
        patch.setattr(Search, "judge", lambda _, number, *__: Decision(number % 3 == 0, ""))
        search = open_default(root, "random")
        trained = sweep(search, 2000)
        search.close()
    return root, trained


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2"])
def test_a_suggestion_beside_2000_trials_takes_a_quarter_of_a_second(
    sampler: str, tmp_path: Path, long_study: tuple[Path, list[Trained]]
) -> None:
    """Of processor time, in the middle of seven."""
    root, trained = long_study
    search = open_default(shutil.copytree(root, tmp_path / "study"), sampler)
    remind(search, trained)
    seconds = []
    for _ in range(7):
        began = time.process_time()
        suggestion = search.suggest()
        seconds.append(time.process_time() - began)
        assert suggestion is not None
        search.tell(suggestion.number, State.FAILED, None, "")
    search.close()
    assert median(seconds) < 0.25
