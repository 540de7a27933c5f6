"""Writes a study's folder into MLflow, with the same result however often it is repeated."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from tuner.disk import events
from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder, trial_run
from tuner.errors import StudyError
from tuner.messages import State
from tuner.recording.contract import SWEEP
from tuner.recording.models import LoggedModels
from tuner.recording.parent import Parent
from tuner.recording.points import Point, Run, SweepFacts, milliseconds, read_sweep, sweep_params, test_points
from tuner.recording.store import RunStore, StoredRun
from tuner.recording.views import saved_views

UNUSABLE = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError)
"""Exceptions of MLflow if its database, its server or its folder cannot be used."""


@dataclass
class _Cursor:
    """The read events of an unfinished run."""

    run: Run
    lines: int = 0


class Projection:
    """Writes a study's events into one MLflow experiment: a parent run and a child per run.

    Runs are found again by their tags, metrics have the times of their events (MLflow keeps identical ones once) and
    parameters never change, so that repetitions, from any process and after any crash, give the same runs. The tag
    `tuner.events` is the number of lines of the event file that are certainly in MLflow; it is written after them. With
    a cursor per unfinished run, live recording reads only new lines. After an exception of MLflow the caller repeats
    the call, which continues from MLflow's content.

    Args:
        folder: The study.
        uri: MLflow's tracking URI; made if it is a SQLite file that does not exist.
        live: Runs with a worker, and "sweep" with a running driver; only those are RUNNING in MLflow. The caller may
            change it.
        register: Register the winner, whatever the task file says.

    Raises:
        StudyError: The study has no events, or its experiment was deleted in MLflow.
    """

    def __init__(self, folder: StudyFolder, uri: str, live: Container[str] = (), *, register: bool = False) -> None:
        self._live, self._register = live, register
        self._folder = folder
        self._sweep, _ = _read_sweep(self._folder)
        self._runs = RunStore(folder, uri, self._sweep.identity)
        self._models = LoggedModels(folder.name, self._runs, uri)
        self._cursors: dict[str, _Cursor] = {}

    def project(self, run: str) -> int:
        """Write the new events of a run's file.

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
        """Set runs that are RUNNING in MLflow but not live to SCHEDULED."""
        running = [run for run, stored in self._runs.items() if stored.status == "RUNNING"]
        for run in running:
            if run in self._live:
                continue
            with suppress(StudyError):  # closed even if its event file is damaged
                if run == SWEEP:
                    self.project_sweep()
                else:
                    self.project(run)
            if self._runs[run].status == "RUNNING":
                self._runs.set_status(self._runs[run], State.LOST, None)

    def _forget(self) -> None:
        """Forget the cached content of MLflow; it is read again when needed."""
        self._cursors.clear()
        self._runs.forget()

    # --- runs

    def _project(self, run: str) -> int:
        cursor = self._cursors.get(run) or _Cursor(Run(self._sweep))
        held = self._runs[run].events if run in self._runs else 0
        points, lines = self._read(run, cursor, held)
        if not lines:
            return 0
        record = cursor.run.record
        if not record.stints and record.ended is None:
            return 0  # waiting for a worker is not part of its duration
        is_open = record.state is State.LOST and record.attempts > 0 and record.ended is None
        state = State.RUNNING if is_open and run in self._live else record.state
        tags = {"mlflow.parentRunId": self._parent(), **cursor.run.tags(state)}
        start = record.stints[0].began if record.stints else record.created
        stored = self._runs.make(run, cursor.run.name(), start, tags)
        self._runs.rename(stored, cursor.run.name())
        if stored.tags.get("tuner.events") is None or any(stored.tags.get(k) != v for k, v in tags.items()):
            tags["tuner.events"] = str(lines)
        if record.ended is not None and lines > held:
            self._write_texts(stored, cursor.run)
            self._write_test_scores(cursor.run)
        if record.kind in ("confirm", "refit") and not held:
            self._runs.log_inputs(stored, self._sweep.data)
        self._runs.log(stored, points, cursor.run.params(), tags)
        self._runs.set_status(stored, state, record.ended)
        self._runs.write_files(run, self._folder.run_artifacts(run))
        written = max(0, lines - max(held, cursor.lines))
        cursor.lines = lines
        if state.final:
            self._cursors.pop(run, None)
        else:
            self._cursors[run] = cursor
        return written

    def _read(self, run: str, cursor: _Cursor, held: int) -> tuple[list[Point], int]:
        """Take in new events.

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
            raise StudyError("an event file must be unchanged", value=repr(error), where=str(path)) from error
        if new and cursor.run.record.run != run:
            raise StudyError(f"the event file must be that of {run}", value=cursor.run.record.run, where=str(path))
        return points, cursor.lines + len(new)

    def _write_texts(self, stored: StoredRun, run: Run) -> None:
        self._runs.write_text(stored, run.tensor_table(), "tensors.csv")
        self._runs.write_text(stored, run.record.trace, "traceback.txt")

    def _write_test_scores(self, run: Run) -> None:
        for target, scores in run.test_scores().items():
            self._log_to(target, test_points(scores, milliseconds(run.record.ended or 0.0)))

    def _log_to(self, run: str, points: list[Point]) -> None:
        """Log another run's points about this run, if it exists."""
        if run not in self._folder.runs():
            return
        if run not in self._runs:
            self._project(run)
        self._runs.log(self._runs[run], points)

    # --- the parent

    def _project_sweep(self) -> None:
        self._sweep, lines = _read_sweep(self._folder)
        parent = Parent(lines)
        state = parent.state(live=SWEEP in self._live)
        tags = parent.tags(state)
        stored = self._runs.make(SWEEP, self._folder.name, parent.first["time"], tags)
        records = _records(self._folder) if len(lines) > stored.events else []
        if not stored.events:
            self._runs.log_inputs(stored, self._sweep.data)
        for number, point in parent.confirmed(records).items():
            self._log_to(trial_run(number), [point])
        self._runs.log(stored, parent.points(records) if records else [], sweep_params(parent.first), tags)
        self._runs.set_status(stored, state, None if parent.end is None else parent.end["time"])
        self._runs.write_views(saved_views(parent.latest, self._sweep.identity))
        self._runs.write_files(SWEEP, self._folder.artifacts)
        if self._folder.task_file.exists():
            self._runs.write_file(SWEEP, self._folder.task_file)
        if state is State.COMPLETED and parent.end is not None:
            self._write_models(parent.end.get("model_run"), parent.end.get("other_runs") or ())

    def _write_models(self, winner: str | None, others: Sequence[str]) -> None:
        """Of the winner, which is the parent's, too, and in the registry where that is asked for, and of the others."""
        if winner:
            self._write_model(
                self._folder.model, winner, parent=SWEEP, register=self._register or self._sweep.registers
            )
        for run in others:
            self._write_model(self._folder.model_of(run), run)

    def _write_model(self, model: Path, run: str, *, parent: str = "", register: bool = False) -> None:
        if not model.is_dir():  # it no longer exists
            return
        if run not in self._runs:
            self._project(run)
        record, test = (events.read_run(self._folder.events(name)) for name in (run, "test"))
        self._models.write(model, record, test, self._sweep, parent=parent, register=register)

    def _parent(self) -> str:
        if SWEEP not in self._runs:
            self._project_sweep()
        return self._runs[SWEEP].id


def _records(folder: StudyFolder) -> list[RunRecord]:
    """Records of all runs with readable event files."""
    found = []
    for run in folder.runs():
        with suppress(StudyError):
            found.append(events.read_run(folder.events(run)))
    return found


def _read_sweep(folder: StudyFolder) -> tuple[SweepFacts, list[dict[str, Any]]]:
    lines = events.read(folder.sweep_events)
    if (sweep := read_sweep(lines)) is None:
        raise StudyError(
            f"{folder.root} must hold a study that was run",
            fix="Start it with `python -m tuner run` first.",
        )
    return sweep, lines
