"""Nothing of the search sees the test data: other values there change no number but the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.sweeps import TIMES
from tests.support.tiny import write_waves
from tuner.disk.events import RunRecord, read
from tuner.testing.sweeps import run_in_process

SHIFT = 50.0
COMMON = """
search_space:
  cell: [lstm, gru]
  hidden_size: {low: 4, high: 12}
  learning_rate: {low: 1e-3, high: 1e-1, log: true}
  batch_size: 16
budget: {trials: 4, epochs: 3}
confirm: {top: 1, seeds: 1}
report: {figures: 0}
tracking: {uri: none}
ray: {address: in-process}
"""


def write_classes(folder: Path, shift: float) -> str:
    """Waves, and a file with the waves of the test."""
    write_waves(folder / "waves.csv")
    test = write_waves(folder / "test.csv", items=20, seed=1)
    head, *rows = (line.split(",") for line in test.read_text().splitlines())
    moved = [[label, *(f"{float(value) + shift:.4f}" for value in values)] for label, *values in rows]
    test.write_text("\n".join(map(",".join, [head, *moved])))
    return "adapter: time_series/classification\ndata: {path: waves.csv, test_path: test.csv, label: label}\n"


def write_series(folder: Path, shift: float) -> str:
    """A series of 200 hours, of which the last 30 are the test's."""
    rng = np.random.default_rng(0)
    load = np.sin(np.arange(200) * 2 * np.pi / 24) + rng.normal(0, 0.1, 200)
    load[170:] += shift
    rows = [f"2026-01-{1 + hour // 24:02d} {hour % 24:02d}:00,{value:.4f}" for hour, value in enumerate(load)]
    (folder / "load.csv").write_text("\n".join(["time,load", *rows]))
    return "adapter: time_series/forecasting\ndata: {path: load.csv, time: time, horizon: 3, window: 8, test: 30}\n"


def searched(folder: Path, write: Callable[[Path, float], str], shift: float) -> tuple[list[Any], dict[str, Any]]:
    """All numbers of the trainings of a sweep, without times, and the test scores."""
    folder.mkdir()
    (folder / "task.yaml").write_text(f"name: shifted\n{write(folder, shift)}{COMMON}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = run_in_process("task.yaml")
        summary = read(done.folder.sweep_events)[-1]
        records = done.records()
    (test,) = (record.results["test"] for record in records if record.kind == "test")
    return [summary["winner"], *(numbers(each) for each in records if each.kind != "test")], test


def numbers(record: RunRecord) -> tuple[Any, ...]:
    """What a training was, and all that was measured."""
    epochs = [
        {name: value for name, value in epoch["metrics"].items() if name not in TIMES}
        for epoch in record.epochs.values()
    ]
    rungs = [(rung["epoch"], rung["value"], rung["verdict"], rung["reason"]) for rung in record.rungs]
    return (
        record.run,
        record.params,
        record.seed,
        record.state,
        record.value,
        record.reason,
        record.found,
        epochs,
        rungs,
    )


@pytest.mark.parametrize("write", [write_classes, write_series])
def test_shifted_test_data_change_nothing_but_the_test(tmp_path: Path, write: Callable[[Path, float], str]) -> None:
    """Bit for bit: suggestions, curves, decisions, findings, confirmations and the winner."""
    search, test = searched(tmp_path / "one", write, 0.0)
    shifted, other = searched(tmp_path / "other", write, SHIFT)
    assert shifted == search
    assert test.keys() == other.keys()
    assert all(other[run] != test[run] for run in test)
