"""The driver killed in mid-sweep, from the command line, on real files; then the same command again."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from pathlib import Path

import psutil
import pytest

from tests.support.processes import answers, below
from tests.support.program import Program, finish, start
from tests.support.studies import curves, ended, trial_files
from tests.support.tiny import write_task
from tuner.disk.events import read, read_run

TRIALS = 8


def check_complete(folder: Path) -> None:
    """Exactly the asked trials, every epoch once, nothing running in study or MLflow, no step doubled."""
    files = trial_files(folder)
    assert [file.parent.name for file in files] == [f"{number:05d}" for number in range(TRIALS)]
    for file in folder.glob("mlruns/studies/tiny/*/*/events.jsonl"):
        epochs = [event["epoch"] for event in read(file) if event["event"] == "epoch"]
        assert epochs == list(range(1, len(epochs) + 1))
        assert read_run(file).state.final
    with sqlite3.connect(folder / "mlflow.db") as database:
        statuses = database.execute("select name, status from runs").fetchall()
        doubled = database.execute(
            "select run_uuid, key, step, count(*) from metrics group by run_uuid, key, step having count(*) > 1"
        ).fetchall()
        steps = database.execute(
            "select count(*) from metrics join runs using (run_uuid) where key = 'val/loss' and name like 'trial %'"
        ).fetchone()[0]
    assert {status for _, status in statuses} == {"FINISHED"}
    names = [name.partition(" (")[0] for name, _ in statuses]  # a pruned one says so
    assert sorted(name for name in names if name.startswith("trial ")) == [f"trial {n}" for n in range(TRIALS)]
    assert doubled == []
    assert steps == sum(len(read_run(file).epochs) for file in files)


def test_kill_9_at_random_moments_loses_and_doubles_nothing(tmp_path: Path, migrated: Path) -> None:
    """Killed four times, the sweep ends with the trials, the numbers and the record of one never killed."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
        (folder / "mlflow.db").write_bytes(migrated.read_bytes())
    more = "confirm: {top: 1, seeds: 1}"
    finish(start(whole, write_task(whole, trials=TRIALS, epochs=4, mlflow=True, more=more)))
    path = write_task(killed, trials=TRIALS, epochs=4, mlflow=True, more=more)
    dice = random.Random(0)
    for kill in range(4):
        process = start(killed, path)
        deadline = time.monotonic() + 60
        while ended(killed) <= 2 * kill and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(dice.uniform(0.0, 0.3))
        process.kill()
    finish(start(killed, path))
    check_complete(killed)
    assert curves(killed) == curves(whole)


@pytest.mark.ray
def test_kill_9_with_ray_leaves_no_process_and_resumes(tmp_path: Path, migrated: Path) -> None:
    """Within 30 s of SIGKILL no process that the driver started is left, and the same command finishes the sweep."""
    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    more = "ray: {address: local}\nresources: {workers: 2}\nconfirm: {top: 1, seeds: 1}"
    path = write_task(tmp_path, trials=TRIALS, epochs=4, mlflow=True, more=more)
    process = start(tmp_path, path)
    deadline = time.monotonic() + 90
    while ended(tmp_path) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    children = below(process.pid)
    process.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert [name for _, name in answers(alive, psutil.Process.name)] == []
    finish(start(tmp_path, path))
    check_complete(tmp_path)


def test_kill_9_while_the_winner_is_refitted_and_kept_ends_with_the_same(tmp_path: Path) -> None:
    """Killed within the refit, behind a checkpoint, and then within the third model: the same models, bit for bit."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    space = "search_space: {cell: gru, hidden_size: 4, learning_rate: {low: 1e-4, high: 2e-4}, batch_size: 16}"
    more = f"{space}\nobjective: {{metric: val/loss}}\nconfirm: {{top: 2, seeds: 2}}\nrefit: train+val"
    for folder in (killed, whole):
        folder.mkdir()
        write_task(folder, trials=3, more=f"{more}\npruner: {{name: none}}")
    finish(start(whole, Path("tiny.yaml")))
    study = killed / "mlruns/studies/tiny"
    refit, models = "tuner.training.refit:Refitting._scored", "tuner.predict.writing:write_signature"
    for within, nth, left in (
        (refit, 2, ["refit/*/checkpoint.pt"]),
        (models, 3, ["refit/*-2/model.pt", "model", "ensemble", "models/*.tmp"]),
    ):
        died = Program(killed, within, str(nth), "run", "tiny.yaml", module="tests.support.dying")
        finish(died, -signal.SIGKILL)
        assert all(list(study.glob(name)) for name in left), within
        assert read(study / "sweep.jsonl")[-1]["event"] != "summary"
    finish(start(killed, Path("tiny.yaml")))
    found, wanted = (weights_and_cards(folder / "mlruns/studies/tiny") for folder in (killed, whole))
    assert found == wanted
    assert {name.split("/")[0] for name in found} == {"model", "ensemble", "models"}
    for name in ("model", "ensemble"):
        assert "trained again on training and validation data together" in found[f"{name}/README.md"].decode()
    assert list(study.rglob("*.tmp")) == []


def weights_and_cards(study: Path) -> dict[str, bytes]:
    """All files of a study's models, by their names."""
    folders = (study / name for name in ("model", "ensemble", "models"))
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(study).as_posix(): file.read_bytes() for file in files}


IN_PROCESS = "ray: {address: in-process}"
RAY = "ray: {address: local}\nresources: {workers: 2}"


@pytest.mark.parametrize(
    ("number", "status", "where"),
    [
        (signal.SIGINT, 130, IN_PROCESS),
        (signal.SIGTERM, 143, IN_PROCESS),
        pytest.param(signal.SIGTERM, 143, RAY, marks=pytest.mark.ray),
    ],
)
def test_a_signal_stops_cleanly_and_the_same_command_goes_on(
    tmp_path: Path, migrated: Path, number: signal.Signals, status: int, where: str
) -> None:
    """Ctrl+C and SIGTERM end with their statuses, nothing is left RUNNING, and a resume completes the sweep."""
    (tmp_path / "mlflow.db").write_bytes(migrated.read_bytes())
    path = write_task(tmp_path, trials=TRIALS, epochs=4, mlflow=True, more=f"confirm: {{top: 1, seeds: 1}}\n{where}")
    process = start(tmp_path, path)
    while ended(tmp_path) < 2:
        assert process.poll() is None, process.told()
        time.sleep(0.02)
    process.send_signal(number)
    assert "stopping" in finish(process, status)
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        statuses = {row[0] for row in database.execute("select status from runs")}
    assert "RUNNING" not in statuses
    finish(start(tmp_path, path))
    check_complete(tmp_path)
