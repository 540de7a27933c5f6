"""A preview of a sweep, without running it."""

from __future__ import annotations

import random
import tempfile
from dataclasses import asdict
from typing import Any

from tuner.adapters.base import Prepared
from tuner.adapters.defaults import described_by
from tuner.adapters.described import dropped
from tuner.config.task import Budget
from tuner.execution.failures import in_one_line
from tuner.link import RecordingLink, end
from tuner.messages import Answer, Report, State
from tuner.redaction import redacted
from tuner.registry import load_target
from tuner.reporting.resolution import cannot_tell
from tuner.solo.cost import paces
from tuner.solo.forecast import expected_confirmations, expected_rungs, expected_seconds, expected_trials, memory
from tuner.space import Space
from tuner.space.words import conditions_in_words, domain_in_words
from tuner.task.machine import has_device, slots
from tuner.task.specs import RUN_TRIAL, modelless, search_rungs, trial_spec, unpruned
from tuner.task.task import Task
from tuner.words import counted, spelt

DRY_RUNS = 12
"""Number of configurations, besides the baseline, that a dry run trains for one epoch."""


def preview(task: Task, *, timing: bool = True, dry_run: bool = False) -> dict[str, Any]:
    """Facts about the sweep: data, objective, space, rungs, trainings.

    Args:
        task: The resolved task.
        timing: Also measure a training step with every cell of the space.
        dry_run: Also train one epoch of the baseline and of configurations drawn from the space.

    Raises:
        DataError: The data is unfit.
        TaskFileError: A configuration cannot be trained.
    """
    folder, prepared = task.prepare()
    file = task.file
    with in_one_line(f"adapter {file.adapter} must describe the data"):
        described = described_by(task.adapter, folder, prepared)
    rungs, share = expected_rungs(task)
    facts: dict[str, Any] = {
        "study": file.name,
        "adapter": file.adapter,
        "data": {**prepared.counts, **prepared.about},
        "notices": [*prepared.notices, *unpruned(task), *modelless(task)],
        "read": [*described.facts, *dropped(prepared.about)],
        "examples": list(described.examples),
        "objective": f"{task.objective.metric}, {task.objective.words}",
        "trivial predictor": task.against_trivial.trivial,
        "resolution": cannot_tell(_validated(task, prepared), task.readable),
        "search space": {
            "searched": ", ".join(task.space.searched),
            "fixed": ", ".join(f"{key} {spelt(value)}" for key, value in task.space.constants.items()) or "nothing",
            "configurations": task.space.size() or "infinitely many",
        },
        "ranges": _ranges(task.space),
        "baseline": {key: spelt(value) for key, value in task.baseline.items()} or "the defaults",
        "search": f"{_trials(task)} of up to {_length(file.budget)}, sampler {task.sampler[0]}",
        "rungs": ", ".join(map(str, search_rungs(task, task.baseline))) or "none",
        "pruning": [asdict(rung) for rung in rungs],
        "confirmation": counted(expected_confirmations(task), "training"),
        "refit": file.refit,
        "tracking": redacted(task.recorder.uri) or task.recorder.name,
        "storage": {key: redacted(value) for key, value in file.storage.model_dump(exclude_none=True).items()},
        "folder": str(task.folder.root),
    }
    if (timing or dry_run) and not has_device(task):  # the sweep may be intended for another machine
        facts["notices"].append(f"device {file.device} is not on this machine: no step is timed, nothing is tried")
        return facts
    if timing:
        facts |= _measured(task, share)
    if dry_run:
        facts["dry run"] = f"{counted(_dry_run(task), 'configuration')} trained for an epoch"
    return facts


def _validated(task: Task, prepared: Prepared) -> int:
    """Items that validate: with folds each that is not for the test does, once."""
    splits = ("train", "val") if task.data.get("folds", 1) > 1 else ("val",)
    return sum(prepared.counts.get(split, 0) for split in splits)


def _ranges(space: Space) -> dict[str, list[str]]:
    """Searched parameter -> its ranges, a text for each definition."""
    found: dict[str, list[str]] = {}
    for definition in space.definitions:
        if definition.name in space.searched:
            when = conditions_in_words(definition)
            told = f"{domain_in_words(definition.domain)}{f', with {when}' if when else ''}"
            found.setdefault(definition.name, []).append(told)
    return found


def _measured(task: Task, share: float) -> dict[str, Any]:
    """Measured steps of every cell, and the forecast of the sweep from them."""
    measured, at_once = paces(task), slots(task)
    least, most, unpruned = expected_seconds(task, measured, share, at_once or 1)
    return {
        "milliseconds per step": {cell: f"{1e3 * pace.step:.3g}" for cell, pace in measured.items()},
        "steps per epoch": next(iter(measured.values())).steps_per_epoch,
        "slots": at_once,
        "seconds": {"least": least, "most": most, "unpruned": unpruned, "timeout": task.file.budget.timeout},
        "memory": memory(),
    }


def _trials(task: Task) -> str:
    trials, asked = expected_trials(task), task.file.budget.trials
    return counted(trials, "trial") + (f", all that the search space has (budget.trials: {asked})," * (trials < asked))


def _length(budget: Budget) -> str:
    if budget.seconds is None:
        return counted(budget.epochs, "epoch")
    return f"{budget.seconds:g} seconds in {counted(budget.epochs, 'epoch')}"


def _dry_run(task: Task) -> int:
    samples = task.space.samples(random.Random(0), DRY_RUNS)
    configurations = [dict(task.baseline), *samples]
    for number, params in enumerate(configurations):
        with tempfile.TemporaryDirectory() as folder:
            spec = trial_spec(
                task, params, f"dry-run/{number}", folder, epochs=2, seconds=None, diagnostics="off", rungs=(1,)
            )
            with in_one_line(f"configuration {params} must train"):
                load_target(RUN_TRIAL)(spec, RecordingLink(_after_an_epoch))
    return len(configurations)


def _after_an_epoch(report: Report) -> Answer | None:
    return end(report, State.PRUNED) if report.waiting else None
