"""Much at once, and for long: 64 workers that report five times a second, and thousands of trials."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import optuna
import psutil

from benchmarks.faults.outages import Server
from benchmarks.faults.sweeps import NAME, Row, Setup
from tuner.disk.events import read_run

ANSWER_SECONDS = 0.05
"""Longest median of a rung's answer."""
WALL_CLOCK = 1000
"""Trials from which on the wall clock tells growth from a hiccup: a hundred take half a second."""


def reporting(folder: Path, database: Path, *, workers: int, seconds: float) -> Row:
    """Workers that report every 200 ms, while MLflow's UI and a second reader of the study ask."""
    row = Row(f"{workers} simulated workers report every 0.2 s for {seconds:g} s", faults=1)
    began = time.monotonic()
    epochs = round(seconds / 0.2)
    answers = folder / "answers.txt"
    setup = Setup(
        folder / "sweep",
        database,
        trials=workers,
        epochs=epochs,
        trial="benchmarks.faults.trials:reporting",
        ray="",
        more="pruner: {name: median, min_epochs: 10, interval: 10, min_peers: 1000}\nsampler: {name: random}",
        environment={
            "FAULTS_EPOCH_SECONDS": "0.2",
            "FAULTS_ANSWERS": str(answers),
            "FAULTS_SIMULATED": str(workers),
        },
    )
    server = Server(setup.folder / "mlflow.db", folder / "artifacts")
    server.start()
    process = setup.start()
    over = threading.Event()
    errors: list[str] = []
    counts = {"ui": 0, "study": 0}
    readers = [
        threading.Thread(target=_ask_ui, args=(server, over, errors, counts)),
        threading.Thread(target=_read_study, args=(setup, over, errors, counts)),
    ]
    setup.wait(lambda: bool(setup.files()), process)
    for reader in readers:
        reader.start()
    row.lost += setup.finish(process)
    over.set()
    for reader in readers:
        reader.join()
    server.end(signal.SIGTERM)
    row.lost += setup.losses()
    row.lost += errors[:3]
    records = setup.records()
    reports = sum(len(record.epochs) for record in records)
    if cut := [record.number for record in records if record.state.value not in {"COMPLETED", "PRUNED"}]:
        row.lost.append(f"trials {cut} did not end well")
    times = [float(line) for line in answers.read_text().split()] if answers.exists() else []
    if times:
        median = statistics.median(times)
        high = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else median
        row.notes.append(
            f"{reports} reports; {len(times)} answers at rungs: median {median * 1e3:.0f} ms, 95% {high * 1e3:.0f} ms"
        )
        if median > ANSWER_SECONDS:
            row.lost.append(f"a rung's answer took {median * 1e3:.0f} ms in the median")
    else:
        row.lost.append("no rung was answered")
    row.notes.append(f"meanwhile {counts['ui']} queries of MLflow's UI and {counts['study']} readings of the study")
    row.seconds = time.monotonic() - began
    return row


def _ask_ui(server: Server, over: threading.Event, errors: list[str], counts: dict[str, int]) -> None:
    """What MLflow's page of an experiment asks for, again and again."""
    while not over.wait(0.5):
        try:
            found = _post(f"{server.uri}/ajax-api/2.0/mlflow/experiments/search", {"max_results": 100})
            ids = [one["experiment_id"] for one in found.get("experiments", []) if one["name"] == NAME]
            if ids:
                _post(f"{server.uri}/ajax-api/2.0/mlflow/runs/search", {"experiment_ids": ids, "max_results": 100})
            counts["ui"] += 1
        except OSError as error:
            errors.append(f"MLflow's UI: {error}")


def _post(url: str, body: dict[str, object]) -> dict[str, list[dict[str, str]]]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, list[dict[str, str]]] = json.load(answer)
        return found


def _read_study(setup: Setup, over: threading.Event, errors: list[str], counts: dict[str, int]) -> None:
    """A dashboard's view: the whole study through Optuna, and every event file."""
    while not over.wait(1.0):
        try:
            backend = optuna.storages.journal.JournalFileBackend(str(setup.study / "study.journal"))
            optuna.load_study(study_name=NAME, storage=optuna.storages.JournalStorage(backend)).get_trials()
            setup.ended()
            counts["study"] += 1
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is what is looked for
            errors.append(f"second reader: {type(error).__name__}: {error}")


