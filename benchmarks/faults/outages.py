"""What a sweep stands on fails for a while: MLflow's server, the disk, the clock."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults.sweeps import Row, Setup, fill, tmpfs


class Server:
    """`mlflow server` on loopback over a SQLite file."""

    def __init__(self, database: Path, artifacts: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
        self._command += ["--workers", "1", "--artifacts-destination", str(artifacts)]
        self._environment = {
            **os.environ,
            "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{database}",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                return
            time.sleep(0.2)
        raise RuntimeError("mlflow server does not answer")

    def end(self, number: signal.Signals) -> None:
        """End the whole of it by a signal."""
        assert self._process is not None
        started = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
        for process in started if number == signal.SIGKILL else started[:1]:
            with suppress(psutil.Error):
                process.send_signal(number)
        self._process.wait(60)
        psutil.wait_procs(started, timeout=30)


def mlflow(folder: Path, database: Path, *, away: float, kills: int) -> list[Row]:
    """A server that is away for a time, one that is restarted, one that is killed while it writes."""
    rows = []
    for name, seconds, times, number in (
        (f"MLflow's server away for {away:g} s", away, 1, signal.SIGTERM),
        ("MLflow's server restarted", 0.0, 3, signal.SIGTERM),
        ("MLflow's server killed in mid-write", 0.0, kills, signal.SIGKILL),
    ):
        rows.append(_mlflow(folder / name.replace(" ", "-"), database, name, seconds, times, number))
    return rows


def _mlflow(folder: Path, database: Path, name: str, seconds: float, times: int, number: signal.Signals) -> Row:
    row, dice = Row(name), random.Random(0)
    began = time.monotonic()
    folder.mkdir(parents=True)
    backend = folder / "server.db"
    shutil.copy(database, backend)
    server = Server(backend, folder / "artifacts")
    server.start()
    setup = Setup(
        folder / "sweep",
        database,
        trials=40,
        more=f"pruner: {{name: none}}\ntracking: {{uri: {server.uri}}}",
        environment={"FAULTS_EPOCH_SECONDS": str(max(0.5, seconds / 80))},
    )
    process = setup.start()
    try:
        setup.wait(lambda: setup.ended() > 2, process)
        for _ in range(times):
            if process.poll() is not None:
                break
            time.sleep(dice.uniform(0.0, 3.0))
            server.end(number)
            row.faults += 1
            before, stopped = setup.ended(), time.monotonic()
            time.sleep(seconds)
            if seconds:
                without = time.monotonic() - stopped
                row.notes.append(f"{setup.ended() - before} trials ended in {without:.0f} s without it")
            server.start()
        row.lost += setup.finish(process)
        if "`python -m tuner sync faults" in (setup.folder / "output.txt").read_text():
            command = [sys.executable, "-m", "tuner", "sync", "faults", "--uri", server.uri]
            subprocess.run(command, cwd=setup.folder, check=True, capture_output=True)
            row.notes.append("the driver told that MLflow was behind; `tuner sync`, as it said, wrote the rest")
        row.lost += setup.losses(mlflow=backend)
    finally:
        server.end(signal.SIGTERM)
    row.seconds = time.monotonic() - began
    return row


def disk(folder: Path, database: Path, *, seconds: float, trials: int) -> list[Row]:
    """A file system of 60 MB that is full for a while: while the study is written, checkpoints, artifacts.

    Checkpoints are written by a worker in a process of its own; where the driver writes, it is its own worker.
    """
    rows = []
    for name in ("study", "checkpoint", "artifact"):
        row = Row(f"disk full for {seconds:g} s: {name}")
        began = time.monotonic()
        try:
            with tmpfs(folder / name, 60) as small:
                _disk(row, small, database, name, seconds, trials)
        except PermissionError as error:
            row.notes.append(f"not done: {error}")
        row.seconds = time.monotonic() - began
        rows.append(row)
    return rows


def _disk(row: Row, small: Path, database: Path, name: str, seconds: float, trials: int) -> None:
    setup = Setup(
        small / "sweep",
        database,
        trials=trials,
        ray=Setup.ray if name == "checkpoint" else "ray: {address: in-process}",
        epochs=8 if name == "checkpoint" else 4,
        more="pruner: {name: none}\ndiagnostics: {mode: observe}\n"
        + ("report: {figures: 3}\nconfirm: {top: 1, seeds: 1}" if name == "artifact" else ""),
        environment={"FAULTS_EPOCH_SECONDS": "0.4" if name == "checkpoint" else "0.1"},
    )
    process = setup.start()
    output = setup.folder / "output.txt"

    def there() -> bool:
        if name == "artifact":
            return "writing the summary" in output.read_text()
        return setup.ended() > 2

    setup.wait(there, process)
    ballast = small / "ballast"
    fill(ballast)
    row.faults += 1
    lines = len(setup.log())
    time.sleep(seconds)
    row.notes.append(
        f"{'still running' if process.poll() is None else 'ended'} when there was space again; "
        f"{len(setup.log()) - lines} epochs and checkpoints noted meanwhile"
    )
    ballast.unlink()
    row.lost += setup.finish(process)
    row.lost += setup.losses()
    if missing := [record.number for record in setup.records() if record.state.value != "COMPLETED"]:
        row.lost.append(f"trials {missing} did not complete")
    if name == "artifact" and not list(setup.study.glob("artifacts/*.png")):
        row.lost.append("no figure")


_CLOCK = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long *offset;
__attribute__((constructor)) static void find(void) {
    const char *path = getenv("FAULTS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *found = file < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) offset = found;
}
int clock_gettime(clockid_t id, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, id, at);
    if (!failed && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += *offset;
    return failed;
}
int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""
"""Moves the wall clock of the processes that load it, and of them alone."""


def clock(folder: Path, database: Path) -> Row:
    """The wall clock of the driver, its trials and MLflow's writer moves, two hours on and then a day back."""
    row = Row("clock moved: 2 h on, then 1 d back")
    compiler = shutil.which("cc")
    if compiler is None:
        row.notes.append("not done: there is no C compiler for what moves the clock")
        return row
    began = time.monotonic()
    source, library, offset = folder / "clock.c", folder / "clock.so", folder / "offset"
    source.write_text(_CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    offset.write_bytes(struct.pack("l", 0))
    setup = Setup(
        folder / "sweep",
        database,
        trials=16,
        ray="ray: {address: in-process}",
        more="pruner: {name: none}\nattempts: {stall: 30s}",
        environment={"LD_PRELOAD": str(library), "FAULTS_CLOCK": str(offset), "FAULTS_EPOCH_SECONDS": "0.3"},
    )
    process = setup.start()
    for count, seconds in ((2, 7200), (6, -86400)):
        setup.wait(lambda count=count: setup.ended() > count, process)  # type: ignore[misc]
        with offset.open("r+b") as file:
            file.write(struct.pack("l", seconds))
        row.faults += 1
    row.lost += setup.finish(process)
    row.lost += setup.losses()
    times = [epoch["time"] for record in setup.records() for epoch in record.epochs.values()]
    span = (max(times) - min(times)) / 3600 if times else 0.0
    row.notes.append(
        f"by a library loaded first (LD_PRELOAD), in-process trials; times in the record span {span:.1f} h"
    )
    if span < 1:
        row.lost.append("the clock was not moved")
    row.seconds = time.monotonic() - began
    return row
