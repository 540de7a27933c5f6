"""The contract of a recorder (`tuner.recording.contract.Recorder`) as tests, on a synthetic study."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tuner.disk import events
from tuner.disk.folder import StudyFolder, trial_run
from tuner.recording import SWEEP, Recorder
from tuner.recording.catalog import RECORDERS
from tuner.recording.sync import sync

_BEGAN = 1_700_000_000.0  # Unix seconds; events have fixed times, so that records are reproducible


def begin_study(root: Path) -> StudyFolder:
    """Write a study whose sweep has begun."""
    folder = StudyFolder(root)
    common = {"study": folder.name, "metric": "val/accuracy", "direction": "maximize", "trials": 4, "epochs": 2}
    space = {"searched": {"cell": "categorical", "learning_rate": "numeric"}}
    _write(folder, SWEEP, {"event": "sweep", **common, "space": space, "constants": {"layers": 2}})
    folder.task_file.write_text(f"name: {folder.name}\n")
    return folder


def begin_trial(folder: StudyFolder, number: int) -> str:
    """Write a running trial with one epoch; returns its run."""
    run = trial_run(number)
    params = {"cell": "gru", "learning_rate": 0.001}
    created = {"run": run, "kind": "trial", "number": number, "seed": 7, "params": params, "searched": list(params)}
    _write(folder, run, {"event": "created", **created}, {"event": "attempt", "attempt": 1, "worker": "host:1"})
    _write(folder, run, _epoch(1))
    return run


def end_trial(folder: StudyFolder, number: int) -> str:
    """Write another epoch of a trial, and its end; returns its run."""
    run = trial_run(number)
    result = {"attempt": 1, "state": "COMPLETED", "reason": "", "value": 0.75, "epochs": 2, "seconds": 2.5, "step": 9}
    _write(folder, run, _epoch(2), {"event": "ended", **result, "trace": "", "results": {"parameters": 1234}})
    return run


def _epoch(number: int) -> dict[str, Any]:
    return {"event": "epoch", "attempt": 1, "epoch": number, "metrics": {"val/loss": 1 / number}}


def _write(folder: StudyFolder, run: str, *records: Mapping[str, Any]) -> None:
    path = folder.sweep_events if run == SWEEP else folder.events(run)
    lines = len(events.read(path)) if path.exists() else 0
    events.append_many(path, [{"time": _BEGAN + lines + at, **each} for at, each in enumerate(records)])


class RecorderContract(ABC):
    """Tests of any recorder that keeps records.

    In your own test file:

    class TestMine(RecorderContract):
        recorder = MyRecorder

        def options(self, folder):
            return {"path": str(folder / "records")}

        def recorded(self, recorder):
            return Path(recorder.uri).read_text()
    """

    recorder: ClassVar[str | type[Recorder]]
    """The class, with its options model as the attribute `Options`; or the name in a task file."""

    def options(self, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002 - for subclasses that need a path
        """Options of a recorder that records below a folder."""
        return {}

    @abstractmethod
    def recorded(self, recorder: Recorder) -> object:
        """The content of the record, for comparison; a false value while it is empty."""

    @pytest.fixture
    def study(self, tmp_path: Path) -> StudyFolder:
        """A study with a finished trial and a running one."""
        folder = begin_study(tmp_path / "study")
        begin_trial(folder, 0)
        end_trial(folder, 0)
        begin_trial(folder, 1)
        return folder

    def make(self, folder: Path) -> Recorder:
        """Create a recorder that records below a folder, and the folder."""
        folder.mkdir()
        if isinstance(self.recorder, str):
            entry = RECORDERS[self.recorder]
            kind, model = entry.load(), entry.options
        else:
            kind, model = self.recorder, self.recorder.Options  # type: ignore[attr-defined]
        made: Recorder = kind(model.model_validate(dict(self.options(folder))))
        return made

    def test_what_is_recorded_while_it_runs_is_what_sync_writes(self, study: StudyFolder, tmp_path: Path) -> None:
        """Live notification of every change and a later `sync` of the whole study give the same record."""
        live, later = self.make(tmp_path / "live"), self.make(tmp_path / "later")
        recording = live.begin(study)
        recording.changed(trial_run(0))
        recording.changed(trial_run(1))
        recording.changed(end_trial(study, 1))
        recording.changed(SWEEP)
        assert recording.close()
        assert recording.problem() == ""
        sync(study, later)
        assert self.recorded(live)
        assert self.recorded(live) == self.recorded(later)

    def test_telling_it_again_changes_nothing(self, study: StudyFolder, tmp_path: Path) -> None:
        """Repeated notifications, and a repeated `sync`, do not change the record."""
        recorder = self.make(tmp_path / "record")
        sync(study, recorder)
        before = self.recorded(recorder)
        recording = recorder.begin(study)
        for run in (SWEEP, *study.runs(), SWEEP, *study.runs()):
            recording.changed(run)
        assert recording.close()
        sync(study, recorder)
        assert self.recorded(recorder) == before

    def test_a_study_that_goes_on_is_recorded_on(self, study: StudyFolder, tmp_path: Path) -> None:
        """A resumed sweep adds to the record of the earlier one."""
        recorder, whole = self.make(tmp_path / "record"), self.make(tmp_path / "whole")
        sync(study, recorder)
        before = self.recorded(recorder)
        recording = recorder.begin(study)
        recording.changed(end_trial(study, 1))
        assert recording.close()
        sync(study, whole)
        assert self.recorded(recorder) == self.recorded(whole) != before
