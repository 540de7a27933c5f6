"""Studies whose trainings are made up: summary, report, `top` and MLflow say the same of them, and it is right."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import zlib
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from rich.console import Console

from tests.support.reported import MadeUp
from tests.support.sweeps import Events
from tests.support.tiny import write_task
from tuner.announcements import Summary
from tuner.cli.ending import print_summary
from tuner.cli.tables import unfinished
from tuner.disk.folder import StudyFolder, confirm_run
from tuner.messages import State
from tuner.recording.projection import Projection
from tuner.recording.views import LEADERBOARD, PREFIX
from tuner.report import read_study, render
from tuner.reporting.scored import Scored
from tuner.sweep import Sweep, make_executor, study_rows
from tuner.sweep.drawing import draw
from tuner.sweep.standing import standing
from tuner.task import resolve_task
from tuner.verdict import Verdict

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow uses what is deprecated
MORE = (
    "objective: {metric: val/loss}\npruner: {name: none}\nsampler: {name: random, seed: 3}\nconfirm: {top: 2, seeds: 2}"
)


@dataclass(frozen=True)
class Told:
    """What is told of a study: on the terminal, on the first part of its page, and its rows in `top`."""

    folder: StudyFolder
    summary: Summary
    text: str
    page: str

    @property
    def headline(self) -> str:
        """Of the page."""
        return html.unescape(re.sub(r"<[^>]*>", "", self.page.split('class="headline">')[1].split("</p>")[0]))

    @property
    def answers(self) -> list[str]:
        """Of the page, to its five questions."""
        found = re.findall(r"<dd>(.*?)</dd>", self.page[: self.page.index("</dl>")])
        return [html.unescape(re.sub(r"<[^>]*>", "", answer)) for answer in found]

    @property
    def top(self) -> list[tuple[str, int, str, bool]]:
        """Kind, number, state, and whether it is the winner's."""
        rows = study_rows(self.folder)
        return [(row["kind"], row["number"], row["state"], row["winner"]) for row in rows]


@dataclass(frozen=True)
class Recorded:
    """What MLflow's pages have of a study: the parent run, and the rows of the saved leaderboard, in its order."""

    parent: Run
    rows: list[Run]
    columns: list[str]

    @property
    def counts(self) -> dict[str, float]:
        """Trials by state."""
        return {key: value for key, value in self.parent.data.metrics.items() if key.startswith("trials/")}

    @property
    def told(self) -> list[tuple[str, str]]:
        """Name and status of each row."""
        return [(str(run.info.run_name), run.info.status) for run in self.rows]

    def column(self, name: str) -> list[float | None]:
        """A metric of the rows."""
        return [run.data.metrics.get(name) for run in self.rows]


