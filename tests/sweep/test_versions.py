from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.sweeps import sweep
from tests.support.tiny import write_task
from tuner.announcements import NothingToDo, Notice, TrialEnded
from tuner.disk.versions import FORMAT, versions
from tuner.errors import StudyError
from tuner.task import resolve_task


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The task file of a study of one trial."""
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path, trials=1, more="confirm: {top: 0}")
    sweep(path)
    return path


def contents(root: Path) -> dict[str, str]:
    """Digest of every file, the lock aside."""
    files = (file for file in root.rglob("*") if file.is_file() and file.name != "driver.lock")
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_versions_are_recorded(path: Path) -> None:
    """The study's folder says its format and the versions that wrote it, as do the sweep's events."""
    folder = resolve_task(path).folder
    assert json.loads(folder.versions.read_text()) == {"format": FORMAT, "versions": versions()}
    assert {"python", "tuner", "optuna", "torch", "ray", "mlflow"} <= set(versions())
    assert json.loads(folder.sweep_events.read_text().splitlines()[0])["versions"] == versions()


def test_a_study_of_a_later_format_is_left_untouched(path: Path) -> None:
    """The message names what is needed, and no file has changed."""
    folder = resolve_task(path).folder
    folder.versions.write_text(json.dumps({"format": FORMAT + 1, "versions": {"tuner": "9.0.0"}}))
    before = contents(folder.root)
    with pytest.raises(StudyError, match=r"but got 2\. It was written by tuner 9\.0\.0: install that"):
        sweep(path, "budget.trials=2")
    assert contents(folder.root) == before


def test_a_journal_that_optuna_cannot_read_is_left_untouched(path: Path) -> None:
    """An operation that this Optuna does not know is told in one line, and the file stays as it was, tail and all."""
    folder = resolve_task(path).folder
    with folder.journal.open("ab") as file:
        file.write(b'{"op_code":99,"worker_id":"x"}\n{"op_code":4,"trial')
    before = contents(folder.root)
    with pytest.raises(StudyError, match=r"must be one that Optuna \S+ reads.*Nothing was changed"):
        sweep(path, "budget.trials=2")
    assert contents(folder.root) == before


def test_a_study_from_before_versions_were_kept_goes_on(path: Path) -> None:
    """Without the file it is of format 1."""
    folder = resolve_task(path).folder
    folder.versions.unlink()
    outcome, told = sweep(path, "budget.trials=2")
    assert outcome.finished
    assert [event.number for event in told.of(TrialEnded)] == [1]


def test_a_changed_version_is_told(path: Path) -> None:
    """Another Optuna may suggest other trials, and the user learns of it."""
    folder = resolve_task(path).folder
    folder.versions.write_text(json.dumps({"format": 1, "versions": {**versions(), "optuna": "4.0.0"}}))
    _, told = sweep(path, "budget.trials=2")
    sentences = [notice.sentence for notice in told.of(Notice)]
    assert any(f"optuna 4.0.0 is now {versions()['optuna']}" in sentence for sentence in sentences)


def test_data_that_a_later_version_reads_in_another_way_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study whose data are prepared anew goes on where that comes out alike, and is refused where it does not."""
    adapter = type(resolve_task(path).adapter)
    monkeypatch.setattr(adapter, "edition", "2", raising=False)
    sweep(path, "budget.trials=2")
    folder, _ = resolve_task(path).prepare()
    changed = next(file for file in sorted(folder.iterdir()) if file.suffix == ".npy")
    changed.write_bytes(changed.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(adapter, "edition", "3", raising=False)
    with pytest.raises(
        StudyError, match=r"data must be read as when study \w+ was begun, but got 'the same data, which"
    ):
        sweep(path, "budget.trials=3")
    assert resolve_task(path).prepare()[0] != folder


def test_a_study_that_was_finished_stays_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `confirm` is not said, which versions before took for other numbers; one that was asked for is more."""
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path, trials=1, epochs=1)
    sweep(path)
    file = resolve_task(path).folder.sweep_events
    *before, last = [json.loads(line) for line in file.read_text().splitlines()]
    del last["seeds"]
    for top, seeds, same in ((3, 3, True), ("auto", 3, True), ("auto", "auto", True), (3, 2, False), (2, 3, False)):
        last["asked"] |= {"top": top, "seeds": seeds}
        file.write_text("".join(f"{json.dumps(event)}\n" for event in [*before, last]))
        assert bool(sweep(path)[1].of(NothingToDo)) is same
    assert not sweep(path, "confirm.seeds=2")[1].of(NothingToDo)
    assert not sweep(path, "confirm.top=2")[1].of(NothingToDo)
    assert not sweep(path)[1].of(NothingToDo)
    assert sweep(path)[1].of(NothingToDo)
