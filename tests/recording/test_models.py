"""A study's models in MLflow: once, with their scores and data, the winner's in the registry where that is asked."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import LoggedModel
from mlflow.tracking import MlflowClient

from tests.support.command import tuner
from tests.support.fake_study import START, begin, confirmed, create, end, write
from tests.support.models import made_model
from tests.support.recorded import rows, runs_of
from tuner.disk import events
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.recording.moved import mend_artifact_places
from tuner.recording.projection import Projection
from tuner.recording.serving import ScoringServer

DATA = {
    "data": {"source": "/data/texts.csv", "digest": "0123456789abcdef"},
    "counts": {"train": 40, "val": 10, "test": 10},
}

CALLS = (
    *("create_logged_model", "log_model_artifacts", "finalize_logged_model", "log_outputs", "log_metric"),
    *("create_registered_model", "create_model_version", "set_registered_model_alias", "set_registered_model_tag"),
)
"""By which a model is written."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that classifies texts."""
    return made_model(tmp_path_factory.mktemp("texts"))


@pytest.fixture
def study(tmp_path: Path, model: Path) -> StudyFolder:
    """A finished study whose winner is kept; trial 3, confirmed with two seeds."""
    folder = begin(tmp_path / "mlruns" / "studies" / "fake.texts")
    sweep(folder)
    runs = [confirmed(folder, 3, repeat) for repeat in (1, 2)]
    path = create(folder, "test", 3, kind="test")
    end(path, "COMPLETED", results={"test": {run: {"accuracy": 0.9, "loss": 0.3} for run in runs}})
    shutil.copytree(model, folder.model)
    summary(folder, runs[1])
    return folder


def sweep(folder: StudyFolder, **changes: object) -> None:
    """Another run of the driver."""
    first = events.read(folder.sweep_events)[0]
    events.append_many(folder.sweep_events, [{**first, **DATA, "time": START + 1, **changes}])


def summary(folder: StudyFolder, run: str, **more: object) -> None:
    """Its end."""
    write(folder.sweep_events, "summary", START + 2000, winner="trial 3", sentences=[], model_run=run, **more)


def models(study: StudyFolder, uri: str) -> list[LoggedModel]:
    """All that are logged."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(study.name)
    assert experiment is not None
    return list(client.search_logged_models([experiment.experiment_id]))


def outputs(study: StudyFolder, uri: str, run: str = "confirm/00003-2") -> list[str]:
    """Models of a run."""
    found = runs_of(study, uri)[run].outputs
    assert found is not None
    return [output.model_id for output in found.model_outputs]


def test_the_winner_is_a_model_of_its_confirmation(study: StudyFolder, uri: str) -> None:
    """Ready, with its parameters, and scores that know their data; the run has the model, and the splits it saw."""
    Projection(study, uri).project_all()
    (logged,) = models(study, uri)
    runs = runs_of(study, uri)
    run = runs["confirm/00003-2"]
    assert logged.name == "fake-texts-trial-3"
    assert str(logged.status) == "READY"
    assert logged.source_run_id == run.info.run_id
    assert logged.params == {"cell": "gru", "learning_rate": "0.001", "layers": "2"}
    found = {metric.key: (metric.value, metric.dataset_name, metric.dataset_digest) for metric in logged.metrics or ()}
    assert found == {
        "test/accuracy": (0.9, "texts.csv test", "0123456789abcdef"),
        "test/loss": (0.3, "texts.csv test", "0123456789abcdef"),
    }
    assert outputs(study, uri) == outputs(study, uri, "sweep") == [logged.model_id]
    for name in ("confirm/00003-1", "confirm/00003-2"):
        inputs = runs[name].inputs
        assert inputs is not None
        seen = {
            (given.dataset.name, given.dataset.digest, given.dataset.profile, given.tags[0].value)
            for given in inputs.dataset_inputs
        }
        assert seen == {
            ("texts.csv train", "0123456789abcdef", '{"num_items": 40}', "training"),
            ("texts.csv val", "0123456789abcdef", '{"num_items": 10}', "validation"),
            ("texts.csv test", "0123456789abcdef", '{"num_items": 10}', "testing"),
        }
    assert not MlflowClient(uri).search_registered_models()


def test_each_confirmed_configuration_is_a_model_of_its_confirmation(study: StudyFolder, uri: str) -> None:
    """With scores of its own; the registry has the winner's alone; one whose folder was taken away is not missed."""
    others = [confirmed(study, -1, 2), confirmed(study, 5, 1), confirmed(study, 6, 1)]
    for run, last in zip(others[:2], (b"\0\0\0\0", b"\1\0\0\0"), strict=True):
        shutil.copytree(study.model, study.model_of(run))
        weights = study.model_of(run) / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4] + last)
    path = study.events("test")
    found = events.read(path)
    found[-1]["results"]["test"]["confirm/00005-1"] = {"accuracy": 0.8}
    path.unlink()
    events.append_many(path, found)
    summary(study, "confirm/00003-2", other_runs=others)
    Projection(study, uri, register=True).project_all()
    before = rows(uri)
    Projection(study, uri, register=True).project_all()
    assert rows(uri) == before
    runs = runs_of(study, uri)
    sources = {logged.name: logged.source_run_id for logged in models(study, uri)}
    assert sources == {
        "fake-texts-trial-3": runs["confirm/00003-2"].info.run_id,
        "fake-texts-baseline": runs["confirm/baseline-2"].info.run_id,
        "fake-texts-trial-5": runs["confirm/00005-1"].info.run_id,
    }
    scores = {logged.name: [metric.value for metric in logged.metrics or ()] for logged in models(study, uri)}
    assert scores == {"fake-texts-trial-3": [0.9, 0.3], "fake-texts-baseline": [], "fake-texts-trial-5": [0.8]}
    (winner,) = [logged.model_id for logged in models(study, uri) if logged.name == "fake-texts-trial-3"]
    assert outputs(study, uri, "sweep") == [winner]
    (version,) = MlflowClient(uri).search_model_versions("name = 'fake.texts'")
    assert version.run_id == runs["confirm/00003-2"].info.run_id


