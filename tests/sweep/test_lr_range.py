"""The learning-rate range test: on numbers, and on a task."""

from __future__ import annotations

import math
import shlex
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.tiny import write_task
from tuner.cli import main
from tuner.config import load_task_file
from tuner.errors import TaskFileError
from tuner.solo import lr_range
from tuner.solo.lr_range import SMOOTHING, judged
from tuner.task import resolve_task


def smooth(losses: list[float]) -> list[float]:
    """The running mean without the bias of its start."""
    means, mean = [], 0.0
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        means.append(mean / (1 - SMOOTHING**step))
    return means


def test_a_fall_is_found_where_it_is_steepest() -> None:
    """A loss that falls along a logistic curve around step 100, then rises: steepest at 100, least before the rise."""
    rng = np.random.default_rng(0)
    losses = [2.3 - 1.5 / (1 + math.exp((100 - t) / 8)) + max(0, t - 160) ** 2 / 100 for t in range(200)]
    noisy = [loss + rng.normal(0, 0.02) for loss in losses]
    found = judged(noisy, smooth(noisy), window=20)
    assert found is not None
    steepest, least = found
    assert abs(steepest - 100) <= 5
    assert 140 <= least <= 175


@pytest.mark.parametrize("trend", [0.0, 0.01])
def test_noise_is_no_fall(trend: float) -> None:
    """A loss that only shakes, or rises, has no point to choose."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        losses = list(2.3 + trend * np.arange(200) + rng.normal(0, 0.1, 200))
        assert judged(losses, smooth(losses), window=20) is None


@pytest.fixture
def task_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny task in the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_task(tmp_path)


def test_on_a_task(task_file: Path) -> None:
    """The losses equal a training at these rates; the range is a task file's `space:`; the figure is a picture."""
    task = resolve_task(task_file)
    found = lr_range(task, low=1e-5, high=1.0, steps=60)
    assert found.rates[0] == pytest.approx(1e-5)
    ratios = np.divide(found.rates[1:], found.rates[:-1])
    np.testing.assert_allclose(ratios, (1e5) ** (1 / 59))
    assert found.losses[0] == pytest.approx(math.log(2), abs=0.2)
    assert found.losses == lr_range(task, low=1e-5, high=1.0, steps=60).losses
    assert 1e-5 < found.steepest <= found.least <= 1.0
    assert found.figure is not None
    assert found.figure.read_bytes()[:4] == b"\x89PNG"
    text = task_file.read_text() + "\n" + "\n".join(found.lines())
    task_file.write_text(text)
    seeded = load_task_file(task_file).task.space["learning_rate"]
    assert seeded["low"] == pytest.approx(found.steepest / 10, rel=0.1)
    assert resolve_task(task_file).space.searched


def test_the_command_seeds_a_study(task_file: Path) -> None:
    """What `lr-range` prints can be pasted: the last line runs the task on the range that was found."""
    result = CliRunner().invoke(main, ["lr-range", str(task_file), "--low", "1e-5", "--steps", "60"])
    assert result.exit_code == 0, result.output
    assert "steepest fall at" in result.output
    assert (task_file.parent / result.output.split("figure: ")[1].split()[0]).exists()
    command = shlex.split(result.output.strip().splitlines()[-1])
    assert command[:4] == ["python", "-m", "tuner", "run"]
    task = resolve_task(command[4], [value for option, value in pairwise(command[5:]) if option == "--set"])
    assert "learning_rate" in task.space.searched


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"low": 1.0, "high": 0.1}, "the first rate must be above 0 and below the last one"),
        ({"low": 1e-9, "high": 1e-8, "steps": 40}, "the loss must fall by more than its noise"),
    ],
)
def test_what_cannot_be_found_is_said(task_file: Path, arguments: dict[str, float], rule: str) -> None:
    """Rates in the wrong order, or too small to learn anything, end in one line."""
    with pytest.raises(TaskFileError, match=rule):
        lr_range(resolve_task(task_file), **arguments)  # type: ignore[arg-type]
