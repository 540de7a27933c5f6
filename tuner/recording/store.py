"""A study's runs in MLflow: found by their tags, created if missing, completed with what they lack."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.messages import State
from tuner.recording.points import STATUS, Data, Point, milliseconds
from tuner.recording.sqlite_file import sqlite_prepared
from tuner.recording.uri import SERVERS
from tuner.recording.views import ours, readable

CONTEXTS = {"train": "training", "val": "validation", "test": "testing"}
"""Split -> MLflow's name of its use."""
_NAME = "mlflow.runName"
_NOTE = "mlflow.note.content"
_NOTED = "mlflow.tuner.note"
"""Tag with a digest of the description written here, to recognize a user's own; the pages hide such tags."""
_MLFLOW = "python -m mlflow"
_METRICS_PER_CALL = 800  # with parameters and tags within MLflow's 1000 entities per request


@dataclass
class StoredRun:
    """A run in MLflow."""

    id: str
    status: str = "RUNNING"
    end_ms: int | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """Number of lines of the event file that are certainly in MLflow; `tuner.events` is written after them."""
        return int(self.tags.get("tuner.events", 0))


class RunStore(Mapping[str, StoredRun]):
    """The runs of one study in its MLflow experiment, by their names in the study's folder.

    Args:
        folder: The study.
        uri: MLflow's tracking URI; made if it is a SQLite file that does not exist.
        identity: Tells this study from an earlier one of the same name.

    Raises:
        StudyError: The experiment was deleted in MLflow.
    """

    def __init__(self, folder: StudyFolder, uri: str, identity: str) -> None:
        self._study, self._uri, self._identity = folder.name, uri, identity
        with sqlite_prepared(uri):
            self.client = MlflowClient(uri)
            self.experiment = self._find_experiment()
        self._files: dict[tuple[str, Path], tuple[int, int]] = {}
        self._views: dict[str, str] = {}
        self._memory: dict[str, StoredRun] | None = None

    def __getitem__(self, run: str) -> StoredRun:
        return self._runs[run]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def forget(self) -> None:
        """Forget the cached runs; they are read again when needed."""
        self._memory = None

    def make(self, run: str, name: str, start: float, tags: Mapping[str, str]) -> StoredRun:
        """The run, created if missing.

        Args:
            run: Its name in the study's folder.
            name: Its name for people.
            start: Unix seconds.
            tags: Its initial tags, without `tuner.events`.
        """
        if (stored := self._runs.get(run)) is None:
            first = {
                "tuner.study": self._study,
                "tuner.id": self._identity,
                "tuner.run": run,
                **{key: value for key, value in tags.items() if key != "tuner.events"},
                _NOTED: _digest(tags.get(_NOTE, "")),
            }
            made = self.client.create_run(self.experiment, start_time=milliseconds(start), tags=first, run_name=name)
            stored = self._runs[run] = StoredRun(made.info.run_id, tags={**first, _NAME: name})
        return stored

    def rename(self, stored: StoredRun, name: str) -> None:
        """Add the final state to a run's name: "trial 3" becomes "trial 3 (pruned)". A user's own name is kept."""
        if name.startswith(f"{stored.tags.get(_NAME)} ("):
            self.client.update_run(stored.id, name=name)
            stored.tags[_NAME] = name

    def set_status(self, stored: StoredRun, state: State, end: float | None) -> None:
        """Set a run's status by its state, ended at `end` in Unix seconds."""
        status, end_ms = STATUS[state], None if end is None else milliseconds(end)
        if status in ("RUNNING", "SCHEDULED"):
            if stored.status != status:
                self.client.update_run(stored.id, status)
        elif (stored.status, stored.end_ms) != (status, end_ms):
            self.client.set_terminated(stored.id, status, end_ms)
            stored.end_ms = end_ms
        stored.status = status

    def log(
        self,
        stored: StoredRun,
        points: Sequence[Point],
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log what MLflow lacks; the tags are sent with the last metrics, as `tuner.events` confirms them."""
        metrics = [Metric(point.key, point.value, point.time_ms, point.step) for point in points]
        while len(metrics) > _METRICS_PER_CALL:
            self.client.log_batch(stored.id, metrics[:_METRICS_PER_CALL])
            metrics = metrics[_METRICS_PER_CALL:]
        new_params = {} if "tuner.events" in stored.tags else params or {}
        new_tags = {key: value for key, value in (tags or {}).items() if stored.tags.get(key) != value}
        if _NOTE in new_tags and self._noted_here(stored):
            new_tags[_NOTED] = _digest(new_tags[_NOTE])
        elif _NOTE in new_tags:
            del new_tags[_NOTE]
        self.client.log_batch(
            stored.id,
            metrics,
            [Param(key, value) for key, value in new_params.items()],
            [RunTag(key, value) for key, value in new_tags.items()],
        )
        stored.tags.update(new_tags)

    def _noted_here(self, stored: StoredRun) -> bool:
        """Whether a run's current description was written here, not by a user."""
        tags = self.client.get_run(stored.id).data.tags
        note = tags.get(_NOTE, "")
        if _NOTED not in tags:  # by an earlier version, which wrote a run's reason
            return bool(not note or note[:500] == tags.get("tuner.reason"))
        return bool(not note or tags[_NOTED] == _digest(note))

    def log_inputs(self, stored: StoredRun, data: Data) -> None:
        """Log the splits that a run has used, with their digest; each is kept once."""
        if not data.digest:
            return
        inputs = []
        for split, count in data.counts.items():
            source, profile = json.dumps({"uri": data.source}), json.dumps({"num_items": count})
            dataset = Dataset(data.name(split), data.digest, "local", source, profile=profile)
            context = InputTag("mlflow.data.context", CONTEXTS.get(split, split))
            inputs.append(DatasetInput(dataset, [context]))
        self.client.log_inputs(stored.id, inputs)

    def write_views(self, views: Mapping[str, str]) -> None:
        """Write the saved views, except over a user's own, and only for versions of MLflow known to read them."""
        if not views or views == self._views:
            return
        tags = self.client.get_experiment(self.experiment).tags
        if readable(self._pages_version()):
            for key, value in views.items():
                if tags.get(key) != value and ours(tags.get(key)):
                    self.client.set_experiment_tag(self.experiment, key, value)
        self._views = dict(views)

    def write_text(self, stored: StoredRun, text: str, name: str) -> None:
        """Write a text as an artifact, unless it is empty."""
        if text:
            self.client.log_text(stored.id, text, name)

    def write_files(self, run: str, folder: Path) -> None:
        """Write all regular files of a folder as artifacts."""
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                self.write_file(run, path, path.parent.relative_to(folder).as_posix())

    def write_file(self, run: str, path: Path, below: str = ".") -> None:
        """Write one artifact, unless this object has already written this content."""
        stat = path.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        if self._files.get((run, path)) != version:
            self.client.log_artifact(self._runs[run].id, str(path), "" if below == "." else below)
            self._files[run, path] = version

    def _pages_version(self) -> str:
        """Version of the MLflow that shows the runs: that of the server, else the installed one."""
        if not self._uri.startswith(SERVERS):
            return version("mlflow")
        creds = get_default_host_creds(self._uri)  # type: ignore[no-untyped-call]  # MLflow has no types here
        answer = http_request(creds, "/version", "GET")  # type: ignore[no-untyped-call]
        return str(answer.text).strip() if answer.ok else ""

    @property
    def _runs(self) -> dict[str, StoredRun]:
        if self._memory is None:
            self._memory = self._find_runs()
        return self._memory

    def _find_experiment(self) -> str:
        found = self.client.get_experiment_by_name(self._study)
        if found is None:
            return self.client.create_experiment(self._study)
        if found.lifecycle_stage != "active":
            raise StudyError(
                f"MLflow's experiment {self._study!r} must not be deleted",
                fix=f"Use `MLFLOW_TRACKING_URI={shlex.quote(self._uri)} {_MLFLOW} experiments restore "
                f"-x {found.experiment_id}`, or rename the study.",
            )
        return found.experiment_id

    def _find_runs(self) -> dict[str, StoredRun]:
        """This study's runs in MLflow, by their tag `tuner.run`."""
        wanted = f"tags.`tuner.study` = '{self._study}' and tags.`tuner.id` = '{self._identity}'"
        found: dict[str, StoredRun] = {}
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment], wanted, ViewType.ACTIVE_ONLY, max_results=1000, page_token=token
            )
            for run in page:
                tags = dict(run.data.tags)
                found[tags["tuner.run"]] = StoredRun(run.info.run_id, run.info.status, run.info.end_time, tags)
            if not (token := page.token):
                return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