@pytest.fixture(scope="module")
def uri(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database for all studies."""
    return f"sqlite:///{shutil.copy(migrated, tmp_path_factory.mktemp('recorded'))}"


def _recorded(folder: StudyFolder, uri: str) -> Recorded:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(uri.removeprefix("sqlite:///")).parent)
        projection = Projection(folder, uri)
        projection.project_all()
        projection.close_open()
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(folder.name)
    assert experiment is not None
    packed = json.loads(experiment.tags[f"{PREFIX}{LEADERBOARD}"])["state"].removeprefix("deflate;")
    view = json.loads(zlib.decompress(base64.b64decode(packed)))
    order = [f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"]
    rows = list(client.search_runs([experiment.experiment_id], view["searchFilter"], order_by=order))
    parents = {run.data.tags["mlflow.parentRunId"] for run in rows}
    (parent,) = (client.get_run(run) for run in parents)
    return Recorded(parent, rows, view["selectedColumns"])


def _generated(folder: Path, trials: int, trial: str) -> Told:
    """A sweep whose trainings are made up by a function of `tests.support.trials`."""
    told = Events()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        task = resolve_task(write_task(folder, trials=trials, epochs=3, more=MORE))
        Sweep(task, told, executor=make_executor(task, f"tests.support.trials:{trial}")).run()
    (summary,) = told.of(Summary)
    out = StringIO()
    print_summary(summary, Console(file=out, width=1000))
    return Told(task.folder, summary, out.getvalue(), render([read_study(task.folder)]))


def test_a_trivial_predictor_that_wins(tmp_path: Path, uri: str) -> None:
    """All say so first, and what to try; the winner of the others is marked all the same."""
    told = _generated(tmp_path, 4, "learns_nothing")
    first = f"{told.summary.winner.replace('baseline', 'the baseline')} is not better than the trivial predictor"
    words = f"{first} (most frequent class) on validation and test data"
    assert told.text.split("\n\n")[1].startswith(words)
    assert told.headline.lower() == f"{first} (most frequent class)."
    assert told.answers[2].lower().startswith(f"no. {words}")
    assert "python -m tuner lr-range tiny.yaml" in told.text
    assert "python -m tuner lr-range tiny.yaml" in told.answers[4]
    assert [row for row in told.top if row[3]][:2] == told.top[:2]
    found = _recorded(told.folder, uri)
    metrics, tags = found.parent.data.metrics, found.parent.data.tags
    assert (found.parent.info.status, tags["tuner.winner"]) == ("FINISHED", told.summary.winner)
    assert words in tags["mlflow.note.content"]
    assert metrics["confirmed"] > metrics["trivial"]
    assert metrics["test"] > metrics["trivial"]
    assert found.counts == {"trials/completed": 4}


def test_three_trials(tmp_path: Path, uri: str) -> None:
    """What mattered cannot be told of them, in the same words; the confirmed winner comes first."""
    told = _generated(tmp_path, 3, "learns")
    why = "what mattered cannot be said: importance needs 10 trials that can be compared, and there are 3."
    assert why in told.text
    assert told.answers[3].lower() == why
    assert told.headline == f"Use {told.summary.winner}: the best mean on fresh seeds."
    assert told.answers[2].startswith("Yes. ")
    kinds = [kind for kind, *_ in told.top]
    assert kinds == ["confirm"] * 6 + ["trial"] * 3
    assert [winner for *_, winner in told.top][:2] == [True, True]
    found = _recorded(told.folder, uri)
    assert found.counts == {"trials/completed": 3}
    scores = [value for value in found.column("objective") if value is not None]
    assert scores == sorted(scores)
    assert len(scores) == 3
    assert found.column("objective")[0] == found.parent.data.metrics["best"]
    confirmed = [value for value in found.column("confirmed") if value is not None]
    assert len(confirmed) == 2
    assert found.parent.data.metrics["confirmed"] <= min(confirmed)
    assert found.columns[:3] == ["metrics.`objective`", "metrics.`confirmed`", "tags.`tuner.state`"]
    told_columns = {name for run in found.rows for name in run.data.params}
    assert {name.removeprefix("params.`")[:-1] for name in found.columns if "params" in name} <= told_columns


def test_twelve_trials_have_one_importance(tmp_path: Path) -> None:
    """Terminal, artifact and page tell the same shares of the same trials."""
    told = _generated(tmp_path, 12, "learns")
    mattered = str(told.summary.verdict["mattered"])
    assert "what mattered (share in reaching the best tenth, 90 % interval): learning_rate " in mattered
    assert mattered.endswith("of 12 of 12 trials, each by its best score up to epoch 3.")
    assert mattered in told.text
    assert told.answers[3].lower() == mattered.lower()
    study = read_study(told.folder)
    assert study.importances.sentence == mattered
    written = json.loads((told.folder.artifacts / "what_mattered.json").read_text())
    assert written["importance"] == study.importances.shares
    assert set(written["intervals"]) == set(study.importances.shares)


def test_one_trial(tmp_path: Path, uri: str) -> None:
    """It is confirmed beside the baseline."""
    told = _generated(tmp_path, 1, "learns")
    assert sorted({(kind, number) for kind, number, *_ in told.top}) == [("confirm", -1), ("confirm", 0), ("trial", 0)]
    assert told.summary.winner in told.headline
    assert "1 trial (1 completed)" in told.text
    assert "1 trial (1 completed)" in told.page
    found = _recorded(told.folder, uri)
    assert found.told == [("trial 0", "FINISHED")]
    assert (found.counts, found.column("objective")) == ({"trials/completed": 1}, [found.parent.data.metrics["best"]])
    assert None not in found.column("confirmed")


def test_all_failed(tmp_path: Path, uri: str) -> None:
    """There is nothing to use, and why."""
    told = _generated(tmp_path, 2, "fails")
    assert "nothing to use: no trial completed (2 failed); most often: KeyError: 'wav'" in told.text
    assert told.headline.endswith("No trial has completed: there is nothing to use.")
    assert told.answers[0] == "None: no trial completed."
    assert "KeyError: 'wav'" in told.answers[4]
    assert told.top == [("trial", 0, "FAILED", False), ("trial", 1, "FAILED", False)]
    found = _recorded(told.folder, uri)
    assert sorted(found.told) == [("trial 0 (failed)", "FAILED"), ("trial 1 (failed)", "FAILED")]
    assert found.counts == {"trials/failed": 2}
    assert not {"best", "confirmed", "baseline", "test"} & set(found.parent.data.metrics)
    assert "nothing to use: no trial completed" in found.parent.data.tags["mlflow.note.content"]
    assert all("KeyError: 'wav'" in run.data.tags["mlflow.note.content"] for run in found.rows)


def test_killed_in_mid_sweep(tmp_path: Path, uri: str) -> None:
    """Who leads so far, that it goes on with the same command, and no winner."""
    folder = _generated(tmp_path, 4, "learns").folder
    for kind in ("confirm", "test"):
        shutil.rmtree(folder.root / kind)
    lines = folder.sweep_events.read_text().splitlines(keepends=True)
    folder.sweep_events.write_text("".join(line for line in lines if '"event": "summary"' not in line))
    last = folder.events("trials/00003")
    last.write_text("".join(last.read_text().splitlines(keepends=True)[:-1]))
    now, page = standing(folder), render([read_study(folder)])
    assert unfinished(now) == [
        "study tiny is not finished: its driver was killed; `run` resumes it",
        "3 of 4 trials done (3 completed), 1 begun",
        f"best so far: val/loss {now.best:.4g} (trial {now.best_number})",
    ]
    assert f"Trial {now.best_number} leads so far; the study did not come to its end." in page
    assert "4 trials (3 completed, 1 not over)" in page
    assert "with the same command" in page
    rows = study_rows(folder)
    assert rows[0]["number"] == now.best_number
    assert rows[-1]["state"] == State.LOST
    assert not any(row["winner"] for row in rows)
    found = _recorded(folder, uri)
    assert (found.parent.info.status, found.parent.data.tags["tuner.state"]) == ("SCHEDULED", "LOST")
    assert not {"best", "confirmed"} & set(found.parent.data.metrics)
    assert "tuner.winner" not in found.parent.data.tags
    assert found.told[0] == (f"trial {now.best_number}", "FINISHED")
    assert found.told[-1] == ("trial 3", "SCHEDULED")


def test_eight_workers(tmp_path: Path, uri: str) -> None:
    """All trials are told, whichever worker had them; the page has a lane for each."""
    folder = MadeUp(trials=30, workers=8, ended="stopped", confirmed=0, states=()).write(tmp_path / "eight")
    now, page = standing(folder), render([read_study(folder)])
    assert unfinished(now)[0].endswith("it was stopped (Ctrl+C); `run` resumes it")
    assert (now.states, now.begun) == ({"COMPLETED": 30}, 0)
    assert f"Trial {now.best_number} leads so far" in page
    assert len(set(re.findall(r"<title>(worker-\d)</title>", page))) == 8
    rows = study_rows(folder)
    assert len(rows) == 30
    assert rows[0]["number"] == now.best_number
    found = _recorded(folder, uri)
    assert (found.parent.info.status, found.parent.data.tags["tuner.reason"]) == ("KILLED", "Ctrl+C")
    assert found.counts == {"trials/completed": 30}
    assert found.told[0] == (f"trial {now.best_number}", "FINISHED")
    assert found.column("objective")[0] == found.parent.data.metrics["best"] == now.best


def test_what_is_told_is_what_was_concluded(tmp_path: Path) -> None:
    """Every line of the verdict stands on the terminal, and its commands on the page."""
    told = _generated(tmp_path, 2, "learns")
    verdict = Verdict(**told.summary.verdict)
    assert all(line in told.text for line in verdict.lines)
    assert all(command in told.answers[4] for _, command in verdict.next)


def test_figures_and_page_show_what_was_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the trainings of a configuration that is asked for no more, though they are on disk."""
    told = _generated(tmp_path, 4, "learns")
    compared = {number for kind, number, *_ in told.top if kind == "confirm"}
    left = next(number for number in range(4) if number not in compared)
    run = confirm_run(left, 1)
    shutil.copytree(told.folder.run(confirm_run(-1, 1)), told.folder.run(run))
    path = told.folder.events(run)
    path.write_text(
        path.read_text().replace('"confirm/baseline-1"', f'"{run}"').replace('"number": -1', f'"number": {left}')
    )
    assert {record.number for record in read_study(told.folder).confirmed} == compared
    seen: list[Scored] = []

    def figures(scored: Scored, *_: object) -> dict[str, object]:
        seen.append(scored)
        return {}

    monkeypatch.setattr("tuner.reporting.search_figures.sweep_figures", figures)
    draw(told.folder, [], lambda _: True, lambda _: None, lambda: False)
    assert {record.number for record in seen[0].confirmed} == compared
