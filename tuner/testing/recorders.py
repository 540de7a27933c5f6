"""The contract of a recorder (`tuner.recording.contract.Recorder`) as tests, on a study that is written here."""

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

_BEGAN = 1_700_000_000.0  # Unix seconds; events have times of their own, so that a record repeats


def begin_study(root: Path) -> StudyFolder:
    """A study whose sweep has begun."""
    folder = StudyFolder(root)
    common = {"study": folder.name, "metric": "val/accuracy", "direction": "maximize", "trials": 4, "epochs": 2}
    space = {"searched": {"cell": "categorical", "learning_rate": "numeric"}}
    _write(folder, SWEEP, {"event": "sweep", **common, "space": space, "constants": {"layers": 2}})
    folder.task_file.write_text(f"name: {folder.name}\n")
    return folder


def begin_trial(folder: StudyFolder, number: int) -> str:
    """A trial that trains, with an epoch; returns its run."""
    run = trial_run(number)
    params = {"cell": "gru", "learning_rate": 0.001}
    created = {"run": run, "kind": "trial", "number": number, "seed": 7, "params": params, "searched": list(params)}
    _write(folder, run, {"event": "created", **created}, {"event": "attempt", "attempt": 1, "worker": "host:1"})
    _write(folder, run, _epoch(1))
    return run


def end_trial(folder: StudyFolder, number: int) -> str:
    """A further epoch of it, and its end; returns its run."""
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

    In a test file of one's own:

    class TestMine(RecorderContract):
        recorder = MyRecorder

        def options(self, folder):
            return {"path": str(folder / "records")}

        def recorded(self, recorder):
            return Path(recorder.uri).read_text()
    """

    recorder: ClassVar[str | type[Recorder]]
    """The class, with its options model as the attribute `Options`; or the name in a task file."""

    def options(self, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002 - for those who need a place
        """Options with which it records below a folder."""
        return {}

    @abstractmethod
    def recorded(self, recorder: Recorder) -> object:
        """What is in the record, to be compared; some false value where there is nothing yet."""

    @pytest.fixture
    def study(self, tmp_path: Path) -> StudyFolder:
        """A study with a trial that is over, and one that trains."""
        folder = begin_study(tmp_path / "study")
        begin_trial(folder, 0)
        end_trial(folder, 0)
        begin_trial(folder, 1)
        return folder

    def make(self, folder: Path) -> Recorder:
        """A recorder below a folder, which is made."""
        folder.mkdir()
        if isinstance(self.recorder, str):
            entry = RECORDERS[self.recorder]
            kind, model = entry.load(), entry.options
        else:
            kind, model = self.recorder, self.recorder.Options  # type: ignore[attr-defined]
        made: Recorder = kind(model.model_validate(dict(self.options(folder))))
        return made

    def test_what_is_recorded_while_it_runs_is_what_sync_writes(self, study: StudyFolder, tmp_path: Path) -> None:
        """Told of every change as it comes, or shown the whole study at its end: the record is the same."""
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
        """A record of which it is told twice, or which is synced twice, stays as it is."""
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
        """What a later sweep adds joins the record of the earlier one."""
        recorder, whole = self.make(tmp_path / "record"), self.make(tmp_path / "whole")
        sync(study, recorder)
        before = self.recorded(recorder)
        recording = recorder.begin(study)
        recording.changed(end_trial(study, 1))
        assert recording.close()
        sync(study, whole)
        assert self.recorded(recorder) == self.recorded(whole) != before
