"""Processes killed at random moments: driver, workers, the node under them, Ray itself; and every way to stop."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.faults.sweeps import ROOT, Row, Setup, children, left_behind

KILLS_A_SWEEP = 5


def reference(folder: Path, database: Path, **changes: object) -> Setup:
    """A sweep that nothing happens to."""
    setup = Setup(folder, database, **changes)  # type: ignore[arg-type]
    if lost := setup.finish(setup.start()):
        raise RuntimeError(f"the undisturbed sweep failed: {lost}")
    return setup


def driver(folder: Path, database: Path, *, kills: int, seed: int = 0) -> Row:
    """SIGKILL of the driver at random moments, from its first second on; the same command goes on."""
    row = Row("SIGKILL of the driver")
    dice = random.Random(seed)
    whole = reference(folder / "whole", database)
    began = time.monotonic()
    sweeps = 0
    while row.faults < kills:
        setup = Setup(folder / f"sweep{sweeps}", database)
        sweeps += 1
        started: list[psutil.Process] = []
        for _ in range(min(KILLS_A_SWEEP, kills - row.faults)):
            process = setup.start()
            deadline = time.monotonic() + dice.uniform(1.0, 16.0)
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.05)
            if process.poll() is not None:
                break
            started += children(process)
            process.kill()
            row.faults += 1
        row.lost += setup.finish(setup.start())
        row.lost += setup.losses()
        row.lost += left_behind(started)
        if setup.curves() != whole.curves():
            row.lost.append("trials differ from those of a sweep that nothing happened to")
    row.seconds = time.monotonic() - began
    row.notes.append(f"{sweeps} sweeps of {whole.trials} trials, one worker: the same numbers as undisturbed")
    return row


def worker(folder: Path, database: Path, *, kills: int, seed: int = 0) -> Row:
    """SIGKILL of the worker at random moments."""
    row = Row("SIGKILL of a worker")
    dice = random.Random(seed)
    whole = reference(folder / "whole", database)
    began = time.monotonic()
    sweeps = 0
    while row.faults < kills:
        setup = Setup(folder / f"sweep{sweeps}", database)
        sweeps += 1
        process = setup.start()
        wanted = min(2 * KILLS_A_SWEEP, kills - row.faults)
        while wanted and process.poll() is None:
            busy = children(process, "ray::RayWorker.")
            if busy:
                time.sleep(dice.uniform(0.0, 4.0))  # all over the sweep
                with suppress(psutil.NoSuchProcess):
                    busy[0].kill()
                    row.faults += 1
                    wanted -= 1
                psutil.wait_procs(busy, timeout=5)
            time.sleep(0.05)
        row.lost += setup.finish(process)
        row.lost += setup.losses()
        if setup.curves() != whole.curves():
            row.lost.append("trials differ from those of a sweep that nothing happened to")
        if errors := sum(record.errors for record in setup.records()):
            row.lost.append(f"{errors} losses were counted as errors of the trials")
    row.seconds = time.monotonic() - began
    row.notes.append(f"{sweeps} sweeps of {whole.trials} trials, one worker: the same numbers as undisturbed")
    return row


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A cluster of two simulated nodes in a process of its own: the head's address, and the process."""
    environment = {  # Ray's simulated nodes have the machine's own address; a token keeps others out
        **{name: value for name, value in os.environ.items() if name != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"},
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
    }
    with (folder / "cluster.txt").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults.cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            cwd=folder,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def node(folder: Path, database: Path, *, kills: int, trials: int, seed: int = 0) -> Row:
    """SIGKILL of Ray's process on a second simulated node, which then comes back."""
    row = Row("SIGKILL of a second node's Ray")
    dice = random.Random(seed)
    began = time.monotonic()
    with cluster(folder) as (address, nodes):
        assert nodes.stdin is not None
        assert nodes.stdout is not None
        setup = Setup(
            folder / "sweep",
            database,
            trials=trials,
            ray=f'ray: {{address: "{address}"}}\nresources: {{workers: 2}}',
            epochs=8,
            environment={"RAY_AUTH_MODE": "token", "FAULTS_EPOCH_SECONDS": "0.5"},
        )
        process = setup.start()
        while row.faults < kills and process.poll() is None:
            before = setup.ended()
            setup.wait(lambda before=before: setup.ended() > before, process)  # type: ignore[misc]
            time.sleep(dice.uniform(0.0, 3.0))
            nodes.stdin.write("kill\n")
            nodes.stdin.flush()
            if not nodes.stdout.readline():
                break
            row.faults += 1
        row.lost += setup.finish(process)
        row.lost += setup.losses()
        attempts = sum(record.attempts for record in setup.records())
        row.notes.append(f"{attempts} attempts for {setup.trials} trials, two workers")
        if errors := sum(record.errors for record in setup.records()):
            row.lost.append(f"{errors} losses were counted as errors of the trials")
    row.seconds = time.monotonic() - began
    return row


def bad_node(folder: Path, database: Path, *, trials: int) -> Row:
    """Every attempt fails on the node whose worker is up first; the other one must do the work."""
    row = Row("a node on which every attempt fails")
    began = time.monotonic()
    with cluster(folder) as (address, _):
        setup = Setup(
            folder / "sweep",
            database,
            trials=trials,
            trial="benchmarks.faults.bad_node:trial",
            ray=f'ray: {{address: "{address}"}}\nresources: {{workers: 2}}',
            more="pruner: {name: none}\nattempts: {errors: 3}",
            environment={"RAY_AUTH_MODE": "token", "FAULTS_EPOCH_SECONDS": "0.1"},
        )
        row.lost += setup.finish(setup.start())
        row.lost += setup.losses()
        row.faults = sum(record.errors for record in setup.records())
        if "is set aside" not in (setup.folder / "output.txt").read_text():
            row.lost.append("the node was not set aside")
        if unfinished := [record.number for record in setup.records() if record.state.value != "COMPLETED"]:
            row.lost.append(f"trials {unfinished} did not complete")
    row.seconds = time.monotonic() - began
    return row


def ray(folder: Path, database: Path, *, kills: int, seed: int = 0) -> Row:
    """SIGKILL of the servers of a Ray of our own, in mid-search."""
    row = Row("SIGKILL of our own Ray's servers")
    dice = random.Random(seed)
    whole = reference(folder / "whole", database)
    began = time.monotonic()
    setup = Setup(folder / "sweep", database)
    process = setup.start()
    for number in range(kills):
        before = setup.ended()
        if not setup.wait(lambda before=before: setup.ended() > before, process):  # type: ignore[misc]
            break
        time.sleep(dice.uniform(0.0, 1.0))
        for server in children(process, ("raylet/raylet", "gcs/gcs_server")[number % 2])[:1]:
            server.kill()
            row.faults += 1
    row.lost += setup.finish(process)
    row.lost += setup.losses()
    if setup.curves() != whole.curves():
        row.lost.append("trials differ from those of a sweep that nothing happened to")
    row.seconds = time.monotonic() - began
    return row


def head(folder: Path, database: Path, *, trials: int) -> Row:
    """The whole of a joined cluster dies: the run ends with a sentence, and goes on with another cluster."""
    row = Row("SIGKILL of a joined cluster")
    began = time.monotonic()
    with cluster(folder) as (address, nodes):
        setup = Setup(
            folder / "sweep",
            database,
            trials=trials,
            ray=f'ray: {{address: "{address}"}}\nresources: {{workers: 2}}',
            environment={"RAY_AUTH_MODE": "token"},
        )
        process = setup.start()
        setup.wait(lambda: setup.ended() > 1, process)
        started = children(process)
        for found in [*psutil.Process(nodes.pid).children(recursive=True), psutil.Process(nodes.pid)]:
            with suppress(psutil.Error):
                found.kill()
        row.faults += 1
        row.lost += setup.finish(process, 60.0, status=2)
        row.lost += left_behind(started)
        if "must stay while a sweep runs on it" not in setup.tail():
            row.lost.append(f"what happened is not told: {setup.tail()}")
    setup.ray = Setup.ray
    setup.write_task()
    row.lost += setup.finish(setup.start())
    row.lost += setup.losses()
    row.seconds = time.monotonic() - began
    return row


def stops(folder: Path, database: Path, *, kills: int, seed: int = 0) -> Row:
    """Ctrl+C, SIGTERM, a closed terminal; then the whole folder is moved, and the same command goes on."""
    del kills, seed
    row = Row("Ctrl+C, SIGTERM, closed terminal, moved folder")
    whole = reference(folder / "whole", database)
    began = time.monotonic()
    setup = Setup(folder / "sweep", database)
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        before = setup.ended()
        process = setup.start()
        setup.wait(lambda before=before: setup.ended() > before, process)  # type: ignore[misc]
        started = children(process)
        process.send_signal(number)
        row.lost += setup.finish(process, 60.0, status=status)
        row.lost += left_behind(started)
        row.lost += [loss for loss in setup._mlflow_losses(None) if "is RUNNING" in loss]
        row.faults += 1
    moved = folder / "elsewhere" / "sweep"
    moved.parent.mkdir()
    shutil.move(setup.folder, moved)
    setup.folder = moved
    row.faults += 1
    row.lost += setup.finish(setup.start())
    row.lost += setup.losses()
    if setup.curves() != whole.curves():
        row.lost.append("trials differ from those of a sweep that nothing happened to")
    row.seconds = time.monotonic() - began
    return row
