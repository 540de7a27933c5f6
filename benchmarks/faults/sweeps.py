"""Sweeps to be disturbed: started as processes, watched from outside, and checked for losses when they are over."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import psutil

from tests.support.program import Program
from tests.support.tiny import write_waves
from tuner.disk.events import RunRecord, read, read_run
from tuner.recording.points import STATUS, SweepFacts

ROOT = Path(__file__).resolve().parents[2]
NAME = "faults"
LOG = "trained.jsonl"
"""What the workers did, in the study's folder: lines of `trained`, `saved` and `resumed`."""
SPACE = """
search_space:
  cell: [lstm, gru]
  hidden_size: {low: 4, high: 16}
  learning_rate: {low: 1e-3, high: 1e-1, log: true}
  batch_size: 16
"""


@dataclass
class Row:
    """A line of the table: what was done, and what was lost by it."""

    name: str
    faults: int = 0
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Setup:
    """A folder with a task, its data and a migrated MLflow database; `start` runs the sweep in a process.

    Args:
        folder: Where the command is run.
        database: MLflow's database with its tables, copied in.
        trials: Of the search.
        epochs: Of a full trial.
        more: Further lines of the task file.
        trial: "module:function" that runs an attempt; by default real training that keeps a log.
    """

    folder: Path
    database: Path
    trials: int = 40
    epochs: int = 4
    more: str = ""
    trial: str = "benchmarks.faults.trials:logged"
    ray: str = "ray: {address: local}\nresources: {workers: 1}"
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "mlflow.db").write_bytes(self.database.read_bytes())
        write_waves(self.folder / "waves.csv")
        self.write_task()

    def write_task(self) -> None:
        """Write the task file anew."""
        confirm = "" if "confirm:" in self.more else "confirm: {top: 0}\n"
        report = "" if "report:" in self.more else "report: {figures: 0}\n"
        (self.folder / "task.yaml").write_text(
            f"name: {NAME}\nadapter: time_series/classification\ndata: {{path: waves.csv, label: label}}\n"
            f"budget: {{trials: {self.trials}, epochs: {self.epochs}}}\n{confirm}{report}{self.ray}\n"
            f"{SPACE}{self.more}\n"
        )

    def start(self) -> Program:
        """`tuner run task.yaml`; its output goes to `output.txt`."""
        environment = {
            **{name: value for name, value in os.environ.items() if name != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"},
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "FAULTS_TRIAL": self.trial,
            **self.environment,
        }
        return Program(
            self.folder,
            *("run", "task.yaml"),
            environment=environment,
            module="benchmarks.faults.driver",
            output=self.folder / "output.txt",
        )

    def finish(self, process: Program, seconds: float = 900.0, status: int = 0) -> list[str]:
        """Wait for the end; the wrong status and too long a time are losses."""
        try:
            process.wait(seconds)
        except AssertionError:
            process.kill()
            return [f"the sweep did not end within {seconds:g} s: {self.tail()}"]
        lost = [] if process.poll() == status else [f"exit status {process.poll()}: {self.tail()}"]
        return lost + self._writer_losses(seconds)

    def _writer_losses(self, seconds: float) -> list[str]:
        """MLflow's writer goes on alone where the driver did not wait for it; wait for it."""
        if not self.study.exists():
            return []
        deadline = time.monotonic() + seconds
        with (self.study / "recording.lock").open("a") as lock:
            while time.monotonic() < deadline:
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return []
                time.sleep(0.1)
        return [f"MLflow's writer did not end within {seconds:g} s"]

    def tail(self) -> str:
        """The last lines that the driver printed."""
        return " | ".join((self.folder / "output.txt").read_text(errors="replace").splitlines()[-4:])[-600:]

    # what is on disk ----------------------------------------------------------------------------------------------

    @property
    def study(self) -> Path:
        """The study's folder."""
        return self.folder / "mlruns" / "studies" / NAME

    def files(self) -> list[Path]:
        """Event files of the search trials."""
        return sorted(self.study.glob("trials/*/events.jsonl"))

    def ended(self) -> int:
        """Search trials that are over."""
        return sum(record.state.final for record in self.records())

    def records(self) -> list[RunRecord]:
        """Search trials."""
        return [read_run(file) for file in self.files()]

    def log(self) -> list[dict[str, Any]]:
        """What the workers noted."""
        path = self.study / LOG
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []  # the last one may be torn
        return [json.loads(line) for line in lines]

    def curves(self) -> list[Any]:
        """Parameters, losses and states: all that must repeat."""
        return [
            (record.params, [epoch["metrics"]["val/loss"] for epoch in record.epochs.values()], record.state)
            for record in self.records()
        ]

    def wait(self, until: Callable[[], bool], process: Program, seconds: float = 240.0) -> bool:
        """Wait until something holds, the process has ended or the time is up; whether it holds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if until():
                return True
            if process.poll() is not None:
                return until()
            time.sleep(0.02)
        return False

    # losses -------------------------------------------------------------------------------------------------------

    def losses(self, *, mlflow: Path | None = None) -> list[str]:
        """Whatever is missing, doubled or left open, in the study, the event files, MLflow and the workers' work."""
        return [*self._study_losses(), *self._event_losses(), *self._work_losses(), *self._mlflow_losses(mlflow)]

    def _study_losses(self) -> list[str]:
        backend = optuna.storages.journal.JournalFileBackend(str(self.study / "study.journal"))
        study = optuna.load_study(study_name=NAME, storage=optuna.storages.JournalStorage(backend))
        numbers = [trial.number for trial in study.trials]
        found = [] if numbers == list(range(self.trials)) else [f"study: trials {numbers[:3]}…{len(numbers)}"]
        return found + [f"study: trial {t.number} {t.state.name}" for t in study.trials if not t.state.is_finished()]

    def _event_losses(self) -> list[str]:
        names = [int(file.parent.name) for file in self.files()]
        found = [] if names == list(range(self.trials)) else [f"events: {len(names)} trials of {self.trials}"]
        for file in sorted(self.study.glob("*/*/events.jsonl")):
            run = f"{file.parent.parent.name}/{file.parent.name}"
            epochs = [event["epoch"] for event in read(file) if event["event"] == "epoch"]
            if epochs != list(range(1, len(epochs) + 1)):
                found.append(f"events: {run} has epochs {epochs}")
            if not read_run(file).state.final:
                found.append(f"events: {run} is {read_run(file).state}")
        return found

    def _work_losses(self) -> list[str]:
        """Epochs that were trained although a checkpoint held them."""
        saved: dict[str, int] = {}
        found = []
        for line in self.log():
            if line["event"] == "saved":
                saved[line["run"]] = max(saved.get(line["run"], 0), line["epoch"])
            elif line["event"] == "trained" and line["epoch"] <= saved.get(line["run"], 0):
                found.append(f"work: {line['run']} trained epoch {line['epoch']} again, saved {saved[line['run']]}")
        return found

    def _mlflow_losses(self, database: Path | None) -> list[str]:
        with closing(sqlite3.connect(database or self.folder / "mlflow.db")) as connection:
            rows = connection.execute(
                "select runs.name, status from runs join experiments using (experiment_id) where experiments.name = ?",
                (NAME,),
            ).fetchall()
            doubled = connection.execute(
                "select run_uuid, key, step from metrics group by run_uuid, key, step having count(*) > 1"
            ).fetchall()
            steps = dict(
                connection.execute(
                    "select runs.name, count(distinct step) from metrics join runs using (run_uuid) "
                    "join experiments using (experiment_id) "
                    "where experiments.name = ? and key = 'val/loss' group by run_uuid",
                    (NAME,),
                ).fetchall()
            )
        found = [f"MLflow: {len(doubled)} metric steps doubled"] if doubled else []
        counts = Counter(name for name, _ in rows)
        found += [f"MLflow: {name} is there {count} times" for name, count in counts.items() if count > 1]
        statuses = {_plain(name): status for name, status in rows}
        steps = {_plain(name): count for name, count in steps.items()}
        for record in self.records():
            name = f"trial {record.number}"
            if statuses.get(name) != STATUS[record.state]:
                found.append(f"MLflow: {name} is {statuses.get(name)}, not {STATUS[record.state]}")
            stride = SweepFacts("", self.epochs).stride  # MLflow holds at most 200 points of a series
            wanted = {epoch for epoch in record.epochs if epoch % stride == 0} | set(sorted(record.epochs)[-1:])
            if steps.get(name, 0) != len(wanted):
                found.append(f"MLflow: {name} has {steps.get(name, 0)} steps of {len(wanted)}")
        return found + [f"MLflow: {name} is RUNNING" for name, status in rows if status == "RUNNING"]


def _plain(name: str) -> str:
    """A run's name without how it ended: "trial 3 (pruned)" is trial 3."""
    return name.partition(" (")[0]


def children(process: Program, name: str = "") -> list[psutil.Process]:
    """Processes below a driver whose command line has the name."""
    found = []
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if name in " ".join(child.cmdline()):
                    found.append(child)
    return found


def left_behind(processes: list[psutil.Process], seconds: float = 30.0) -> list[str]:
    """Those that are still there after a time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    names = []
    for process in alive:
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                names.append(f"process left behind: {process.name()}")
    return names


@contextmanager
def tmpfs(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own, of so many megabytes.

    Raises:
        PermissionError: It cannot be mounted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        raise PermissionError(f"a tmpfs cannot be mounted: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(path: Path) -> None:
    """Fill a file system with one file."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")


def facts(text: str) -> dict[str, Any]:
    """JSON that a process has printed last."""
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found
