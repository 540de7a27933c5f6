"""From a sweep to the registry: what `register: true` leaves is loaded by its alias and answers as the model does."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tests.support.adapter_data import texts
from tests.support.command import output, tuner
from tests.support.program import fork_writers
from tests.support.recorded import runs_of
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.predict import load

TASK = """
name: weather
adapter: nlp/classification
data: {path: texts.csv}
search_space: {cell: [gru], hidden_size: 8, learning_rate: [0.01, 0.02]}
budget: {trials: 2, epochs: 2}
confirm: {top: 1, seeds: 2}
report: {figures: 0}
ray: {address: in-process}
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
def test_the_champion_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: Path) -> None:
    """Recorded while the sweep ran; a sync later finds nothing missing; it is registered only where that is asked."""
    monkeypatch.chdir(tmp_path)
    fork_writers(monkeypatch)
    uri = f"sqlite:///{shutil.copy(migrated, tmp_path / 'mlflow.db')}"
    texts(tmp_path)
    (tmp_path / "weather.yaml").write_text(TASK)
    tuner("run", "weather.yaml")
    client = MlflowClient(uri)
    assert not client.search_registered_models()
    runs = runs_of(StudyFolder(tmp_path / "mlruns/studies/weather"), uri)
    experiment = runs["sweep"].info.experiment_id
    kept = {each.name: each for each in client.search_logged_models([experiment])}
    winner = output("show", "weather", "--json")["summary"]["winner"]
    logged = kept[f"weather-{winner.replace(' ', '-')}"]
    assert kept.keys() - {logged.name} <= {"weather-baseline", "weather-trial-0", "weather-trial-1"}
    assert runs[logged.tags["tuner.run"]].info.run_id == logged.source_run_id
    scores = {metric.key: metric.value for metric in logged.metrics or ()}
    assert scores.keys() >= {"val/accuracy", "test/loss", "test/accuracy"}
    run = runs[logged.tags["tuner.run"]].data.metrics
    assert {key: value for key, value in scores.items() if key in ("test/loss", "test/accuracy")}.items() <= run.items()
    assert scores["val/accuracy"] == run["objective"]
    assert "nothing was missing" in tuner("sync", "weather", "--register").output
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    champion = mlflow.pyfunc.load_model("models:/weather@champion")
    asked = pd.DataFrame({"text": ["rain and snow", "sun"]})
    wanted = load(tmp_path / "mlruns/studies/weather/model").predict(asked)
    pd.testing.assert_frame_equal(champion.predict(asked), wanted, check_dtype=False, atol=1e-6)
    pd.testing.assert_frame_equal(load("models:/weather@champion").predict(asked), wanted)
    with pytest.raises(StudyError, match="models:/weather@nobody: MLflow must have the model"):
        load("models:/weather@nobody")
    tuner("run", "weather.yaml", "--register", "--fresh", "--set", "sampler.seed=1")
    assert str(client.get_model_version_by_alias("weather", "champion").version) == "2"
