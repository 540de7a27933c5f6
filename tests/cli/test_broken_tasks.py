from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.cases import CASES, SOUND, Case

ROOT = Path(__file__).resolve().parents[2]
CPU_SECONDS = 3.0
HANGING_SECONDS = 60.0
"""Other programs on the machine stretch the time on the clock, so a limit on it is for what hangs only."""
MEGABYTES = 400


@dataclass(frozen=True)
class Answer:
    """What `tuner run` did: everything it printed, what it used, and what it left in the current folder."""

    status: int
    output: str
    cpu_seconds: float
    megabytes: float
    created: frozenset[str]
    studies: bool


def run(case: Case, root: Path) -> Answer:
    """Run the case as a user would, in a folder of its own below `root`."""
    folder, log = root / "here", root / "output"
    files = {**SOUND, **case.files} if case.task is None else {**SOUND, **case.files, "task.yaml": case.task}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = set(os.listdir(folder))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_TMPDIR": str(folder / "ray")}
    for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "tuner", "run", "task.yaml", *case.options]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    watch = threading.Timer(HANGING_SECONDS, process.kill)
    watch.start()
    _, status, usage = os.wait4(process.pid, 0)  # this process alone, where getrusage would mix parallel ones
    watch.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Answer(
        status=process.returncode,
        output=log.read_text(),
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        megabytes=usage.ru_maxrss / 1024,
        created=frozenset(set(os.listdir(folder)) - before),
        studies=(folder / "mlruns" / "studies").exists(),
    )


@pytest.fixture(scope="module")
def answers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Answer]]]:
    """The answers to all cases that were selected; two run at a time."""
    chosen = [
        item.callspec.params["case"]
        for item in request.session.items
        if hasattr(item, "callspec") and "case" in item.callspec.params
    ]
    with ThreadPoolExecutor(2) as pool:
        yield {case.name: pool.submit(run, case, tmp_path_factory.mktemp("broken")) for case in chosen}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_task_is_told_in_one_line(case: Case, answers: Mapping[str, Future[Answer]]) -> None:
    """Status 2 and one line with place, rule, value and fix, within seconds, and nothing is started or left behind."""
    answer = answers[case.name].result()
    pattern = ".*".join(map(re.escape, case.line.split("…")))
    assert re.fullmatch(pattern + "\n", answer.output), answer.output
    assert answer.status == 2
    assert answer.cpu_seconds < CPU_SECONDS
    assert answer.megabytes < MEGABYTES
    assert answer.created <= {"mlruns", "prepared"}
    assert not answer.studies


def test_names_of_cases_differ() -> None:
    """No case hides another, and each adapter has some."""
    assert len({case.name for case in CASES}) == len(CASES) >= 45
    tasks = "".join(str(case.task) for case in CASES)
    assert all(name in tasks for name in ("nlp/cl", "speech/cl", "time_series/cl", "time_series/fo"))
