"""The only place where specs of trainings are made from a task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.adapters.catalog import ADAPTERS
from tuner.adapters.defaults import has_codec
from tuner.errors import TaskFileError
from tuner.messages import TrialSpec
from tuner.optim.schedules import peak_epoch
from tuner.study.catalog import PRUNERS
from tuner.task.task import Task

RUN_TRIAL = "tuner.training:run_trial"
"""The function that trains a spec, as workers import it."""


def trial_spec(task: Task, params: Mapping[str, Any], run: str, folder: str | Path, **fields: Any) -> TrialSpec:
    """A spec with the fields that all trainings of a task share.

    Args:
        task: The resolved task, whose data are prepared.
        params: The configuration.
        run: Its name, or its folder below the study.
        folder: The folder that it may write to.
        fields: Further fields, which override the task's.
    """
    file = task.file
    common: dict[str, Any] = {
        "kind": "trial",
        "number": -1,
        "attempt": 1,
        "seed": 0,
        "epochs": file.budget.epochs,
        "seconds": file.budget.seconds,
        "objective": task.against_trivial,
        "device": file.device,
        "threads": file.resources.cpus,
        "diagnostics": file.diagnostics.level,
        "thresholds": file.diagnostics.thresholds,
        "trivial": task.trivial,
    }
    return TrialSpec(
        study=task.folder.name,
        run=run,
        params=dict(params),
        adapter=file.adapter,
        data=task.data,
        prepared=str(task.folder.prepared),
        folder=str(folder),
        **{**common, **fields},
    )


def search_rungs(task: Task, params: Mapping[str, Any]) -> tuple[int, ...]:
    """Epochs after which a search trial may be judged, none before the peak of its own learning rate."""
    name, options = task.pruner
    peak = search_peak(task, params)
    if math.isnan(peak):
        return ()
    rungs: tuple[int, ...] = PRUNERS[name].load()(options).rungs(task.file.budget.epochs, peak)
    return rungs


def search_peak(task: Task, params: Mapping[str, Any]) -> float:
    """Epochs until the learning rate's peak; NaN if the parameters are refused, so that the trial will fail."""
    try:
        settings = task.settings(params)
    except TaskFileError:
        return math.nan
    return peak_epoch(settings.learning.schedule, settings.schedule, task.file.budget.epochs)


def modelless(task: Task) -> list[str]:
    """A sentence if no model of the winner can be written, as the adapter has no codec; else ""."""
    adapter = task.file.adapter
    if has_codec(ADAPTERS[adapter].load()):
        return []
    return [
        f"no model will be written, as adapter {adapter} lacks `model_files` or `codec`; "
        "once it has both, run the study again with --fresh"
    ]


def unpruned(task: Task) -> list[str]:
    """A sentence if the pruner of the task file can stop no trial; else ""."""
    name, options = task.pruner
    first, epochs = getattr(options, "min_epochs", None), task.file.budget.epochs
    if first is None or first <= epochs / 2:
        return []
    return [
        f"pruner {name} stops no trial: pruner.min_epochs ({first}) is beyond half of budget.epochs ({epochs}), after "
        "which none is pruned"
    ]
