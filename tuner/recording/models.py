"""A study's models in MLflow: LoggedModels of confirmed runs, with their scores; the winner in the registry."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.tracking import MlflowClient

from tuner.disk import regular
from tuner.disk.events import RunRecord
from tuner.recording.model_form import save
from tuner.recording.points import Point, SweepFacts, metric_key, milliseconds, short, test_points
from tuner.recording.store import RunStore, StoredRun
from tuner.words import called

ALIAS = "champion"
"""The registry's alias of a study's winner: `models:/STUDY@champion`."""
_LAST = f"tuner.{ALIAS}"


class LoggedModels:
    """Writes the models of a study's folder into MLflow, each only once.

    A model is found again by its content: one with other weights is a new model, and the old one stays.

    Args:
        study: The study's name.
        runs: Its runs in MLflow.
        uri: MLflow's tracking URI.
    """

    def __init__(self, study: str, runs: RunStore, uri: str) -> None:
        self._study, self._runs, self._uri = study, runs, uri
        self._written: set[tuple[str, str, bool]] = set()

    def write(
        self,
        folder: Path,
        record: RunRecord,
        test: RunRecord,
        sweep: SweepFacts,
        *,
        parent: str = "",
        register: bool = False,
    ) -> None:
        """Write a model.

        Args:
            folder: The model's folder.
            record: The run of the weights, which is in MLflow.
            test: The test run.
            sweep: The facts shared by the study's runs.
            parent: The run whose model it is, too, as the winner's is the sweep's; "" for none.
            register: Whether to register it.

        Raises:
            StudyError: The model's folder is damaged.
        """
        digest = _digest(folder)
        if (digest, parent, register) in self._written:
            return
        model = self._logged(folder, record, sweep, digest)
        self._score(model, record, test, sweep)
        if parent:
            self._link(model, parent, 0)
        if register:
            self._register(model)
        self._written.add((digest, parent, register))

    @property
    def _client(self) -> MlflowClient:
        return self._runs.client

    def _logged(self, folder: Path, record: RunRecord, sweep: SweepFacts, digest: str) -> LoggedModel:
        """The model in MLflow, created and completed if necessary."""
        stored = self._runs[record.run]
        model = self._find(sweep, digest) or self._make(record, stored, sweep, digest)
        if model.status != LoggedModelStatus.READY:
            with tempfile.TemporaryDirectory(prefix="tuner-model-") as made:
                save(folder, Path(made) / "model", Model(run_id=stored.id, model_id=model.model_id))
                self._client.log_model_artifacts(model.model_id, f"{made}/model")
            model = self._client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        self._link(model, record.run, max(record.epochs, default=0))
        return model

    def _link(self, model: LoggedModel, run: str, step: int) -> None:
        """Make it one of a run's models, where it is none."""
        stored = self._runs[run]
        outputs = self._client.get_run(stored.id).outputs
        if model.model_id not in {output.model_id for output in (outputs.model_outputs if outputs else ())}:
            self._client.log_outputs(stored.id, [LoggedModelOutput(model.model_id, step)])

    def _register(self, model: LoggedModel) -> None:
        """Register it under the study's name as champion, unless the user has chosen another champion since.

        A tag of the registered model keeps the version that was made champion last.
        """
        name, last = self._study, None
        try:
            last = self._client.get_registered_model(name).tags.get(_LAST)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            self._client.create_registered_model(name)
        source = f"models:/{model.model_id}"
        found = [each for each in self._client.search_model_versions(f"name = '{name}'") if each.source == source]
        if found:
            version = min(found, key=lambda each: int(each.version))
        else:
            with _default(self._uri):
                version = self._client.create_model_version(name, source, model.source_run_id, model_id=model.model_id)
        if str(version.version) != last:
            self._client.set_registered_model_alias(name, ALIAS, version.version)
            self._client.set_registered_model_tag(name, _LAST, version.version)

    def _find(self, sweep: SweepFacts, digest: str) -> LoggedModel | None:
        wanted = f"tags.`tuner.id` = '{sweep.identity}' AND tags.`tuner.digest` = '{digest}'"
        found = self._client.search_logged_models([self._runs.experiment], wanted)
        return next(iter(found), None)

    def _make(self, record: RunRecord, stored: StoredRun, sweep: SweepFacts, digest: str) -> LoggedModel:
        tags = {
            "tuner.study": self._study,
            "tuner.id": sweep.identity,
            "tuner.run": record.run,
            "tuner.digest": digest,
        }
        params = {metric_key(name): short(value) for name, value in record.params.items()}
        name = re.sub("[. ]", "-", f"{self._study}-{called(record.number)}")  # MLflow allows no dot in it
        return self._client.create_logged_model(self._runs.experiment, name, stored.id, tags, params, "tuner")

    def _score(self, model: LoggedModel, record: RunRecord, test: RunRecord, sweep: SweepFacts) -> None:
        """Link the run's scores to model and data; identical ones are kept once."""
        scores: Mapping[str, float] = test.results.get("test", {}).get(record.run, {})
        for split, points in (
            ("val", _chosen(record, sweep.metric)),
            ("test", test_points(scores, milliseconds(test.ended or 0.0))),
        ):
            name = sweep.data.name(split) if sweep.data.digest else None
            for point in points:
                self._client.log_metric(
                    self._runs[record.run].id,
                    point.key,
                    point.value,
                    point.time_ms,
                    point.step,
                    dataset_name=name,
                    dataset_digest=sweep.data.digest or None,
                    model_id=model.model_id,
                )


def _chosen(record: RunRecord, metric: str) -> list[Point]:
    """The best score, with its epoch; the run's own value if no epoch has it."""
    for epoch, event in sorted(record.epochs.items()):
        if record.value is not None and event["metrics"].get(metric) == record.value:
            return [Point(metric_key(metric), record.value, milliseconds(event["time"]), epoch)]
    return []


def _digest(model: Path) -> str:
    """A digest of everything that determines a model's answers."""
    parts = [model / "network.json", model / "weights.safetensors", *(model / "preprocess").rglob("*")]
    found = hashlib.sha256()
    for path in sorted(path for path in parts if not path.is_dir()):
        content = regular.read_bytes(path)
        found.update(f"{path.relative_to(model).as_posix()} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()[:32]


@contextmanager
def _default(uri: str) -> Iterator[None]:
    """Within this context MLflow's default URI is this one, as its registry ignores the client's URI."""
    name = "MLFLOW_TRACKING_URI"
    before = os.environ.get(name)
    os.environ[name] = uri
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
