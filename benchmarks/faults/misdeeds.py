"""Trials that misbehave, and workers that are stopped; the other trials must not notice."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.faults.sweeps import Row, Setup, children, left_behind
from benchmarks.faults.trials import MISDEEDS
from tuner.messages import State

EXPECTED = {
    "prints 1 GB": (State.COMPLETED, ""),
    "allocates beyond RLIMIT_AS": (State.FAILED, "out of memory: "),
    "allocates beyond its cgroup": (State.FAILED, "out of memory: the system ended worker "),
    "forks and leaves them": (State.COMPLETED, ""),
    "forks and goes on twice": (State.COMPLETED, ""),
    "exits with os._exit": (State.FAILED, "the trial ended its worker's process by os._exit(7) (trials.py:"),
    "crashes (SIGSEGV)": (State.FAILED, "the trial crashed its worker's process: Segmentation fault (trials.py:"),
    "is killed twice": (State.COMPLETED, ""),
    "hangs in native code": (State.FAILED, "stalled: no sign of life for 10 s"),
    "fills the object store": (State.COMPLETED, ""),
}
"""How a trial ends that does it in each of its attempts, and how its reason begins."""
OUTPUT_BYTES = 10_000_000
_GONE = suppress(psutil.Error, ProcessLookupError)


def misdeed(folder: Path, database: Path, *, name: str) -> Row:
    """Trial 1 of eight does it, on two workers."""
    row = Row(f"a trial {name}", faults=1)
    if name == "allocates beyond its cgroup" and not _cgroups():
        row.notes.append("not done: memory cgroups cannot be made here")
        return row
    began = time.monotonic()
    setup = Setup(
        folder,
        database,
        trials=8,
        trial="benchmarks.faults.trials:misbehaving",
        ray="ray: {address: local}\nresources: {workers: 2}",
        more="pruner: {name: none}\nattempts: {stall: 10s}\ndisk: {output: 10MB}",
        environment={"FAULTS_MISDEED": name},
    )
    process = setup.start()
    setup.wait(lambda: setup.ended() > 0, process)
    started = children(process)
    driver = psutil.Process(process.pid)
    peak = 0
    while process.poll() is None:
        with _GONE:
            peak = max(peak, driver.memory_info().rss)
        time.sleep(0.2)
    row.lost += setup.finish(process)
    row.lost += setup.losses()
    row.lost += left_behind([*started, *_marked(name)])
    state, reason = EXPECTED[name]
    for record in setup.records():
        wanted, begin = (state, reason) if record.number == 1 else (State.COMPLETED, "")
        if record.state is not wanted or not record.reason.startswith(begin):
            row.lost.append(f"trial {record.number} is {record.state}: {record.reason}")
    printed = sum(file.stat().st_size for file in setup.study.glob("trials/*/output*.txt"))
    if printed > OUTPUT_BYTES:
        row.lost.append(f"{printed} bytes of prints are kept")
    bad = setup.records()[1]
    row.notes.append(f"{bad.state.lower()} after {bad.attempts} attempts: {bad.reason[:90]}".rstrip(": "))
    if printed:
        row.notes.append(f"{printed / 1e6:.1f} MB of prints kept; driver at most {peak / 2**20:.0f} MiB")
    row.seconds = time.monotonic() - began
    return row


def stopped(folder: Path, database: Path, *, seconds: float, allowance: float) -> Row:
    """SIGSTOP of the only worker for so long, with so long an allowance; then SIGCONT."""
    within = seconds < allowance
    row = Row(f"SIGSTOP of a worker, {seconds:g} s of {allowance:g} allowed")
    began = time.monotonic()
    setup = Setup(
        folder,
        database,
        trials=8,
        epochs=8,
        more=f"pruner: {{name: none}}\nattempts: {{stall: {allowance:g}s}}\ndiagnostics: {{mode: observe}}",
        environment={"FAULTS_EPOCH_SECONDS": "0.3"},
    )
    process = setup.start()
    setup.wait(lambda: setup.ended() > 1, process)
    time.sleep(0.5)
    for found in children(process, "ray::RayWorker")[:1]:
        os.kill(found.pid, signal.SIGSTOP)
        row.faults += 1
        time.sleep(seconds)
        with _GONE:
            os.kill(found.pid, signal.SIGCONT)
    row.lost += setup.finish(process)
    row.lost += setup.losses()
    errors = sum(record.errors for record in setup.records())
    if errors != (0 if within else 1):
        row.lost.append(f"{errors} attempts were ended")
    if unfinished := [record.number for record in setup.records() if record.state is not State.COMPLETED]:
        row.lost.append(f"trials {unfinished} did not complete")
    row.notes.append("no attempt was ended" if within else "one attempt was ended and tried again")
    row.seconds = time.monotonic() - began
    return row


def _marked(name: str) -> list[psutil.Process]:
    """Processes whose environment says that they come from this row."""
    found = []
    for process in psutil.process_iter():
        with _GONE:
            if process.environ().get("FAULTS_MISDEED") == name and process.pid != os.getpid():
                found.append(process)
    return found


def _cgroups() -> bool:
    for root in (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")):
        group = root / f"tuner-faults-{os.getpid()}"
        if (root / "cgroup.procs").exists():
            try:
                group.mkdir()
                group.rmdir()
            except OSError:
                return False
            return True
    return False


assert set(EXPECTED) == set(MISDEEDS)
