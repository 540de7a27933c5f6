"""A study folder written into MLflow, any number of times with the same result."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import sqlite3
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from tuner.disk import events, regular
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError
from tuner.messages import State
from tuner.recording.points import (
    STATUS,
    Point,
    Run,
    Sweep,
    milliseconds,
    read_sweep,
    sweep_params,
    test_points,
)

UNUSABLE = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError)
"""What MLflow raises when its database, its server or its folder cannot be used."""

SWEEP = "sweep"
"""The parent run's name among the runs."""
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Makes MLflow's UI open the experiment as model training, not as the default, GenAI."""
_MLFLOW = "python -m mlflow"
_METRICS_PER_CALL = 800  # with parameters and tags below MLflow's 1000 entities in a request


@dataclass
class _Known:
    """A run as MLflow holds it."""

    id: str
    status: str = "RUNNING"
    end_ms: int | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class _Cursor:
    """A run that may still grow: its events so far."""

    run: Run
    lines: int = 0


class Projection:
    """Writes a study's events into one MLflow experiment: a parent run and a child per run.

    Runs are found again by their tags, metrics carry the times of their events (MLflow keeps identical ones
    once) and parameters never change, so that repeats, from any process and after any crash, leave the same
    runs. The tag `tuner.disk.events` says how many lines of the event file are in MLflow for sure; it is written
    after them. A cursor per unfinished run in memory makes live recording cost the new lines alone.

    After an exception of MLflow's the object goes on from what MLflow holds; the caller just repeats the
    call.

    Args:
        folder: The study.
        uri: MLflow's tracking URI; made if it is a SQLite file that does not exist.
        live: Runs with a live worker, and "sweep" with a live driver; only those are RUNNING in MLflow. The
            caller may change it.

    Raises:
        StudyError: The study has no events, or its experiment was deleted in MLflow.
    """

    def __init__(self, folder: StudyFolder, uri: str, live: Container[str] = ()) -> None:
        self._live = live
        self._folder, self._uri = folder, uri
        with _sqlite_prepared(uri):
            self._client = MlflowClient(uri)
            self._experiment = self._find_experiment()
        self._files: dict[tuple[str, Path], tuple[int, int]] = {}
        self._read_sweep()
        self._forget()

    def project(self, run: str) -> int:
        """Write what is new in a run's event file.

        Returns:
            Number of events written.
        """
        try:
            return self._project(run)
        except Exception:
            self._forget()
            raise

    def project_sweep(self) -> None:
        """Write the parent run: its state, constants and artifacts."""
        try:
            self._project_sweep()
        except Exception:
            self._forget()
            raise

    def project_all(self) -> int:
        """Write everything that is not in MLflow yet.

        Returns:
            Number of events written.

        Raises:
            StudyError: An event file is damaged; the other runs are written first.
        """
        self.project_sweep()
        written, damaged = 0, None
        for run in self._folder.runs():
            try:
                written += self.project(run)
            except StudyError as error:
                damaged = damaged or error
        if damaged is not None:
            raise damaged
        return written

    def close_open(self) -> None:
        """Show as SCHEDULED whatever reads RUNNING in MLflow and is not live."""
        running = [run for run, known in self._known.items() if known.status == "RUNNING"]
        for run in running:
            if run in self._live:
                continue
            with suppress(StudyError):  # its event file is damaged; it is closed all the same
                if run == SWEEP:
                    self.project_sweep()
                else:
                    self.project(run)
            if self._known[run].status == "RUNNING":
                self._set_status(self._known[run], State.LOST, None)

    # --- runs

    def _project(self, run: str) -> int:
        cursor = self._cursors.get(run) or _Cursor(Run(self._sweep))
        held = int(self._known[run].tags.get("tuner.disk.events", 0)) if run in self._known else 0
        points, lines = self._read(run, cursor, held)
        if not lines:
            return 0
        record = cursor.run.record
        is_open = record.state is State.LOST and record.attempts > 0 and record.ended is None
        state = State.RUNNING if is_open and run in self._live else record.state
        tags = {"mlflow.parentRunId": self._parent(), **cursor.run.tags(state)}
        known = self._made(run, cursor.run.name(), record.created, tags)
        if known.tags.get("tuner.disk.events") is None or any(known.tags.get(k) != v for k, v in tags.items()):
            tags["tuner.disk.events"] = str(lines)
        if record.ended is not None and lines > held:
            self._write_texts(known, cursor.run)
            self._write_test_scores(cursor.run)
        self._log(known, points, cursor.run.params(), tags)
        self._set_status(known, state, record.ended)
        self._write_files(run, self._folder.run_artifacts(run))
        written = max(0, lines - max(held, cursor.lines))
        cursor.lines = lines
        if state.final:
            self._cursors.pop(run, None)
        else:
            self._cursors[run] = cursor
        return written

    def _read(self, run: str, cursor: _Cursor, held: int) -> tuple[list[Point], int]:
        """Fold new events in.

        Returns:
            The points that MLflow may lack, and the number of lines of the file.
        """
        path = self._folder.events(run)
        points: list[Point] = []
        try:
            new = events.read(path, skip=cursor.lines)
            for number, event in enumerate(new, cursor.lines + 1):
                made = list(cursor.run.add(event))
                points += made if number > held else []
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise StudyError("an event file must be as it was written", value=repr(error), where=str(path)) from error
        if new and cursor.run.record.run != run:
            raise StudyError(f"the event file must be that of {run}", value=cursor.run.record.run, where=str(path))
        return points, cursor.lines + len(new)

    def _write_texts(self, known: _Known, run: Run) -> None:
        if table := run.tensor_table():
            self._client.log_text(known.id, table, "tensors.csv")
        if run.record.trace:
            self._client.log_text(known.id, run.record.trace, "traceback.txt")

    def _write_test_scores(self, run: Run) -> None:
        for target, scores in run.test_scores().items():
            if target not in self._folder.runs():
                continue
            if target not in self._known:
                self._project(target)
            self._log(self._known[target], test_points(scores, milliseconds(run.record.ended or 0.0)))

    # --- the parent

    def _project_sweep(self) -> None:
        lines = self._read_sweep()
        sweeps = [line for line in lines if line["event"] == "sweep"]
        first, latest = sweeps[0], sweeps[-1]
        ends = [line for line in lines[lines.index(latest) + 1 :] if line["event"] in ("summary", "stopped")]
        end = ends[-1] if ends else None
        if end is None:
            state = State.RUNNING if SWEEP in self._live else State.LOST
        else:
            state = State.COMPLETED if end["event"] == "summary" else State.STOPPED
        tags = {
            "tuner.kind": "sweep",
            "tuner.state": state,
            "tuner.reason": str((end or {}).get("reason", ""))[:500],
            "tuner.disk.events": str(len(lines)),
            **{
                f"tuner.{name}": _tag(latest[name])
                for name in ("version", "metric", "direction", "trials", "epochs")
                if latest.get(name) is not None
            },
        }
        if end is not None and end["event"] == "summary":
            tags["tuner.winner"] = _tag(end.get("winner"))
            tags["mlflow.note.content"] = "\n\n".join(end.get("sentences") or ())[:5000]
        known = self._made(SWEEP, self._folder.name, first["time"], tags)
        self._log(known, (), sweep_params(first), tags)
        self._set_status(known, state, None if end is None else end["time"])
        self._write_files(SWEEP, self._folder.artifacts)
        if self._folder.task_file.exists():
            self._write_file(SWEEP, self._folder.task_file, "")

    def _read_sweep(self) -> list[dict[str, Any]]:
        lines = events.read(self._folder.sweep_events)
        if (sweep := read_sweep(lines)) is None:
            raise StudyError(
                f"{self._folder.root} must hold a study that was run",
                fix="Start it with `python -m tuner run` first.",
            )
        self._sweep: Sweep = sweep
        return lines

    def _parent(self) -> str:
        if SWEEP not in self._known:
            self._project_sweep()
        return self._known[SWEEP].id

    # --- MLflow

    def _find_experiment(self) -> str:
        name = self._folder.name
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return self._client.create_experiment(name, tags=EXPERIMENT_TAGS)
        if found.lifecycle_stage != "active":
            raise StudyError(
                f"MLflow's experiment {name!r} must not be deleted",
                fix=f"Use `MLFLOW_TRACKING_URI={shlex.quote(self._uri)} {_MLFLOW} experiments restore "
                f"-x {found.experiment_id}`, or rename the study.",
            )
        return found.experiment_id

    def _forget(self) -> None:
        """Drop all memory of what MLflow holds; it is read again when needed."""
        self._cursors: dict[str, _Cursor] = {}
        self._memory: dict[str, _Known] | None = None

    @property
    def _known(self) -> dict[str, _Known]:
        if self._memory is None:
            self._memory = self._find_runs()
        return self._memory

    def _find_runs(self) -> dict[str, _Known]:
        """This study's runs in MLflow, by their tag `tuner.run`."""
        wanted = f"tags.`tuner.study` = '{self._folder.name}' and tags.`tuner.id` = '{self._sweep.identity}'"
        found: dict[str, _Known] = {}
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], wanted, ViewType.ACTIVE_ONLY, max_results=1000, page_token=token
            )
            for run in page:
                tags = dict(run.data.tags)
                found[tags["tuner.run"]] = _Known(run.info.run_id, run.info.status, run.info.end_time, tags)
            if not (token := page.token):
                return found

    def _made(self, run: str, name: str, start: float, tags: Mapping[str, str]) -> _Known:
        """The run in MLflow, made where it is missing."""
        if (known := self._known.get(run)) is None:
            first = {
                "tuner.study": self._folder.name,
                "tuner.id": self._sweep.identity,
                "tuner.run": run,
                **{key: value for key, value in tags.items() if key != "tuner.disk.events"},
            }
            made = self._client.create_run(self._experiment, start_time=milliseconds(start), tags=first, run_name=name)
            known = self._known[run] = _Known(made.info.run_id, tags=first)
        return known

    def _set_status(self, known: _Known, state: State, end: float | None) -> None:
        status, end_ms = STATUS[state], None if end is None else milliseconds(end)
        if status in ("RUNNING", "SCHEDULED"):
            if known.status != status:
                self._client.update_run(known.id, status)
        elif (known.status, known.end_ms) != (status, end_ms):
            self._client.set_terminated(known.id, status, end_ms)
            known.end_ms = end_ms
        known.status = status

    def _log(
        self,
        known: _Known,
        points: Sequence[Point],
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log what MLflow lacks; the tags go with the last metrics, as `tuner.disk.events` vouches for them."""
        metrics = [Metric(point.key, point.value, point.time_ms, point.step) for point in points]
        while len(metrics) > _METRICS_PER_CALL:
            self._client.log_batch(known.id, metrics[:_METRICS_PER_CALL])
            metrics = metrics[_METRICS_PER_CALL:]
        new_params = {} if "tuner.disk.events" in known.tags else params or {}
        new_tags = {key: value for key, value in (tags or {}).items() if known.tags.get(key) != value}
        self._client.log_batch(
            known.id,
            metrics,
            [Param(key, value) for key, value in new_params.items()],
            [RunTag(key, value) for key, value in new_tags.items()],
        )
        known.tags.update(new_tags)

    def _write_files(self, run: str, folder: Path) -> None:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                self._write_file(run, path, path.parent.relative_to(folder).as_posix())

    def _write_file(self, run: str, path: Path, below: str) -> None:
        """Write one artifact, unless this object wrote it as it is now."""
        stat = path.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        if self._files.get((run, path)) != version:
            self._client.log_artifact(self._known[run].id, str(path), "" if below == "." else below)
            self._files[run, path] = version


@contextmanager
def recording_lock(folder: StudyFolder, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the right to write a study into MLflow; waits for a writer that still drains.

    Args:
        folder: The study.
        waiting: Told why, once, where it has to wait.
    """
    with os.fdopen(regular.open_to_append(folder.root / "recording.lock"), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting("the writer of an earlier run is still at it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _tag(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:500]


@contextmanager
def _sqlite_prepared(uri: str) -> Iterator[None]:
    """Make a SQLite file fit for a writer beside readers; other databases are left alone.

    With a write-ahead log readers and the writer do not wait for each other, and a commit need not wait for
    the disk: after a power cut the file is whole and may lack the last runs, which `sync` brings back. The
    lock on the folder keeps two processes from making the same tables.
    """
    if not uri.startswith("sqlite:"):
        yield
        return
    path = Path(str(make_url(uri).database))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not sqlalchemy_event.contains(Engine, "connect", _commit_without_waiting):
        sqlalchemy_event.listen(Engine, "connect", _commit_without_waiting)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        _write_ahead(path)
        yield
    finally:
        os.close(folder)


def _write_ahead(path: Path) -> None:
    """Switch to a write-ahead log; the file remembers it."""
    connection = sqlite3.connect(path, timeout=20.0)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _commit_without_waiting(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=NORMAL")
