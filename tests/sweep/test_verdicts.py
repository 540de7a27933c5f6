"""What a sweep says first, in studies of every kind of outcome."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.support.fake_study import begin, create, end, train
from tests.support.sweeps import Events
from tests.support.tiny import write_task
from tuner.announcements import Notice, PhaseBegan, RunConfirmed, Summary, TrialEnded
from tuner.api.study import Study
from tuner.cli.ending import print_summary
from tuner.cli.top_rows import print_rows
from tuner.disk import events
from tuner.disk.folder import confirm_run, trial_run
from tuner.errors import StudyError
from tuner.report import REPORT
from tuner.sweep import Sweep, make_executor, study_rows
from tuner.task import resolve_task
from tuner.verdict import Verdict


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def shown(summary: Summary, width: int) -> str:
    """The end of a sweep on a console of so many columns."""
    out = StringIO()
    print_summary(summary, Console(file=out, width=width, force_terminal=True, color_system=None))
    return out.getvalue()


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """Of a sweep that learns: three completed trials, two confirmed ones."""
    folder = tmp_path_factory.mktemp("learned")
    space = "search_space: {cell: gru, hidden_size: [16, 24, 32], learning_rate: 0.03, batch_size: 16}"
    more = f"{space}\nobjective: {{metric: val/loss}}\npruner: {{name: none}}\nconfirm: {{top: 2, seeds: 2}}"
    path = write_task(folder, trials=3, epochs=10, more=more)
    told = Events()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Sweep(resolve_task(path), told).run()
    (summary,) = told.of(Summary)
    return summary


@pytest.mark.parametrize("width", [80, 120])
def test_the_five_questions_are_answered(learned: Summary, width: int) -> None:
    """Which model? How good on new data? Better than doing nothing clever? What mattered? What do I do next?"""
    whole = shown(learned, width)
    text = " ".join(whole.split())
    assert f"use {learned.winner.replace('baseline', 'the baseline')}: cell gru, " in text
    assert "accuracy " in text
    assert " on test data that the search never saw; " in text
    assert "most frequent class " in text
    assert "better than the trivial predictor (most frequent class)" in text
    assert "noise" in text
    assert "validation items tell " in text
    assert "what mattered cannot be said: importance needs 10 trials that can be compared, and there are 3." in text
    assert any(line.startswith("  python -m tuner ") for line in whole.splitlines())
    assert " in the search, " in text or learned.winner == "baseline"


@pytest.mark.parametrize("width", [80, 120])
def test_what_is_copied_is_whole(learned: Summary, width: int) -> None:
    """A command or a path has a line of its own; nothing else is wider than the console."""
    copied = [f"  {command}" for _, command in Verdict(**learned.verdict).next]
    lines = shown(learned, width).splitlines()
    assert copied
    assert set(copied) <= set(lines)
    assert all(
        len(line) <= width for line in lines if not line.startswith("  python -m tuner") and "/model" not in line
    )


def test_rows_are_where_they_rank(learned: Summary) -> None:
    """The trivial predictor among the others, by the score on validation data."""
    scores = [float(row["score"].partition(" ")[0]) for row in learned.rows]
    assert scores == sorted(scores)
    assert {"baseline", "most frequent class"} <= {row["name"] for row in learned.rows}


def test_what_was_written_is_read_as_it_was(learned: Summary) -> None:
    """As JSON and back."""
    again = Verdict(**json.loads(json.dumps(learned.verdict)))
    assert again.as_json() == learned.verdict
    assert again.lines == Verdict(**learned.verdict).lines


def test_one_trial_without_a_confirmation(tmp_path: Path) -> None:
    """It says that nothing confirms it, and the command that would."""
    told = Events()
    path = write_task(tmp_path, trials=1, epochs=8, more="confirm: {top: 0}")
    Sweep(resolve_task(path), told).run()
    (summary,) = told.of(Summary)
    text = " ".join(shown(summary, 80).split())
    assert "nothing confirms it" in text
    assert "the best of the search" in text
    if Verdict(**summary.verdict).beats:
        assert "to have a model, of the best trained again on fresh seeds" in text
        assert "python -m tuner run tiny.yaml --set confirm.top=3" in text


def test_figures_come_after_the_summary_and_a_stop_loses_nothing(tmp_path: Path) -> None:
    """A stop while they are drawn leaves a finished study; the same command draws the rest."""
    told: list[Any] = []
    path = write_task(tmp_path, trials=2, epochs=1, figures=2, more="confirm: {top: 0}")

    def listen(event: Any) -> None:
        told.append(event)
        if isinstance(event, PhaseBegan) and event.name == "record":
            first.stop("Ctrl+C")

    first = Sweep(resolve_task(path), listen)
    outcome = first.run()
    assert outcome.finished
    kinds = [type(event) for event in told]
    assert kinds.index(Summary) < max(place for place, event in enumerate(told) if isinstance(event, PhaseBegan))
    assert "the same command draws the rest" in [event for event in told if isinstance(event, Notice)][-1].sentence
    folder = resolve_task(path).folder
    assert not (folder.artifacts / "history.png").exists()
    again = Events()
    Sweep(resolve_task(path), again).run()
    assert not again.of(TrialEnded)
    assert (folder.artifacts / "history.png").exists()
    assert all((folder.run_artifacts(trial_run(number)) / "training.png").exists() for number in (0, 1))
    once_more = Events()
    Sweep(resolve_task(path), once_more).run()
    assert not once_more.of(PhaseBegan)


def test_a_finished_study_without_the_folder_of_a_run_is_told_again(tmp_path: Path) -> None:
    """Someone has tidied up: its figure is not drawn, and nothing else is lost."""
    task = resolve_task(write_task(tmp_path, trials=2, epochs=1, figures=2, more="confirm: {top: 1, seeds: 1}"))
    Sweep(task, Events()).run()
    shutil.rmtree(task.folder.root / "confirm")
    shutil.rmtree(task.folder.run_artifacts(confirm_run(0, 1)).parent, ignore_errors=True)
    told = Events()
    assert Sweep(task, told).run().finished
    assert told.of(Summary)


def test_all_failed(tmp_path: Path) -> None:
    """There is nothing to use, why, and where to look."""
    told = Events()
    task = resolve_task(write_task(tmp_path, trials=2, epochs=1))
    outcome = Sweep(task, told, executor=make_executor(task, "tests.support.trials:fails")).run()
    assert not outcome.usable
    (summary,) = told.of(Summary)
    text = shown(summary, 80)
    assert "nothing to use: no trial completed (2 failed); most often: KeyError: 'wav'" in " ".join(text.split())
    assert "  python -m tuner top tiny\n" in text
    assert (summary.winner, summary.seeds) == ("", 0)
    rows = study_rows(task.folder)
    assert [(row["state"], row["winner"]) for row in rows] == [("FAILED", False)] * 2


def test_a_confirmation_that_failed_is_none(tmp_path: Path) -> None:
    """It has no seeds and no winner, and the page tells of it."""
    told = Events()
    more = "confirm: {seeds: auto}\nattempts: {errors: 0}"
    task = resolve_task(write_task(tmp_path, trials=2, epochs=1, more=more))
    Sweep(task, told, executor=make_executor(task, "tests.support.trials:fails_when_confirmed")).run()
    (summary,) = told.of(Summary)
    assert {event.state for event in told.of(RunConfirmed)} == {"FAILED"}
    assert (summary.winner, summary.seeds, summary.asked["seeds"]) == ("", 0, "auto")
    with pytest.raises(StudyError, match="must have a winner, but got 'nothing to use: no configuration has a score"):
        _ = Study(task.folder).winner
    page = (task.folder.artifacts / REPORT).read_text()
    assert "No configuration has a score on every fresh seed: there is nothing to use." in page
    assert "The most frequent reason: KeyError: &#39;wav&#39;" in page
    assert "no trial completed" not in page.lower()


def fake(root: Path, trials: int) -> Any:
    """A study whose confirmation is over: trial 1 is better than trial 0 and the baseline, which was second."""
    folder = begin(root)
    for number in range(trials):
        path = create(folder, trial_run(number), number)
        train(path, 1, 5)
        end(path, "HOPELESS" if number == 2 else "COMPLETED", value=0.9 - 0.1 * number)
    for number, value in ((0, 0.6), (1, 0.8), (-1, 0.7)):
        for repeat in (1, 2):
            path = create(folder, confirm_run(number, repeat), number, kind="confirm")
            train(path, 1, 5)
            end(path, "COMPLETED", value=value + repeat / 100)
    return folder


@pytest.mark.parametrize("width", [80, 120])
def test_top_marks_the_winner_and_fits(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its trainings come first, then the other configurations by their means, then trials; few lines for each."""
    folder = fake(tmp_path / "mlruns/studies/fake", 3)
    events.append(folder.sweep_events, "summary", winner="trial 1", seconds=1.0)
    rows = study_rows(folder)
    numbers = [(row["kind"], row["number"]) for row in rows]
    confirmed = [("confirm", number) for number in (1, 1, -1, -1, 0, 0)]
    assert numbers == [*confirmed, ("trial", 0), ("trial", 1), ("trial", 2)]
    assert [row["number"] for row in rows if row["winner"]] == [1, 1, 1]
    monkeypatch.setattr("tuner.cli.top_rows.make_console", lambda: Console(width=width))
    print_rows("fake", rows)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert all(len(line) <= width for line in lines)
    assert sum("* 1" in line for line in lines) == 3
    assert any("hopeless" in line for line in lines)
    if width == 80:
        assert len(lines) <= 1 + len(confirmed) + 3 * 3 + 2


def test_a_study_that_was_killed_has_no_winner_yet(tmp_path: Path) -> None:
    """The confirmations that are there come first by their means, and none is marked."""
    rows = study_rows(fake(tmp_path / "mlruns/studies/fake", 2))
    assert [row["number"] for row in rows[:6]] == [1, 1, -1, -1, 0, 0]
    assert not any(row["winner"] for row in rows)


@pytest.mark.parametrize(
    ("folder", "named"), [("mlruns/studies/waves/model", "waves"), ("elsewhere/waves/model", "elsewhere/waves/model")]
)
def test_the_command_that_uses_the_model_fits_the_terminal(learned: Summary, folder: str, named: str) -> None:
    """A study in the usual folder is named, as the path of its model would not fit into 80 columns."""
    lines = shown(replace(learned, model=str(Path.cwd() / folder)), 80).splitlines()
    assert f"  python -m tuner predict {named} FILE -o answers.csv" in lines
