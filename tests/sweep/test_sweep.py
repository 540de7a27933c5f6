from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuner
from tests.support.sweeps import Events, curves, records, sweep
from tests.support.tiny import write_task
from tuner.adapters.preparing import CONTENTS, contents_of
from tuner.announcements import Announcement, NothingToDo, Notice, SpaceChanged, Summary, TrialEnded
from tuner.disk.events import read, read_run
from tuner.errors import StudyError
from tuner.messages import State
from tuner.predict.folder import Description
from tuner.sweep import Outcome, Sweep, SweepFailed, make_executor
from tuner.sweep.stopping import Deadlines
from tuner.task import resolve_task
from tuner.verdict import Verdict
from tuner.words import called


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def test_a_sweep_searches_confirms_tests_and_sums_up(tmp_path: Path) -> None:
    """Exactly the trials asked for, a race of the best three, the baseline, one reading of the test data."""
    path = write_task(tmp_path, trials=5, more="pruner: {name: none}\nconfirm: {top: 3}")
    outcome, told = sweep(path)
    assert outcome.finished
    assert outcome.usable
    assert [event.number for event in told.of(TrialEnded)] == list(range(5))
    assert [record.state.final for record in records(path)] == [True] * 5
    confirmed = records(path, "confirm")
    assert len(confirmed) == 3 + 2 + 2 + 3
    assert {record.seed for record in confirmed}.isdisjoint(record.seed for record in records(path))
    (test,) = records(path, "test")[:1] or [read_run(resolve_task(path).folder.events("test"))]
    assert len(test.results["test"]) == 10
    assert outcome.summary is not None
    assert sorted(row["seeds"] for row in outcome.summary.rows) == ["", "1 of 3", "3 of 3", "3 of 3", "3 of 3"]
    assert outcome.summary.rows[-1]["seeds"] == "1 of 3"
    folder = resolve_task(path).folder
    others = {record.number for record in confirmed} - {tuner.open("tiny").winner.number}
    assert set(outcome.summary.models) == {called(number) for number in others}
    for name, place in outcome.summary.models.items():
        described = Description.read(Path(place))
        seeds = [record.value for record in confirmed if called(record.number) == name and record.value is not None]
        assert (described.name, described.value) == (f"study tiny, {name}", max(seeds))
        assert f"This is not the winner, which is {outcome.summary.winner}." in (Path(place) / "README.md").read_text()
    assert sorted(path.name for path in folder.models.iterdir()) == sorted(
        "baseline" if number < 0 else f"{number:05d}" for number in others
    )
    assert "than the trivial predictor (most frequent class) on" in outcome.summary.sentences[0].replace(
        "distinguishable from", "than"
    )


def test_a_finished_sweep_does_nothing_more(tmp_path: Path) -> None:
    """The same command again says so and starts nothing."""
    path = write_task(tmp_path, trials=2)
    _, begun = sweep(path, "pruner.min_epochs=10")
    assert any("pruner asha stops no trial" in notice.sentence for notice in begun.of(Notice))
    before = sorted((file.name, file.stat().st_mtime) for file in tmp_path.rglob("events.jsonl"))
    (first,) = begun.of(Summary)
    outcome, told = sweep(path)
    assert outcome == Outcome(finished=True, usable=True, summary=first)
    assert told.of(Summary) == [first]
    assert "2 trials. Raise budget.trials to extend it" in told.of(NothingToDo)[0].sentence
    assert sorted((file.name, file.stat().st_mtime) for file in tmp_path.rglob("events.jsonl")) == before