def many(folder: Path, database: Path, *, trials: int) -> Row:
    """Trivial trials with the random sampler: the driver's memory and the time per trial stay flat."""
    row = Row(f"{trials} trivial trials", faults=1)
    began = time.monotonic()
    setup = Setup(
        folder / "sweep",
        database,
        trials=trials,
        epochs=4,
        trial="benchmarks.faults.trials:reporting",
        ray="ray: {address: local}\nresources: {workers: 2}",
        more="sampler: {name: random}\npruner: {name: none}",
    )
    process = setup.start()
    driver = psutil.Process(process.pid)
    memory: dict[int, int] = {}
    processor: dict[int, float] = {}
    while process.poll() is None:
        time.sleep(0.1)
        with suppress(psutil.Error, OSError):
            begun, used = sum(1 for _ in os.scandir(setup.study / "trials")), driver.cpu_times()
            if (resident := driver.memory_info().rss) and begun:  # no memory when it is ending
                memory.setdefault(begun, round(resident / 2**20))
                processor.setdefault(begun, used.user + used.system)
    row.lost += setup.finish(process)
    row.lost += setup.losses()
    later = [resident for count, resident in memory.items() if count >= min(500, trials // 10)] or [0]
    first, growth = later[0], max(later) - later[0]
    ends = sorted(read_run(file).ended or 0.0 for file in setup.files())
    begins, last = ends[100] - ends[0], ends[-1] - ends[-101]
    files = sum(len(names) for _, _, names in os.walk(setup.folder))
    size = sum(file.stat().st_size for file in setup.folder.rglob("*") if file.is_file())
    busy = {"first": _slope(processor, 1, 100), "last": _slope(processor, trials - 100, trials)}
    row.notes.append(
        f"driver {first} MiB after the first tenth, at most {growth:+d} since; "
        f"first hundred {begins * 10:.1f} ms a trial, last hundred {last * 10:.1f} ms (ratio {last / begins:.2f}); "
        f"the driver's processor {busy['first'] * 1e3:.1f} and {busy['last'] * 1e3:.1f} ms a trial"
    )
    row.notes.append(f"{files / trials:.2f} files and {size / trials / 1e3:.1f} kB a trial; {_opens(setup)}")
    if growth >= 100:
        row.lost.append(f"the driver grew by {growth} MiB")
    if trials >= WALL_CLOCK and last > 1.5 * begins:
        row.lost.append(f"the last hundred took {last / begins:.2f} times as long as the first")
    if busy["last"] > 1.5 * busy["first"]:
        row.lost.append(f"the driver worked {busy['last'] / busy['first']:.2f} times as long for the last hundred")
    if files > 2 * trials + 50:
        row.lost.append(f"{files} files")
    row.seconds = time.monotonic() - began
    return row


def _slope(processor: dict[int, float], low: int, high: int) -> float:
    """The driver's processor seconds a trial between two counts of trials, or the nearest that were seen."""
    begin, end = (min(processor, key=lambda count, at=at: abs(count - at)) for at in (low, high))  # type: ignore[misc]
    return (processor[end] - processor[begin]) / max(end - begin, 1)


_OPEN = """
import time
from tuner.study.search import Search
from tuner.task import resolve_task
task = resolve_task("task.yaml")
began = time.monotonic()
Search(task.folder, task.space, objective=task.objective, sampler=task.sampler, pruner=task.pruner, seed=0)
print(time.monotonic() - began)
"""


def _opens(setup: Setup) -> str:
    """How long the finished study takes to open, and the same command with nothing to do."""
    began = time.monotonic()
    setup.finish(setup.start())
    whole = time.monotonic() - began
    done = subprocess.run([sys.executable, "-c", _OPEN], cwd=setup.folder, capture_output=True, text=True, check=True)
    return f"the study opens in {float(done.stdout):.1f} s, `run` on it ends in {whole:.1f} s"
