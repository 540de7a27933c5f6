from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.sweeps import curves, records, sweep
from tests.support.tiny import write_task
from tuner.announcements import Announcement, TrialEnded
from tuner.cli import main
from tuner.disk.folder import CHECKPOINT, MODEL
from tuner.disk.lock import DriverLock
from tuner.sweep import Sweep
from tuner.task import resolve_task


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def gc(study: str, status: int = 0) -> str:
    """What `tuner gc` says."""
    result = CliRunner().invoke(main, ["gc", study])
    assert result.exit_code == status, result.output
    return result.output


def stopped(path: Path) -> None:
    """Run the sweep until its first epochs are reported."""

    def stop(event: Announcement) -> None:
        if isinstance(event, TrialEnded):
            run.stop("a test")

    run = Sweep(resolve_task(path), stop)
    run.run()


def test_checkpoints_are_those_that_may_still_be_needed(tmp_path: Path) -> None:
    """After a sweep there is no checkpoint, and a model of every confirmed training and of nothing else."""
    path = write_task(tmp_path, trials=3, more="confirm: {top: 1, seeds: 2}")
    sweep(path)
    root = resolve_task(path).folder.root
    assert list(root.rglob(CHECKPOINT)) == []
    assert sorted(file.parent.parent.name for file in root.rglob(MODEL)) == ["confirm"] * 4


def test_gc_removes_what_is_over_and_nothing_else(tmp_path: Path) -> None:
    """Checkpoints of runs that are over and half-written files go, those of stopped runs stay; again, nothing goes."""
    path = write_task(tmp_path, trials=4, epochs=4, more="confirm: {top: 0}")
    stopped(path)
    folder = resolve_task(path).folder
    over = [record.run for record in records(path) if record.state.final]
    open_ = [record.run for record in records(path) if not record.state.final]
    assert over
    for run in (*over, *open_):
        (folder.run(run) / CHECKPOINT).write_bytes(b"x" * 1_000_000)
    (folder.run(over[0]) / "checkpoint.tmp").write_bytes(b"x" * 500_000)
    half = folder.prepared / "0123456789abcdef.killed"
    half.mkdir()
    (half / "train.npy").write_bytes(b"x" * 500_000)
    (folder.prepared / "0123456789abcdef.lock").touch()
    (folder.models / "00001.tmp").mkdir(parents=True)
    (folder.models / "00001.tmp/network.json").write_text("{")
    (folder.models / "00002").mkdir()
    (folder.models / "00002/network.json").write_text("{}")
    megabytes = len(over) + 1.0
    assert gc("tiny") == f"study tiny: {len(over) + 3} files, {megabytes:.1f} MB removed\n"
    assert [run for run in (*over, *open_) if (folder.run(run) / CHECKPOINT).exists()] == open_
    assert not half.exists()
    assert [path.name for path in folder.models.iterdir()] == ["00002"]
    assert gc("tiny.yaml") == "study tiny: nothing to remove\n"
    for run in open_:
        (folder.run(run) / CHECKPOINT).unlink()
    outcome, _ = sweep(path)
    assert outcome.finished
    assert gc("tiny") == "study tiny: nothing to remove\n"


def test_gc_leaves_a_running_study_alone(tmp_path: Path) -> None:
    """The holder is named, and nothing is removed."""
    path = write_task(tmp_path, trials=1, more="confirm: {top: 0}")
    sweep(path)
    lock = DriverLock(resolve_task(path).folder.lock)
    try:
        assert "must not be in use by another run" in gc("tiny", status=2)
    finally:
        lock.release()


def test_checkpoints_keep_to_their_bytes(tmp_path: Path) -> None:
    """A checkpoint beyond its share is not written, once said so; the trials end with the same numbers."""
    whole = write_task(tmp_path, name="whole", trials=3, epochs=4, more="confirm: {top: 0}")
    sweep(whole)
    path = write_task(tmp_path, trials=3, epochs=4, more="confirm: {top: 0}\ndisk: {checkpoints: 2kB}")
    outcome, told = sweep(path)
    assert outcome.finished
    assert curves(path) == curves(whole)
    (notice,) = told.notices()
    assert "could not write its checkpoint: a checkpoint of " in notice
    assert notice.endswith("bytes is larger than 1000")


def test_a_moved_folder_goes_on_and_its_artifacts_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated: Path
) -> None:
    """Study, data and MLflow's database are carried elsewhere in mid-sweep; the numbers are as if never moved."""
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    shutil.copy(migrated, before / "mlflow.db")
    monkeypatch.chdir(before)
    whole = write_task(before, name="whole", trials=4, epochs=4, more="confirm: {top: 0}")
    sweep(whole)
    expected = curves(whole)
    path = write_task(before, trials=4, epochs=4, mlflow=True, more="confirm: {top: 0}")
    stopped(path)
    monkeypatch.chdir(tmp_path)
    before.rename(after)
    monkeypatch.chdir(after)
    outcome, told = sweep(after / path.name)
    assert outcome.finished
    assert len(told.of(TrialEnded)) in {2, 3}
    assert curves(after / path.name) == expected
    with sqlite3.connect("mlflow.db") as database:
        places = {
            row[0]
            for row in database.execute(
                "select artifact_uri from runs join experiments using (experiment_id) where experiments.name = 'tiny'"
            )
        }
    assert places
    assert all(place.startswith(str(after)) for place in places)