def test_the_score_that_chose_it_is_linked(study: StudyFolder, uri: str) -> None:
    """At the epoch at which it was reached, as the run's own curve has it."""
    path = study.events("confirm/00003-2")
    found = events.read(path)
    found[-1]["value"] = 0.25  # that of the fourth epoch, see `fake_study.train`
    path.unlink()
    events.append_many(path, found)
    Projection(study, uri).project_all()
    (logged,) = models(study, uri)
    (score,) = [metric for metric in logged.metrics or () if metric.key == "val/accuracy"]
    assert (score.value, score.step, score.dataset_name) == (0.25, 4, "texts.csv val")
    curve = MlflowClient(uri).get_metric_history(str(logged.source_run_id), "val/accuracy")
    assert [point.step for point in curve] == [1, 2, 3, 4, 5]


def test_again_changes_nothing_and_another_winner_is_another_model(study: StudyFolder, uri: str) -> None:
    """Whoever writes it again; after a longer search the new winner comes beside the one before."""
    projection = Projection(study, uri, register=True)
    projection.project_all()
    before = rows(uri)
    projection.project_all()
    Projection(study, uri, register=True).project_all()
    assert rows(uri) == before
    (first,) = models(study, uri)
    client = MlflowClient(uri)
    assert outputs(study, uri) == [first.model_id]
    assert len(client.search_model_versions("name = 'fake.texts'")) == 1
    weights = study.model / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    sweep(study, time=START + 3000)
    summary(study, "confirm/00003-1")
    Projection(study, uri, register=True).project_all()
    assert {logged.model_id for logged in models(study, uri)} > {first.model_id}
    assert str(client.get_model_version_by_alias("fake.texts", "champion").version) == "2"


