"""Repeats a recorded run in this process and compares it with its record."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.disk.events import RunRecord, read, read_run
from tuner.disk.folder import trial_run
from tuner.disk.versions import changed_since
from tuner.errors import StudyError
from tuner.execution.failures import in_one_line
from tuner.link import RecordingLink, end
from tuner.messages import Answer, Ended, Epoch, Report, State, TrialSpec
from tuner.registry import load_target
from tuner.task.code import changed_code
from tuner.task.specs import RUN_TRIAL, search_rungs, trial_spec
from tuner.task.task import Task

COMPARED = ("train/", "val/", "grad/", "act/", "weight/", "update/", "lr")
"""Metrics that must be equal; times are not."""


@dataclass(frozen=True)
class Comparison:
    """The result of a rerun."""

    epochs: int
    changed: list[str]
    """Changes since the trial was trained that may explain differing numbers; a whole sentence each."""
    differing: list[str]
    """"epoch 3: val/loss 0.51 was 0.50"; empty if every number is bit-identical."""
    ended: Ended


def rerun(task: Task, number: int) -> Comparison:
    """Train a trial again with its parameters and seed, for as many epochs as it had.

    Raises:
        StudyError: The study has no such trial, or it has no epoch to compare with.
        TaskFileError: Its parameters do not fit the task file.
    """
    record = read_run(task.folder.events(trial_run(number)))
    if not record.epochs:
        raise StudyError(
            f"trial {number} of study {task.folder.name} must have at least one recorded epoch",
            fix="`python -m tuner top` lists the trials.",
        )
    task.settings(record.params)
    changed = _changed(task, record)
    last = max(record.epochs)

    def as_far(report: Report) -> Answer | None:
        over = any(epoch.epoch >= last for epoch in report.epochs)
        return end(report, State.PRUNED, "the record ends here") if over else None

    link = RecordingLink(as_far)
    with tempfile.TemporaryDirectory() as folder, in_one_line(f"trial {number} must train"):
        ended: Ended = load_target(RUN_TRIAL)(_spec(task, record, folder), link)
    made = max((epoch.epoch for epoch in link.epochs), default=0)
    return Comparison(min(made, last), changed, _differing(record, link.epochs), ended)


def _spec(task: Task, record: RunRecord, folder: str) -> TrialSpec:
    rungs = search_rungs(task, record.params)
    return trial_spec(task, record.params, record.run, folder, number=record.number, seed=record.seed, rungs=rungs)


def _changed(task: Task, record: RunRecord) -> list[str]:
    """Versions and own code that have changed since the recorded epochs were trained."""
    times = [epoch["time"] for epoch in record.epochs.values()]
    sweeps = [event for event in read(task.folder.sweep_events) if event["event"] == "sweep"]
    ends = [*(sweep["time"] for sweep in sweeps[1:]), math.inf]
    found: dict[str, None] = {}
    for sweep, end_of_it in zip(sweeps, ends, strict=True):
        if sweep["time"] > max(times) or end_of_it <= min(times):
            continue
        found.update(dict.fromkeys(changed_since(sweep.get("versions") or {})))
        for what, files in changed_code(task, sweep.get("code") or {}).items():
            found[f"the code of {what} changed in {', '.join(files)}"] = None
    return [f"since trial {record.number} was trained, {each}: numbers may differ" for each in found]


def _differing(record: RunRecord, epochs: Sequence[Epoch]) -> list[str]:
    """Numbers that differ from the record."""
    differing = []
    for epoch in epochs:
        recorded = record.epochs.get(epoch.epoch, {}).get("metrics", {})
        differing += [
            f"epoch {epoch.epoch}: {name} {value!r} was {recorded[name]!r}"
            for name, value in epoch.metrics.items()
            if name.startswith(COMPARED) and name in recorded and recorded[name] != value
        ]
    return differing