def test_a_test_run_that_failed_is_run_again_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study is not finished without it; the trainings stay."""
    path = write_task(tmp_path, trials=2, epochs=1, more="confirm: {top: 1, seeds: 1}")

    def broken(_: object) -> None:
        raise RuntimeError("no memory for the test data")

    with monkeypatch.context() as patch:
        patch.setattr("tuner.training.test.test", broken)
        sweep(path, "attempts.errors=0")
    test = resolve_task(path).folder.events("test")
    assert (read_run(test).state, read_run(test).results.get("test")) == (State.FAILED, None)
    done = curves(path)
    assert sweep(path, "attempts.errors=0")[0].finished
    assert read_run(test).state is State.COMPLETED
    assert len(read_run(test).results["test"]) == 2
    assert curves(path) == done
    assert [type(event) for event in sweep(path)[1]][-1] is NothingToDo


def test_a_winner_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With its name and why, and the sweep is whole all the same."""
    task, told = resolve_task(write_task(tmp_path, trials=1, more="confirm: {top: 1, seeds: 1}")), Events()

    def listen(event: Announcement) -> None:
        told(event)
        if isinstance(event, TrialEnded):
            task.folder.model.write_text("in the way")

    assert Sweep(task, listen).run().usable
    (notice,) = told.notices()
    assert notice.startswith(f"the winner, {told.of(Summary)[0].winner}, could not be written as a model: ")
    assert str(task.folder.model) in notice


def test_a_larger_budget_extends_the_study(tmp_path: Path) -> None:
    """Raising budget.trials from 3 to 5 runs exactly two more."""
    path = write_task(tmp_path, trials=3)
    sweep(path)
    _, told = sweep(path, "budget.trials=5")
    assert [event.number for event in told.of(TrialEnded)] == [3, 4]


def changed_epoch(path: Path, **metrics: Any) -> None:
    """Let the first epoch of trial 0 have other metrics on disk, or none."""
    file = path.parent / "mlruns/studies/tiny/trials/00000/events.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    (at, *_) = (number for number, event in enumerate(lines) if event["event"] == "epoch")
    lines[at]["metrics"] = metrics or None
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_resumed_study_reads_epochs_as_they_are_on_disk(tmp_path: Path) -> None:
    """One without its objective is no gain; one without metrics is damage, told with file and line."""
    path = write_task(tmp_path, trials=3)
    sweep(path)
    changed_epoch(path, **{"val/accuracy": None, "train/loss": 0.5})
    _, told = sweep(path, "budget.trials=4")
    assert [event.number for event in told.of(TrialEnded)] == [3]
    assert math.isnan(records(path)[0].series("val/accuracy")[1])
    changed_epoch(path)
    with pytest.raises(StudyError, match=r"00000/events.jsonl:3: every line of an event file must be an event"):
        sweep(path, "budget.trials=5")


def test_one_worker_and_one_seed_repeat_bit_for_bit(tmp_path: Path) -> None:
    """Two sweeps with the same seed have the same suggestions and the same numbers in every epoch."""
    path = write_task(tmp_path, trials=4, more="confirm: {top: 0}")
    first = write_task(tmp_path, name="again", trials=4, more="confirm: {top: 0}")
    sweep(path)
    sweep(first)
    assert curves(path) == curves(first)
    other = write_task(tmp_path, name="other", trials=4, more="confirm: {top: 0}\nsampler: {seed: 1}")
    sweep(other)
    assert curves(other) != curves(path)


@pytest.mark.parametrize("level", ["'off'", "light", "full"])
def test_diagnostics_do_not_change_training(tmp_path: Path, level: str) -> None:
    """Losses are equal bit for bit at every level of diagnostics."""
    path = write_task(tmp_path, trials=2, more="confirm: {top: 0}")
    other = write_task(tmp_path, name="level", trials=2, more=f"confirm: {{top: 0}}\ndiagnostics: {{level: {level}}}")
    sweep(path)
    sweep(other)
    for (_, expected), (_, found) in zip(curves(path), curves(other), strict=True):
        for name in ("train/loss", "val/loss"):
            assert [epoch[name] for epoch in expected] == [epoch[name] for epoch in found]