def test_the_champion_is_loaded_and_a_choice_of_the_users_stays(
    study: StudyFolder, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the task file's word, by every command; whoever gives the alias to another version later keeps that."""
    sweep(study, registers=True, time=START + 1500)
    summary(study, "confirm/00003-2")
    Projection(study, uri).project_all()
    client = MlflowClient(uri)
    champion = client.get_model_version_by_alias("fake.texts", "champion")
    assert champion.run_id == runs_of(study, uri)["confirm/00003-2"].info.run_id
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    loaded = mlflow.pyfunc.load_model("models:/fake.texts@champion")
    assert loaded.metadata.signature.inputs.input_names() == ["text"]
    assert loaded.metadata.run_id == champion.run_id
    (tmp_path / "a.txt").write_text("rain\nsun\n")
    done = tuner("predict", "models:/fake.texts@champion", str(tmp_path / "a.txt"))
    assert done.stdout == tuner("predict", str(study.model), str(tmp_path / "a.txt")).stdout
    tuner("export", "models:/fake.texts@champion", "-o", str(tmp_path / "out"))
    assert (tmp_path / "out/network.json").read_bytes() == (study.model / "network.json").read_bytes()
    served: list[bytes] = []
    monkeypatch.setattr(
        ScoringServer, "__init__", lambda _, model, *__: served.append((model / "network.json").read_bytes())
    )
    monkeypatch.setattr(ScoringServer, "run", lambda *_: None)
    tuner("serve", "models:/fake.texts@champion", "--port", "0")
    assert served == [(study.model / "network.json").read_bytes()]
    told = tuner("predict", "models:/fake.texts@champion", str(tmp_path / "a.txt"), "--ensemble", status=2)
    assert "MLflow has its winner alone" in told.output
    other = client.create_model_version("fake.texts", str(champion.source), champion.run_id)
    client.set_registered_model_alias("fake.texts", "champion", other.version)
    Projection(study, uri).project_all()
    assert client.get_model_version_by_alias("fake.texts", "champion").version == other.version


def test_a_winner_that_comes_back_is_the_champion_again(study: StudyFolder, uri: str) -> None:
    """Winners A, B, A: by A's own version, and no third one."""
    client, weights = MlflowClient(uri), study.model / "weights.safetensors"
    first = weights.read_bytes()
    for at, (content, version) in enumerate([(first, "1"), (first[:-4] + b"\0\0\0\0", "2"), (first, "1")]):
        weights.write_bytes(content)
        sweep(study, time=START + 3000 + at)
        summary(study, "confirm/00003-1")
        for _ in range(2):
            Projection(study, uri, register=True).project_all()
            assert str(client.get_model_version_by_alias("fake.texts", "champion").version) == version
    assert len(client.search_model_versions("name = 'fake.texts'")) == 2


def test_a_crash_at_any_call_is_mended(
    study: StudyFolder, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever call fails, after its work, the next try leaves one ready model, one version, one champion."""
    for call in CALLS:
        shutil.copy(migrated, tmp_path / f"{call}.db")
        uri = f"sqlite:///{tmp_path / call}.db"
        whole = getattr(MlflowClient, call)

        def failing(*args: object, _whole: object = whole, **kwargs: object) -> None:
            _whole(*args, **kwargs)  # type: ignore[operator]
            raise ConnectionError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, call, failing)
            with pytest.raises(ConnectionError):
                Projection(study, uri, register=True).project_all()
        Projection(study, uri, register=True).project_all()
        (logged,) = models(study, uri)
        assert str(logged.status) == "READY", call
        assert outputs(study, uri) == [logged.model_id], call
        client = MlflowClient(uri)
        assert len(client.search_model_versions("name = 'fake.texts'")) == 1, call
        assert str(client.get_model_version_by_alias("fake.texts", "champion").version) == "1", call


def test_a_damaged_model_is_told_after_the_runs_are_written(study: StudyFolder, uri: str) -> None:
    """Its folder's fault is no fault of the runs; one that was taken away is not missed."""
    (study.model / "signature.json").write_text("{")
    with pytest.raises(StudyError, match="the model's signature must be unchanged"):
        Projection(study, uri).project_all()
    assert runs_of(study, uri)["sweep"].info.status == "FINISHED"
    shutil.rmtree(study.model)
    Projection(study, uri).project_all()
    assert set(runs_of(study, uri)) == {"sweep", "confirm/00003-1", "confirm/00003-2", "test"}


def test_a_moved_folder_finds_its_models(study: StudyFolder, uri: str, tmp_path: Path) -> None:
    """What MLflow keeps of places is changed for models, and their versions in the registry, as for runs."""
    Projection(study, uri, register=True).project_all()
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    there = tmp_path.parent / f"{tmp_path.name}-moved"
    shutil.copytree(tmp_path, there)
    shutil.rmtree(tmp_path / "mlruns")
    assert mend_artifact_places(study.name, f"sqlite:///{there / 'mlflow.db'}")
    with sqlite3.connect(there / "mlflow.db") as database:
        (model,) = database.execute("SELECT artifact_location FROM logged_models").fetchone()
        (version,) = database.execute("SELECT storage_location FROM model_versions").fetchone()
    database.close()
    assert model == version
    assert Path(model).is_relative_to(there)
    assert (Path(model) / "MLmodel").is_file()
