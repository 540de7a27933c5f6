"""`import tuner`: a sweep from Python, and a study as tables."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tuner
from tests.support.tiny import write_waves
from tuner.announcements import Summary
from tuner.api.html import study_html
from tuner.config import read_yaml
from tuner.sweep.standing import Standing
from tuner.task import resolve_task

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "pandas", "optuna", "ray", "mlflow", "pydantic", "numpy", "rich", "click", "yaml"}
TASK: dict[str, Any] = {
    "name": "tiny",
    "adapter": "time_series/classification",
    "data": {"path": Path("waves.csv"), "label": "label"},
    "search_space": {
        "cell": ["lstm", "gru"],
        "hidden_size": {"low": 4, "high": np.int64(16)},
        "forget_bias": {"low": 0, "high": 1, "when": {"cell": "lstm"}},
        "batch_size": 16,
    },
    "budget": {"trials": 3, "epochs": 2},
    "sampler": {"name": "random"},
    "pruner": {"name": "none"},
    "confirm": {"top": 1, "seeds": 2},
    "diagnostics": {"mode": "observe"},
    "report": {"figures": 0},
    "tracking": {"uri": "none"},
    "ray": {"address": "in-process"},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with waves and the finished study of them."""
    folder = tmp_path_factory.mktemp("python")
    write_waves(folder / "waves.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tuner.run(TASK, quiet=True)
    return folder


@pytest.fixture
def study(finished: Path, monkeypatch: pytest.MonkeyPatch) -> tuner.Study:
    """It, opened in its folder."""
    monkeypatch.chdir(finished)
    return tuner.open("tiny")


def test_importing_it_imports_nothing_heavy() -> None:
    """Names are there, and what they need comes when they are used."""
    code = "import sys, tuner; print(*sys.modules); assert set(tuner.__all__) <= set(dir(tuner)); tuner.UserError"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not HEAVY & set(done.stdout.split())
    with pytest.raises(AttributeError, match="module 'tuner' has no attribute 'runn'"):
        tuner.runn  # noqa: B018


def test_a_dict_is_run_and_written_only_where_the_study_is(finished: Path) -> None:
    """Beside the data there is the folder of studies alone; the study's copy of the task resolves to the same."""
    assert {path.name for path in finished.iterdir()} == {"waves.csv", "mlruns"}
    kept = finished / "mlruns/studies/tiny/task.yaml"
    assert read_yaml(kept).value == json.loads(json.dumps(TASK, default=str)) | {
        "search_space": {**TASK["search_space"], "hidden_size": {"low": 4, "high": 16}}
    }


def test_a_second_call_tells_the_summary_again(study: tuner.Study, capsys: pytest.CaptureFixture[str]) -> None:
    """And trains nothing; `quiet` says nothing; a change of the budget goes on, and is not kept in the dict."""
    before = [path.stat().st_mtime for path in sorted(study.folder.rglob("events.jsonl"))]
    tuner.run(TASK)
    told = capsys.readouterr().out
    assert "study tiny: 3 trials" in told
    assert "study tiny is finished" in told
    tuner.run(TASK, quiet=True)
    assert capsys.readouterr().out == ""
    assert [path.stat().st_mtime for path in sorted(study.folder.rglob("events.jsonl"))] == before
    assert resolve_task(TASK, changes={"budget": {"trials": 4}}).file.budget.trials == 4
    assert resolve_task(TASK, changes={"budget.trials": 4}).file.budget.epochs == 2
    assert TASK["budget"] == {"trials": 3, "epochs": 2}


def test_trials_are_a_table(study: tuner.Study) -> None:
    """A row per trial with the names of the search space; what a trial did not have is missing."""
    table = study.trials_dataframe()
    fixed = [
        "number",
        "state",
        "value",
        "epochs",
        "datetime_start",
        "datetime_complete",
        "duration",
        "findings",
        "reason",
    ]
    assert list(table) == [*fixed, *[name for name in table if name not in fixed]]
    assert set(table) == {*fixed, "cell", "hidden_size", "forget_bias"}
    assert table.number.tolist() == [0, 1, 2]
    assert table.state.tolist() == ["COMPLETED"] * 3
    assert (table.forget_bias.isna() == (table.cell == "gru")).all()
    assert (table.datetime_complete >= table.datetime_start).all()
    assert (table.duration > pd.Timedelta(0)).all()


def test_curves_are_a_table(study: tuner.Study) -> None:
    """A row per run and epoch; the value of a trial is its best."""
    curves = study.curves()
    assert list(curves)[:3] == ["run", "number", "epoch"]
    assert len(curves) == 6
    best = curves.groupby("number")["val/accuracy"].max()
    assert best.tolist() == study.trials_dataframe().value.tolist()
    assert set(study.curves("confirm").number) == set(study.leaderboard().number)


def test_the_leaderboard_is_the_summarys_table_in_numbers(study: tuner.Study) -> None:
    """The same configurations in the same order with the same means; the winner is the first."""
    assert study.summary is not None
    table = study.leaderboard()
    rows = study.summary.rows[:-1]
    assert list(table["name"]) == [row["name"] for row in rows]
    for (_, found), row in zip(table.iterrows(), rows, strict=True):
        assert row["score"].startswith(f"{found['value']:.4g} ±")
        assert row["test"].startswith(f"{found['test']:.4g} ±")
    winner = study.winner
    assert (winner.name, winner.value) == (table["name"][0], table["value"][0])
    assert winner.test["accuracy"] == pytest.approx(table["test"][0])
    assert study.best_params == dict(winner.params)
    assert study.best_params["cell"] in {"lstm", "gru"}


def test_findings_are_a_table(study: tuner.Study) -> None:
    """As many as the trials have on record."""
    table = study.findings()
    told = study.trials_dataframe().set_index("number").findings
    for number, found in table.groupby("number"):
        assert set(found["name"]) == set(told[number].split(", "))
    assert set(table.number) == set(told[told != ""].index)
    assert {"evidence", "threshold", "source", "remedies"} <= set(table)


def test_a_notebook_shows_it(study: tuner.Study) -> None:
    """The summary's table and sentences; nothing in them is markup."""
    assert study.summary is not None
    shown = study._repr_html_()
    assert shown.count("<tr>") == 1 + len(study.summary.rows)
    assert study.summary.headline in shown
    assert repr(study) == f"Study('tiny', {study.summary.headline.partition(': ')[2]})"
    told = Summary("<script>x</script>", "a<b", "c", sentences=["<img>"], winner="t", winner_params={"<p>": "<q>"})
    assert "<script>" not in study_html(Standing("s", "f", True, False, "", "m", 1, summary=told))
    assert "<img>" not in study_html(Standing("s", "f", True, False, "", "m", 1, summary=told))


def test_a_study_is_opened_by_its_name_its_folder_or_its_file(study: tuner.Study, finished: Path) -> None:
    """An unknown one is refused in a line that names the nearest."""
    assert tuner.open(study.folder).name == "tiny"
    assert tuner.open("tiny", folder=finished / "mlruns/studies").folder == study.folder
    with pytest.raises(tuner.UserError, match=r"but got 'tinny'\. Did you mean 'tiny'\?"):
        tuner.open("tinny")


def test_its_model_answers(study: tuner.Study, finished: Path) -> None:
    """Of the study and of its folder, alike; a notebook shows what it is."""
    model, waves = study.model(), pd.read_csv(finished / "waves.csv").drop(columns="label")
    answers = model.predict(waves)
    assert len(answers) == len(waves)
    assert set(answers["class"]) <= {"fast", "slow"}
    pd.testing.assert_frame_equal(tuner.load(study.folder / "model").predict(waves), answers)
    assert repr(model).startswith(
        f"Model('study tiny, {study.winner.name}', time_series/classification, val/accuracy 0."
    )
    assert "<th>adapter</th><td>time_series/classification</td>" in model._repr_html_()


class _Interrupting(io.StringIO):
    """A standard output that presses Ctrl+C when the first trial is over."""

    def write(self, text: str) -> int:
        if text.startswith("[1/"):
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_ctrl_c_stops_cleanly_and_the_same_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KeyboardInterrupt is raised when all is saved; the study says how far it is; the handler of before is back."""
    monkeypatch.chdir(tmp_path)
    write_waves(tmp_path / "waves.csv")
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", _Interrupting())
        with pytest.raises(KeyboardInterrupt, match="the same call goes on"):
            tuner.run(TASK)
    assert signal.getsignal(signal.SIGINT) is before
    study = tuner.open("tiny")
    assert not study.finished
    assert "not finished: it was stopped (Ctrl+C)" in study._repr_html_()
    assert study.leaderboard().empty
    with pytest.raises(tuner.UserError, match="study tiny must be finished to have a winner, but got '1 of 3"):
        _ = study.winner
    assert tuner.run(TASK, quiet=True).finished


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"budget": {"trials": 0}}, r"^budget.trials: budget.trials must be >= 1, but got 0"),
        ({"adapter": "nope"}, "adapter"),
        ({"budget": {"trails": 1}}, "trails"),
        ({"data": {"path": object()}}, "task: data.path must be a finite number, a text"),
        ({"data": {"path": pd.DataFrame({"text": ["a", "b"]})}}, r"got 'DataFrame'. Write it to a file first"),
        ({"sampler": {"seed": float("nan")}}, "task: sampler.seed must be a finite number"),
        ({"space": {1: 2}}, "task: space keys must be texts, but got 1"),
    ],
)
def test_a_mistake_is_a_user_error_in_one_line(changes: dict[str, Any], told: str) -> None:
    """With the rule and the value, before anything is written."""
    with pytest.raises(tuner.UserError, match=told) as error:
        tuner.run(TASK, **changes)
    assert "\n" not in str(error.value)


def test_a_task_without_a_file_needs_a_name() -> None:
    """As nothing else names its study."""
    with pytest.raises(tuner.UserError, match="a task without a file must have a name"):
        tuner.run({**{key: value for key, value in TASK.items() if key != "name"}})