def test_a_stop_leaves_a_checkpoint_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """Stopped after the second trial, the sweep goes on to the same numbers as one that was never stopped."""
    whole = write_task(tmp_path, name="whole", trials=4, epochs=4, more="confirm: {top: 0}")
    sweep(whole)
    path = write_task(tmp_path, trials=4, epochs=4, more="confirm: {top: 0}")

    def stop_after_two(event: Announcement) -> None:
        if isinstance(event, TrialEnded) and event.done == 2:
            stopped.stop("a test")

    stopped = Sweep(resolve_task(path), stop_after_two)
    outcome = stopped.run()
    assert not outcome.finished
    assert len(records(path)) in {2, 3}
    assert sum(record.state.final for record in records(path)) == 2
    outcome, _ = sweep(path)
    assert outcome.finished
    assert curves(path) == curves(whole)
    for record in records(path):
        epochs = [
            event["epoch"] for event in read(resolve_task(path).folder.events(record.run)) if event["event"] == "epoch"
        ]
        assert epochs == sorted(set(epochs))


def test_two_drivers_on_one_study_are_refused(tmp_path: Path) -> None:
    """The second is told who holds the study."""
    from tuner.disk.lock import DriverLock

    path = write_task(tmp_path)
    lock = DriverLock(resolve_task(path).folder.lock)
    with pytest.raises(StudyError, match=r"study tiny must not be in use by another run, but got 'process \d+ on "):
        sweep(path)
    lock.release()


def test_a_changed_budget_of_epochs_is_refused(tmp_path: Path) -> None:
    """Scores of 3 and of 5 epochs are not to be mixed; the message names the line and both ways out."""
    path = write_task(tmp_path, trials=1)
    sweep(path, "confirm.top=0")
    with pytest.raises(
        StudyError, match=r"--set budget.epochs=5: budget.epochs must stay .*\(3\), but got 5\. .*--fresh"
    ):
        sweep(path, "budget.epochs=5")


def test_other_data_are_refused_with_what_is_other(tmp_path: Path) -> None:
    """An option of theirs with both values, or else the contents of the files."""
    path = write_task(tmp_path, trials=1)
    sweep(path)
    (tmp_path / "moved.csv").write_bytes((tmp_path / "waves.csv").read_bytes() + b"\n")
    with pytest.raises(StudyError, match=r"data must stay .*, but got 'another path'"):
        sweep(path, "data.path=moved.csv")
    with pytest.raises(StudyError, match="but got 'another path, split_seed'"):
        sweep(path, "data.split_seed=7", "data.path=moved.csv")
    with (tmp_path / "waves.csv").open("a") as more:
        more.write((tmp_path / "waves.csv").read_text().splitlines()[-1] + "\n")
    with pytest.raises(StudyError, match="but got 'other data in its files'"):
        sweep(path)


def test_fresh_keeps_the_old_study_under_another_name(tmp_path: Path) -> None:
    """A new study begins at trial 0; the old one is beside it, whole."""
    path = write_task(tmp_path, trials=2)
    sweep(path, "confirm.top=0")
    outcome, told = sweep(path, "confirm.top=0", "budget.epochs=2", fresh=True)
    assert outcome.finished
    assert [event.number for event in told.of(TrialEnded)] == [0, 1]
    (kept,) = (tmp_path / "mlruns/studies").glob("tiny.before-*")
    assert len(list(kept.glob("trials/*/events.jsonl"))) == 2


def test_a_changed_space_is_shown_and_fitting_trials_count(tmp_path: Path) -> None:
    """Narrowing a range shows the difference; trials outside are run anew, those inside count."""
    path = write_task(tmp_path, trials=6, more="confirm: {top: 0}")
    sweep(path)
    inside = sum(record.params["hidden_size"] <= 10 for record in records(path))
    assert 0 < inside < 6
    _, told = sweep(path, "space.hidden_size={low: 4, high: 10}")
    (change,) = told.of(SpaceChanged)
    assert change.fitting == inside
    assert any("hidden_size" in line for line in change.lines)
    assert len(told.of(TrialEnded)) == 6 - inside


def test_an_exhausted_space_ends_the_search_early(tmp_path: Path) -> None:
    """Four configurations and ten trials asked for: four trials, and a sentence."""
    space = "search_space: {cell: [lstm, gru], hidden_size: [4, 8], batch_size: 16}"
    path = write_task(tmp_path, trials=10, more=f"{space}\nconfirm: {{top: 0}}")
    outcome, told = sweep(path)
    assert outcome.finished
    assert len(told.of(TrialEnded)) == 4
    assert any("exhausted" in notice for notice in told.notices())


