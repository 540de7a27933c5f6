"""Saved views: what is written, when, and over what."""

from __future__ import annotations

import base64
import json
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from tests.support.fake_study import begin
from tuner.recording.projection import Projection
from tuner.recording.views import PREFIX, readable, saved_views

SWEEP: dict[str, Any] = {
    "metric": "val/loss",
    "direction": "minimize",
    "space": {
        "searched": {"layers": "numeric", "forget_bias": "numeric", "learning_rate": "numeric", "cell": "categorical"},
        "definition": [
            {"name": "layers", "when": [], "owner": ""},
            {"name": "forget_bias", "when": [{"parent": "cell", "values": ["lstm"]}], "owner": ""},
            {"name": "learning_rate", "when": [{"parent": "optimizer", "values": ["adam"]}], "owner": ""},
            {"name": "learning_rate", "when": [{"parent": "optimizer", "values": ["sgd"]}], "owner": ""},
            {"name": "cell", "when": [], "owner": ""},
        ],
    },
}


def state(value: str) -> dict[str, Any]:
    """What the pages make of a view's tag."""
    packed = json.loads(value)["state"].removeprefix("deflate;")
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


def test_the_leaderboard_is_sorted_with_the_best_first() -> None:
    """By objective, whichever way is better; score, confirmed score and state stand before the parameters."""
    value = saved_views(SWEEP, "17")[f"{PREFIX}leaderboard"]
    assert json.loads(value)["name"] == "Leaderboard"
    view = state(value)
    assert view["searchFilter"] == "tags.`tuner.kind` = 'trial' AND tags.`tuner.id` = '17'"
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`objective`", True)
    assert state(saved_views({**SWEEP, "direction": "maximize"}, "17")[f"{PREFIX}leaderboard"])["orderByAsc"] is False
    assert view["selectedColumns"][:5] == [
        "metrics.`objective`",
        "metrics.`confirmed`",
        "tags.`tuner.state`",
        "params.`cell`",
        "params.`learning_rate`",
    ]


def test_the_charts_begin_with_what_was_searched_for() -> None:
    """Of parameters that a trial may lack MLflow would leave out the trial; a rate of each optimizer is no such."""
    view = state(saved_views(SWEEP, "17")[f"{PREFIX}charts"])
    curves, parallel, scatter = (card for card in view["compareRunCharts"] if not card["deleted"])
    assert (curves["type"], curves["metricKey"], curves["scaleType"]) == ("LINE", "val/loss", "log")
    assert parallel["selectedParams"] == ["cell", "learning_rate", "layers"]
    assert (scatter["xaxis"]["key"], scatter["yaxis"]["key"]) == ("learning_rate", "objective")
    assert {card["metricSectionId"] for card in view["compareRunCharts"]} == {view["compareRunSections"][0]["uuid"]}


def test_a_view_fits_into_a_tag() -> None:
    """MLflow takes 5000 characters; a study of an earlier version, which told no definitions, has views too."""
    many = {**SWEEP, "space": {"searched": {f"parameter_with_a_long_name_{n}": "numeric" for n in range(300)}}}
    for sweep in (SWEEP, many, {"metric": "val/accuracy"}):
        assert all(len(value) < 5000 for value in saved_views(sweep, "17").values())


def test_a_view_that_a_user_saved_stays(uri: str, tmp_path: Path) -> None:
    """Ours are written anew, with what is searched today; the pages drop our mark when a user saves one."""
    folder = begin(tmp_path / "mlruns/studies/fake")
    Projection(folder, uri).project_all()
    client = MlflowClient(uri)
    (experiment,) = (each for each in client.search_experiments() if each.name == "fake")
    leaderboard, charts = f"{PREFIX}leaderboard", f"{PREFIX}charts"
    first = experiment.tags
    theirs = json.dumps({key: value for key, value in json.loads(first[charts]).items() if key != "tuner"})
    client.set_experiment_tag(experiment.experiment_id, charts, theirs)
    client.set_experiment_tag(experiment.experiment_id, leaderboard, json.dumps({"tuner": 1, "name": "old"}))
    Projection(folder, uri).project_all()
    assert client.get_experiment(experiment.experiment_id).tags == {**first, charts: theirs}


def test_a_version_that_was_never_seen_gets_no_views(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed one was: a test with a browser looks at its pages."""
    assert readable(version("mlflow"))
    monkeypatch.setattr("tuner.recording.store.version", lambda _name: "3.99.0")
    Projection(begin(tmp_path / "mlruns/studies/fake"), uri).project_all()
    (experiment,) = (each for each in MlflowClient(uri).search_experiments() if each.name == "fake")
    assert not any(key.startswith(PREFIX) for key in experiment.tags)
