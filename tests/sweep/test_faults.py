"""What may happen to a sweep while it runs."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.processes import answers, below
from tests.support.program import finish, start
from tests.support.studies import curves, ended, trial_files
from tests.support.tiny import write_task
from tuner.disk import events
from tuner.disk.events import read, read_run
from tuner.messages import State


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = Path(tempfile.mkdtemp())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    shutil.rmtree(folder)


def written(file: Path) -> list[str]:
    """The events of the whole lines of a file."""
    return [json.loads(line)["event"] for line in file.read_text().split("\n")[:-1]]


def test_a_full_disk_is_waited_out_and_nothing_is_half_written(small_disk: Path) -> None:
    """An append to a full disk waits until there is space; then every line is whole."""
    ballast, file = small_disk / "ballast", small_disk / "events.jsonl"
    events.append(file, "first", text="x")
    with ballast.open("wb") as out, pytest.raises(OSError, match="No space left"):
        out.write(b"x" * 2_000_000)
    writer = threading.Thread(target=events.append, args=(file, "second"), kwargs={"text": "y" * 100_000}, daemon=True)
    writer.start()
    time.sleep(0.5)
    assert writer.is_alive()
    assert written(file) == ["first"]
    ballast.unlink()
    writer.join(10)
    assert written(file) == ["first", "second"]


ADAPTER = '''
import os, time
from pathlib import Path
from tuner.adapters.time_series.classification import SeriesClassification
from tuner.adapters.time_series.item_options import ClassificationOptions


class Faulty(SeriesClassification):
    """Waves whose problem misbehaves, each time it is opened, as the next word of the file `left` says."""

    Options = ClassificationOptions

    def problem(self, folder):
        fault, *left = [*Path("left").read_text().split(), ""]
        if fault:
            Path("left").write_text(" ".join(left))
            exec_fault(fault)
        return super().problem(folder)


def exec_fault(fault):
    if fault == "raise":
        raise KeyError("wav")
    if fault == "exit":
        os._exit(7)
    if fault == "killed":
        os.kill(os.getpid(), 9)
    if fault == "memory":
        bytearray(1 << 60)
    if fault == "hang":
        time.sleep(3600)
'''


def write_faulty(folder: Path, faults: str, more: str = "") -> Path:
    """A task whose adapter misbehaves so many times, once by each word."""
    (folder / "faulty.py").write_text(ADAPTER)
    (folder / "left").write_text(faults)
    path = write_task(folder, trials=3, more=f"confirm: {{top: 0}}\npruner: {{name: none}}\n{more}")
    path.write_text(path.read_text().replace("time_series/classification", "faulty:Faulty"))
    return path


def test_an_error_of_the_trials_code_is_tried_again_once(tmp_path: Path) -> None:
    """The first attempt's error is in the record, the second attempt completes; no other trial suffers."""
    path = write_faulty(tmp_path, "raise")
    finish(start(tmp_path, path))
    records = [read_run(file) for file in trial_files(tmp_path)]
    assert [record.state for record in records] == [State.COMPLETED] * 3
    assert [record.errors for record in records] == [1, 0, 0]
    (error,) = [event for event in read(trial_files(tmp_path)[0]) if event["event"] == "error"]
    assert error["reason"].startswith("KeyError: 'wav' (faulty.py:")


def test_an_error_that_stays_fails_the_trial_with_the_users_line(tmp_path: Path) -> None:
    """Errors beyond the budget fail the trial; after three trials that failed alike the sweep stops and says why."""
    path = write_faulty(tmp_path, "raise " * 99, "attempts: {errors: 1}")
    output = finish(start(tmp_path, path), status=1)
    assert "the first 3 trials failed alike: KeyError: 'wav' (faulty.py:" in output
    assert "Traceback" not in output
    assert [read_run(file).attempts for file in trial_files(tmp_path)] == [2, 2, 2]


@pytest.mark.ray
def test_a_worker_that_dies_costs_no_attempt_and_a_trial_that_exits_one_each_time(tmp_path: Path) -> None:
    """A worker that is killed is replaced, its trial sent again; the budget of errors is not touched.

    `os._exit` in the trial's code is an error of that code, with its line, and ends one trial and not the sweep.
    """
    path = write_faulty(tmp_path, "killed killed exit exit", "ray: {address: local}\nresources: {workers: 1}")
    output = finish(start(tmp_path, path))
    assert "resuming from its checkpoint" in output
    assert "trial 0 failed after 0 epochs" in output
    records = [read_run(file) for file in trial_files(tmp_path)]
    assert [record.state for record in records] == [State.FAILED, State.COMPLETED, State.COMPLETED]
    assert [record.attempts for record in records] == [4, 1, 1]
    assert [record.errors for record in records] == [1, 0, 0]
    assert records[0].reason.startswith("the trial ended its worker's process by os._exit(7) (faulty.py:")


def test_out_of_memory_is_told_as_such(tmp_path: Path) -> None:
    """The reason begins with it, has the user's line, and says what to change."""
    path = write_faulty(tmp_path, "memory memory")
    finish(start(tmp_path, path))
    reason = read_run(trial_files(tmp_path)[0]).reason
    assert reason.startswith("out of memory: MemoryError")
    assert "(faulty.py:" in reason
    assert reason.endswith("lower batch_size, hidden_size or layers in the search space, or resources.workers")


@pytest.mark.ray
def test_a_trial_that_hangs_is_ended_with_its_stacks(tmp_path: Path) -> None:
    """Silent beyond its allowance, the worker is ended, its stacks are kept, and the trial is tried again."""
    path = write_faulty(tmp_path, "hang", "ray: {address: local}\nresources: {workers: 1}\nattempts: {stall: 80s}")
    finish(start(tmp_path, path))
    first = read_run(trial_files(tmp_path)[0])
    assert (first.state, first.errors) == (State.COMPLETED, 1)
    (error,) = [event for event in read(trial_files(tmp_path)[0]) if event["event"] == "error"]
    assert "stalled: no sign of life for 80 s" in error["reason"]
    assert "exec_fault" in error["trace"]


@pytest.mark.ray
def test_workers_killed_at_random_lose_and_double_nothing(tmp_path: Path) -> None:
    """With one worker killed five times, the numbers are those of a sweep that nothing happened to."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    finish(start(whole, write_task(whole, trials=8, epochs=6, more="confirm: {top: 0}")))
    more = "confirm: {top: 0}\nray: {address: local}\nresources: {workers: 1}"
    process = start(killed, write_task(killed, trials=8, epochs=6, more=more))
    kills = 0
    while kills < 5 and process.poll() is None:
        before = ended(killed)
        while ended(killed) == before and process.poll() is None:
            time.sleep(0.02)
        kills += _kill_worker(process.pid)
    finish(process)
    assert kills >= 3
    assert curves(killed) == curves(whole)
    for file in trial_files(killed):
        epochs = [event["epoch"] for event in read(file) if event["event"] == "epoch"]
        assert epochs == list(range(1, len(epochs) + 1))


def _kill_worker(driver: int) -> int:
    """Kill one busy or idle worker of the driver's Ray; 1 when there was one."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child, command in answers(below(driver), psutil.Process.cmdline):
            if "ray::RayWorker" in " ".join(command):
                child.kill()
                return 1
    return 0