def test_a_time_limit_ends_the_search_and_leaves_nothing_running(tmp_path: Path) -> None:
    """With the time over, running trials end as PRUNED with that reason, and the confirmation still happens."""
    path = write_task(tmp_path, trials=400, epochs=30, more="budget_timeout: 0").with_suffix(".yaml")
    path.write_text(path.read_text().replace("budget_timeout: 0\n", ""))
    outcome, told = sweep(path, "budget.timeout=6s", "confirm.top=1", "confirm.seeds=1", "budget.epochs=3")
    assert outcome.finished
    assert 0 < len(told.of(TrialEnded)) < 400
    assert all(record.state.final for record in records(path))
    assert len(records(path, "confirm")) == 2


class Short(Deadlines):
    """The search is over when a trial is completed, and all of the time then."""

    def of_search(self, training: float) -> float:
        """See `Deadlines`."""
        return -math.inf if training else math.inf


def test_a_time_limit_too_short_for_the_confirmation_still_leaves_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One training on a fresh seed is completed, and said to be late; nothing else is begun."""
    path = write_task(tmp_path, trials=40, epochs=3, more="confirm: {top: 3, seeds: 3}")
    late = Short(search=math.inf, all=time.monotonic())
    monkeypatch.setattr("tuner.sweep.driver.Deadlines.of", lambda *_, **__: late)
    outcome, told = sweep(path, "budget.timeout=1h")
    assert outcome.usable
    (ended,) = told.of(TrialEnded)
    (record,) = (record for record in records(path, "confirm") if record.state.final)
    assert record.state is State.COMPLETED
    assert record.number == ended.number
    (notice,) = (notice for notice in told.notices() if "budget.timeout" in notice)
    assert notice.startswith("budget.timeout will be exceeded by about ")
    assert outcome.summary is not None
    assert outcome.summary.winner == called(ended.number)
    assert Description.read(Path(outcome.summary.model)).name


def test_a_time_limit_that_no_trial_meets_still_leaves_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut short is trained on a fresh seed to its end, and said to be late."""
    path = write_task(tmp_path, trials=40, epochs=6, more="confirm: {top: 3, seeds: 3}")
    begun = resolve_task(path).folder.events("trials/00000")

    class Shorter(Deadlines):
        def of_search(self, training: float) -> float:
            del training
            return -math.inf if read_run(begun).epochs else math.inf

    late = Shorter(search=math.inf, all=time.monotonic())
    monkeypatch.setattr("tuner.sweep.driver.Deadlines.of", lambda *_, **__: late)
    outcome, told = sweep(path, "budget.timeout=1h", "budget.seconds=3")
    assert outcome.usable
    assert {record.state for record in records(path)} == {State.PRUNED}
    (record,) = (record for record in records(path, "confirm") if record.state.final)
    assert record.state is State.COMPLETED
    assert [notice.partition(" by about ")[0] for notice in told.notices()[-2:]] == [
        "no trial completed: the best of those that were cut short are confirmed",
        "budget.timeout will be exceeded",
    ]
    assert outcome.summary is not None
    assert outcome.summary.winner == called(record.number)
    assert Description.read(Path(outcome.summary.model)).name


def test_a_search_leaves_time_for_a_training_as_long_as_its_longest() -> None:
    """A quarter of the time at least; all is the search's where nothing is confirmed."""
    deadlines = Deadlines(search=75.0, all=100.0)
    assert [deadlines.of_search(longest) for longest in (0.0, 16.0, 40.0)] == [75.0, 75.0, 50.0]
    assert Deadlines(search=100.0, all=100.0).of_search(40.0) == 100.0
    assert Deadlines().of_search(40.0) == math.inf


