"""What a training step costs with every cell that a search space can produce."""

from __future__ import annotations

import tempfile
from typing import Any

from tuner.errors import TaskFileError, TrialError
from tuner.messages import TrialSpec
from tuner.sweep.task import Task, acting

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
    from tuner.training.pace import measured  # brings torch

    costs = {}
    for cell in cells(task):
        with tempfile.TemporaryDirectory() as folder:
            spec = baseline_spec(task, acting(task, {**task.baseline, "cell": cell}), "cost", folder)
            try:
                costs[cell] = 1e3 * measured(spec, SECONDS).step
            except TrialError as error:
                raise TaskFileError(f"every cell must train, but {cell} failed: {error}", key=("space",)) from error
    return dict(sorted(costs.items(), key=lambda cost: cost[1]))


def cells(task: Task) -> list[str]:
    """The cells that the space can produce, in its order; the baseline's where it does not choose one."""
    found: dict[str, None] = {}
    for definition in task.space.definitions:
        if definition.name == "cell":
            found.update(dict.fromkeys(map(str, definition.domain.values() or ())))
    return list(found) or [task.settings(task.baseline).net.cell]


def baseline_spec(task: Task, params: dict[str, Any], run: str, folder: str, **fields: Any) -> TrialSpec:
    """A spec to train a configuration in this process, of which nothing is recorded.

    Args:
        task: The resolved task, whose data are prepared.
        params: The configuration.
        run: What it is for.
        folder: Where it may write.
        fields: Further fields of the spec.
    """
    file = task.file
    given: dict[str, Any] = {"epochs": 1, "seed": 0, "diagnostics": "off", **fields}
    return TrialSpec(
        study=task.folder.name,
        run=run,
        kind="trial",
        number=-1,
        attempt=1,
        params=params,
        adapter=file.adapter,
        data=task.data,
        prepared=str(task.folder.prepared),
        folder=folder,
        metric=task.metric,
        maximize=task.maximize,
        device=file.device,
        threads=file.resources.cpus,
        **given,
    )
