from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.broken_data import DATA
from tests.support.broken_tasks import SOUND, TASKS, Case
from tests.support.program import Program

CASES = [*TASKS, *DATA]
CPU_SECONDS = 3
HANGING_SECONDS = 60.0
"""Only for what hangs: on the clock, other programs of the machine count too."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_task_is_told_in_one_line(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is one line with place, rule, value and fix, status 2, at once; nothing is started or left behind."""
    folder = tmp_path / "here"
    task = {} if case.task is None else {"task.yaml": case.task}
    for name, content in {**SOUND, **case.files, **task}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = set(os.listdir(folder))
    monkeypatch.setenv("RAY_TMPDIR", str(folder / "ray"))
    program = Program(folder, "run", "task.yaml", *case.options, cpu_seconds=CPU_SECONDS)
    output = program.wait(HANGING_SECONDS)
    pattern = ".*".join(map(re.escape, case.line.split("…")))
    assert re.fullmatch(f"{pattern}\n", output), output
    assert program.poll() == 2
    created = set(os.listdir(folder)) - before
    assert created <= {
        "mlruns",
        "prepared",
        "__pycache__",
    }  # an own module, compiled; prepared data and its lock; no study, no Ray, no database
    assert not (folder / "mlruns" / "studies").exists()


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
