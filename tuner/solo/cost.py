"""The cost of a training step with every cell of a search space."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from tuner.execution.failures import in_one_line
from tuner.task.specs import trial_spec
from tuner.task.task import Task, acting, cells

if TYPE_CHECKING:
    from tuner.training.pace import Pace

SECONDS = 1.0
"""Longest time in seconds that is spent on a cell's steps; at least two are made."""


def epoch_costs(task: Task) -> dict[str, float]:
    """Cell -> seconds of an epoch, including validation; see `paces`."""
    return {cell: pace.step * pace.steps_per_epoch + pace.validation for cell, pace in paces(task).items()}


def paces(task: Task) -> dict[str, Pace]:
    """Cell -> times of the parts of the baseline's training with that cell, the cheapest step first.

    The baseline's other parameters stay, except those that do not act with the cell. On a CPU with one thread it is
    processor time, so that other programs do not count.

    Args:
        task: The resolved task, whose data are prepared.

    Raises:
        TaskFileError: A cell cannot be trained.
    """
    from tuner.training.pace import measured  # brings torch

    found = {}
    for cell in cells(task):
        with tempfile.TemporaryDirectory() as folder:
            params = acting(task, {**task.baseline, "cell": cell})
            spec = trial_spec(task, params, "cost", folder, epochs=1, seconds=None, diagnostics="off")
            with in_one_line(f"cell {cell} must train", key=("space",)):
                found[cell] = measured(spec, SECONDS)
    return dict(sorted(found.items(), key=lambda each: each[1].step))
