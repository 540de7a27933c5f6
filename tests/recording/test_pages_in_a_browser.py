"""What a person sees in MLflow's own pages, at two widths: the address that a sweep ends with, and the saved views."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.support.browser import Browser, browser, missing_programs
from tests.support.reported import MadeUp
from tuner.disk import events
from tuner.objective import Objective
from tuner.recording.projection import Projection
from tuner.recording.ui import runs_pages, ui_command
from tuner.reporting.table import as_csv, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_programs()), reason=f"needs a browser: {missing_programs()} is not installed"),
]
TRIALS, SEED = 10, 31
UNHAPPY = {
    "failed": MadeUp(trials=4, states=("FAILED",) * 999, confirmed=0),
    "killed": MadeUp(trials=6, workers=2, states=(), ended=""),
}
_COLUMNS = """
    [...document.querySelectorAll('.ag-header-cell')]
    .sort((a, b) => a.getBoundingClientRect().x - b.getBoundingClientRect().x)
    .map(cell => cell.innerText.trim()).filter(Boolean)
"""
_CELLS = """
    return [...document.querySelectorAll(`.ag-cell[col-id="${arguments[0]}"]`)]
    .sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y).map(cell => cell.innerText.trim())
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> str:
    """The database of a study with trials in every state, confirmed and ended; of one that failed, and one killed."""
    root = tmp_path_factory.mktemp("shown")
    shutil.copy(migrated, root / "mlflow.db")
    uri = f"sqlite:///{root / 'mlflow.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        folder = MadeUp(trials=TRIALS, epochs=8, seed=SEED).write(root / "mlruns/studies/vowels")
        records = [events.read_run(folder.events(run)) for run in folder.runs() if run != "test"]
        folder.artifacts.mkdir()
        (folder.artifacts / "leaderboard.csv").write_text(as_csv(rows(records, Objective())))
        Projection(folder, uri).project_all()
        for name, made_up in UNHAPPY.items():
            projection = Projection(made_up.write(root / "mlruns/studies" / name), uri)
            projection.project_all()
            projection.close_open()
    return uri