def test_a_time_limit_without_a_trial_ends_in_a_sentence_and_can_be_raised(tmp_path: Path) -> None:
    """Nothing is summed up that is not there; what was cut short goes on with more time."""
    path = write_task(tmp_path, trials=3, more="confirm: {top: 0}")
    outcome, told = sweep(path, "budget.timeout=0.001")
    assert outcome == Outcome(finished=True, usable=False)
    (notice,) = told.notices()
    assert notice.startswith("budget.timeout (0.001 s) was over before a trial began; ")
    outcome, told = sweep(path, "budget.timeout=1h")
    assert len(told.of(TrialEnded)) == 3
    events = resolve_task(path).folder.sweep_events
    events.write_text(events.read_text().replace('"timed_out": null', '"timed_out": 60.0'))
    assert not sweep(path, "budget.timeout=61")[1].of(NothingToDo)


def test_diverged_trials_never_win(tmp_path: Path) -> None:
    """Learning rates that explode end as DIVERGED with the reason and its numbers; the sweep goes on without them."""
    more = """
search_space:
  optimizer: sgd
  clip_norm: null
  learning_rate: [0.01, 100.0]
  hidden_size: [4, 8]
  batch_size: 16
confirm: {top: 1, seeds: 1}
"""
    path = write_task(tmp_path, trials=4, more=more)
    rows = [f"2024-01-01 {hour // 60:02d}:{hour % 60:02d},{math.sin(hour / 4):.4f}" for hour in range(600)]
    (tmp_path / "series.csv").write_text("time,value\n" + "\n".join(rows) + "\n")
    path.write_text(
        path.read_text()
        .replace("time_series/classification", "time_series/forecasting")
        .replace("{path: waves.csv, label: label}", "{path: series.csv, time: time, window: 12, horizon: 4}")
    )
    outcome, told = sweep(path)
    states = {event.number: (event.params["learning_rate"], event.state) for event in told.of(TrialEnded)}
    assert {state for rate, state in states.values() if rate > 1} == {"DIVERGED"}
    assert {state for rate, state in states.values() if rate < 1} == {"COMPLETED"}
    reasons = [event.reason for event in told.of(TrialEnded) if event.state == "DIVERGED"]
    assert all("not finite" in reason or "is nan" in reason or "is inf" in reason for reason in reasons)
    assert all("epoch" in reason and "step" in reason for reason in reasons)
    assert outcome.usable
    assert all(record.params["learning_rate"] < 1 for record in records(path, "confirm") if record.number >= 0)


def test_the_same_failure_three_times_stops_the_sweep(tmp_path: Path) -> None:
    """An adapter that cannot be used fails the first three trials, not all of them; its error is the last word."""
    path = write_task(tmp_path, trials=10)
    task = resolve_task(path)
    told = Events()
    failing = Sweep(task, told, executor=make_executor(task, "tests.support.trials:fails"))
    with pytest.raises(SweepFailed, match=r"first 3 trials failed alike: KeyError: 'wav' \(trials\.py:\d+\)"):
        failing.run()
    assert [event.state for event in told.of(TrialEnded)] == ["FAILED"] * 3


def test_failures_are_alike_whatever_their_numbers_and_stop_every_run(tmp_path: Path) -> None:
    """Messages that differ in numbers are one failure; the same command again tries three more and stops again."""
    path = write_task(tmp_path, trials=10)
    for expected in (3, 6):
        task = resolve_task(path)
        failing = Sweep(task, Events(), executor=make_executor(task, "tests.support.trials:fails_at_its_shape"))
        with pytest.raises(
            SweepFailed, match=r"first 3 trials failed alike: ValueError: shape \[\d+, 4\] does not fit"
        ):
            failing.run()
        assert [record.state for record in records(path)] == [State.FAILED] * expected


