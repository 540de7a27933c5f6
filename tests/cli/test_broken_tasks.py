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

from tests.cli.broken_data import DATA
from tests.cli.broken_tasks import SOUND, TASKS, Case

ROOT = Path(__file__).resolve().parents[2]
CASES = [*TASKS, *DATA]

CPU_SECONDS = 3.0
HANGING_SECONDS = 60.0
"""Only for what hangs: on the clock, other programs of the machine count too."""


@dataclass(frozen=True)
class Answer:
    """What `tuner run` printed, what it used, and what it left in the current folder."""

    status: int
    output: str
    cpu_seconds: float
    created: frozenset[str]
    studies: bool


def answer_to(case: Case, root: Path) -> Answer:
    """Run the case as a user would, in a folder of its own below `root`."""
    folder, log = root / "here", root / "output"
    task = {} if case.task is None else {"task.yaml": case.task}
    for name, content in {**SOUND, **case.files, **task}.items():
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
    _, status, usage = os.wait4(process.pid, 0)  # what this one used; getrusage would add up those in parallel
    watch.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Answer(
        status=process.returncode,
        output=log.read_text(),
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        created=frozenset(set(os.listdir(folder)) - before),
        studies=(folder / "mlruns" / "studies").exists(),
    )


@pytest.fixture(scope="module")
def answers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Answer]]]:
    """The answers to the cases that were selected, by name; two run at a time."""
    selected = {item.name for item in request.session.items}
    chosen = [case for case in CASES if f"{test_a_broken_task_is_told_in_one_line.__name__}[{case.name}]" in selected]
    with ThreadPoolExecutor(2) as pool:
        yield {case.name: pool.submit(answer_to, case, tmp_path_factory.mktemp("broken")) for case in chosen}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_task_is_told_in_one_line(case: Case, answers: Mapping[str, Future[Answer]]) -> None:
    """The answer is one line with place, rule, value and fix, status 2, at once; nothing is started or left behind."""
    answer = answers[case.name].result()
    pattern = ".*".join(map(re.escape, case.line.split("…")))
    assert re.fullmatch(f"{pattern}\n", answer.output), answer.output
    assert answer.status == 2
    assert answer.cpu_seconds < CPU_SECONDS
    assert answer.created <= {"mlruns", "prepared"}  # prepared data and its lock; no study, no Ray, no database
    assert not answer.studies


def test_every_adapter_has_broken_data() -> None:
    """Each adapter has cases, and no case hides another of its name."""
    assert len({case.name for case in CASES}) == len(CASES)
    for name in (
        "nlp/classification",
        "speech/classification",
        "time_series/classification",
        "time_series/forecasting",
    ):
        assert sum(f"adapter: {name}" in str(case.task) for case in DATA) >= 3