@pytest.fixture(scope="module")
def server(recorded: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of MLflow's pages, served as `ui` serves them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command, environment = ui_command(recorded, port=port)
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with log.open("w") as told:
        served = subprocess.Popen(command, env=environment, stdout=told, stderr=told, start_new_session=True)
    try:
        at = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 120
        while not _answers(f"{at}/health"):
            assert time.monotonic() < until, log.read_text()
            assert served.poll() is None, log.read_text()
            time.sleep(0.2)
        yield at
    finally:
        os.killpg(served.pid, signal.SIGTERM)
        served.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def window(server: str) -> Iterator[Browser]:
    """One browser for all, of someone who has closed MLflow's assistant."""
    with browser() as opened:
        opened.open(f"{server}/health", 1600)
        opened.run("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
        yield opened


@pytest.mark.parametrize("width", [1600, 900])
def test_the_address_opens_the_leaderboard(
    window: Browser, server: str, recorded: str, width: int, tmp_path: Path
) -> None:
    """Every trial without a click, best first, with its state and scores beside its name, parameters behind."""
    address = runs_pages(recorded, ["vowels"], server)["vowels"]
    window.open("about:blank", width)
    window.open(address, width)
    window.wait(f"document.querySelectorAll('.ag-center-cols-container .ag-row').length == {TRIALS}")
    window.wait(f"{_COLUMNS.strip()}[2] == 'objective'")
    window.picture(tmp_path / "leaderboard.png")
    names = ["Run Name", "Created", "objective", "confirmed", "tuner.state", "cell", "learning_rate"]
    assert window.run(f"return {_COLUMNS.strip()}")[: len(names)] == names
    scores = window.run(_CELLS, "metrics.`objective`")
    reached = [float(score.rstrip("…")) for score in scores if score != "-"]
    assert reached == sorted(reached)
    assert len(reached) > TRIALS / 2
    confirmed = window.run(_CELLS, "metrics.`confirmed`")
    states = window.run(_CELLS, "tags.`tuner.state`")
    assert [state for state, score in zip(states, confirmed, strict=True) if score != "-"] == ["COMPLETED"] * 2
    named = window.run(_CELLS, "attributes.`Run Name`")
    assert {"COMPLETED", "PRUNED", "HOPELESS"} <= set(states)
    for name, state in zip(named, states, strict=True):
        assert name.endswith(f"({state.lower()})") == (state != "COMPLETED")
    right = "document.querySelector('[col-id=\"tags.`tuner.state`\"]').getBoundingClientRect().right"
    assert window.run(f"return {right}") < width


@pytest.mark.parametrize("width", [1600, 900])
def test_the_charts_begin_with_curves_parallel_coordinates_and_the_learning_rate(
    window: Browser, server: str, recorded: str, width: int, tmp_path: Path
) -> None:
    """All three are drawn, in the first section."""
    address = runs_pages(recorded, ["vowels"], server)["vowels"].replace("Key=leaderboard", "Key=charts")
    window.open("about:blank", width)
    window.open(f"{address}&compareRunsMode=CHART", width, 2400)
    window.wait("document.querySelectorAll('.js-plotly-plot .trace.scatter path, .parcoords path').length > 20")
    window.picture(tmp_path / "charts.png")
    text = window.run("return document.body.innerText")
    shown = text[text.index("\nSearch\n") :]
    titles = ("val/loss", "Parallel Coordinates", "learning_rate vs. objective", "\ntrain\n", "\nModel metrics\n")
    places = [shown.index(title) for title in titles]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [1600, 900])
def test_the_parent_run_tells_what_came_of_the_study(
    window: Browser, server: str, recorded: str, width: int, tmp_path: Path
) -> None:
    """Its scores, counts, data, who and from where; the leaderboard is a table among its artifacts."""
    (experiment,) = (each for each in MlflowClient(recorded).search_experiments() if each.name == "vowels")
    (run,) = MlflowClient(recorded).search_runs([experiment.experiment_id], "tags.`tuner.kind` = 'sweep'")
    at = f"{server}/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}"
    window.open("about:blank", width)
    window.open(f"{at}?workflowType=machine_learning", width, 2000)
    window.wait("document.body.innerText.includes('trials/pruned')")
    window.picture(tmp_path / "parent.png")
    text = window.run("return document.body.innerText")
    for word in ("best", "confirmed", "baseline", "trivial", "hours", "JapaneseVowels", "ada", "task.yaml", "1234567"):
        assert word in text, word
    window.open(f"{at}/artifacts/leaderboard.csv?workflowType=machine_learning", width)
    window.wait("document.body.innerText.includes('learning_rate') && document.body.innerText.includes('trial 9')")
    window.picture(tmp_path / "table.png")
    assert window.run("return document.querySelectorAll('table tr, [role=row]').length") > TRIALS


@pytest.mark.parametrize(
    ("study", "told"),
    [("failed", {"FAILED": 4}), ("killed", {"COMPLETED": 4, "LOST": 2})],
)
def test_a_study_without_a_result_is_seen_to_have_none(
    window: Browser, server: str, recorded: str, study: str, told: dict[str, int], tmp_path: Path
) -> None:
    """Every trial has its state; one without a score stands behind those with one."""
    window.open("about:blank", 1600)
    window.open(runs_pages(recorded, [study], server)[study], 1600)
    window.wait(f"document.querySelectorAll('.ag-center-cols-container .ag-row').length == {sum(told.values())}")
    window.wait(f"{_COLUMNS.strip()}.includes('tuner.state')")
    window.picture(tmp_path / f"{study}.png")
    states = window.run(_CELLS, "tags.`tuner.state`")
    scores = window.run(_CELLS, "metrics.`objective`")
    assert Counter(states) == told
    if study == "killed":  # where no trial has a score, there is no such column
        assert [score == "-" for score in scores] == sorted(state != "COMPLETED" for state in states)
    for name, state in zip(window.run(_CELLS, "attributes.`Run Name`"), states, strict=True):
        assert name.endswith("(failed)") == (state == "FAILED")


def test_quantities_of_tensors_are_a_table(window: Browser, server: str, recorded: str, tmp_path: Path) -> None:
    """The preview of a run's artifact, without a download."""
    (experiment,) = (each for each in MlflowClient(recorded).search_experiments() if each.name == "vowels")
    run = MlflowClient(recorded).search_runs(
        [experiment.experiment_id], "tags.`tuner.kind` = 'trial' AND tags.`tuner.state` = 'COMPLETED'"
    )[0]
    at = f"{server}/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}/artifacts/tensors.csv"
    window.open("about:blank", 1600)
    window.open(f"{at}?workflowType=machine_learning", 1600)
    window.wait("document.body.innerText.includes('gate_mean')")
    window.picture(tmp_path / "tensors.png")
    assert window.run("return document.querySelectorAll('table tr, [role=row]').length") > TRIALS
    heads = window.run(
        "return [...document.querySelectorAll('th, [role=columnheader]')].map(one => one.innerText.trim())"
    )
    assert [head for head in heads if head] == ["epoch", "quantity", "name", "lag", "value"]