def test_test_data_is_out_of_reach_of_the_search(tmp_path: Path) -> None:
    """Changing every test value changes no number of the search, bit for bit."""
    path = write_task(tmp_path, trials=2, more="confirm: {top: 0}")
    sweep(path)
    before = curves(path)
    (prepared,) = (tmp_path / "mlruns/prepared").glob("*/prepared.json")
    changes: dict[str, Callable[[Any], Any]] = {"x.values": lambda x: 3 - 7 * x, "y": lambda y: 1 - y}
    for name, change in changes.items():
        file = prepared.parent / f"test.{name}.npy"
        values = np.load(file)
        changed = change(values).astype(values.dtype)
        assert np.all(changed != values)
        np.save(file, changed)
    (prepared.parent / CONTENTS).write_text(json.dumps(contents_of(prepared.parent)))  # else they are made anew
    again = write_task(tmp_path, name="again", trials=2, more="confirm: {top: 0}")
    sweep(again)
    assert curves(again) == before


def test_states_on_disk_say_how_far_an_attempt_came(tmp_path: Path) -> None:
    """An attempt without an end reads as LOST, whatever was written before it."""
    path = write_task(tmp_path, trials=1, more="confirm: {top: 0}")
    sweep(path)
    file = resolve_task(path).folder.events("trials/00000")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-1]))
    assert read_run(file).state is State.LOST


SEASONS = """
name: seasons
adapter: time_series/forecasting
data: {path: seasons.csv, time: day}
search_space: {cell: gru, hidden_size: 4, learning_rate: [1.0e-9, 1.0e-8]}
baseline: {learning_rate: 1.0e-9}
budget: {trials: 2, epochs: 1}
report: {figures: 0}
ray: {address: in-process}
tracking: {uri: none}
diagnostics: {mode: observe}
"""


@pytest.mark.parametrize("top", [0, 1])
def test_a_winner_that_loses_to_the_trivial_predictor_is_told_first(tmp_path: Path, top: int) -> None:
    """A season that repeats to the last digit, and a network that learns nothing: in words, before all else."""
    days = (date(2020, 1, 1) + timedelta(day) for day in range(140))
    rows = [f"{day},{100 + 10 * (number % 7)}" for number, day in enumerate(days)]
    (tmp_path / "seasons.csv").write_text("day,sales\n" + "\n".join(rows) + "\n")
    path = tmp_path / "seasons.yaml"
    path.write_text(f"{SEASONS}confirm: {{top: {top}, seeds: 2}}\n")
    summary = sweep(path)[0].summary
    assert summary is not None
    splits = "validation and test data" if top else "validation data"
    assert f" is not better than the trivial predictor (seasonal naive) on {splits} (val/" in summary.sentences[0]
    assert summary.sentences[1].startswith("what to try: ")
    assert Verdict(**summary.verdict).lines[:2] == summary.sentences[:2]
    assert any("lr-range seasons.yaml" in command for _, command in Verdict(**summary.verdict).next)
    assert "data.window" in summary.sentences[1]
    (told,) = [event for event in read(resolve_task(path).folder.sweep_events) if event["event"] == "summary"]
    assert told["sentences"] == summary.sentences


def test_the_choice_that_made_the_difference_is_told(tmp_path: Path) -> None:
    """Where one choice learns and the other cannot, words, numbers and an artifact say so."""
    space = "{cell: gru, hidden_size: {low: 4, high: 40}, batch_size: 16, learning_rate: [1.0e-9, 0.03]}"
    search = f"search_space: {space}\nsampler: {{name: random, seed: 0}}\npruner: {{name: none}}\nconfirm: {{top: 1}}"
    search += "\ndiagnostics: {mode: observe}"
    path = write_task(tmp_path, trials=16, epochs=8, more=f"objective: {{metric: val/loss}}\n{search}")
    outcome, _ = sweep(path)
    summary = outcome.summary
    assert summary is not None
    assert summary.separation["parameter"] == "learning_rate"
    assert next(iter(summary.importance)) == "learning_rate"
    (told,) = [sentence for sentence in summary.sentences if "separates" in sentence]
    assert told.startswith("learning_rate separates the trials that learned (val/loss below")
    assert "most frequent class" in told
    written = json.loads((resolve_task(path).folder.artifacts / "what_mattered.json").read_text())
    assert written["importance"] == summary.importance
    assert written["separation"]["probability"] == summary.separation["probability"] < 0.05
