"""What a training step costs with every cell that a search space can produce."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from tuner.errors import TaskFileError, TrialError
from tuner.task.specs import trial_spec
from tuner.task.task import Task, acting, cells

if TYPE_CHECKING:
    from tuner.training.pace import Pace

SECONDS = 1.0
"""Most time that is spent on a cell's steps; two are made in any case."""


def step_costs(task: Task) -> dict[str, float]:
    """Cell -> milliseconds of an optimizer step of the baseline with that cell, the cheapest first.

    The baseline's other parameters stay, but those that do not act with the cell. On a CPU with one thread it is
    processor time, so that what else runs on the machine does not count.

    Args:
        task: The resolved task, whose data are prepared.

    Raises:
        TaskFileError: A cell cannot be trained.
    """
    costs = {cell: 1e3 * pace.step for cell, pace in _paces(task).items()}
    return dict(sorted(costs.items(), key=lambda cost: cost[1]))


def epoch_costs(task: Task) -> dict[str, float]:
    """Cell -> seconds of an epoch of the baseline with that cell, validation included; else as `step_costs`."""
    return {cell: pace.step * pace.steps_per_epoch + pace.validation for cell, pace in _paces(task).items()}


def _paces(task: Task) -> dict[str, Pace]:
    from tuner.training.pace import measured  # brings torch

    paces = {}
    for cell in cells(task):
        with tempfile.TemporaryDirectory() as folder:
            params = acting(task, {**task.baseline, "cell": cell})
            spec = trial_spec(task, params, "cost", folder, epochs=1, seconds=None, diagnostics="off")
            try:
                paces[cell] = measured(spec, SECONDS)
            except TrialError as error:
                raise TaskFileError(f"every cell must train, but {cell} failed: {error}", key=("space",)) from error
    return paces
