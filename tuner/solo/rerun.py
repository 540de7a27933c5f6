"""One recorded run again, in this process, compared with its record."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace

from tuner.disk.events import RunRecord, read_run
from tuner.disk.folder import trial_run
from tuner.errors import StudyError
from tuner.messages import Answer, Ended, Report, State, TrialSpec, Verdict
from tuner.registry import load_target
from tuner.task.specs import RUN_TRIAL, search_rungs, trial_spec
from tuner.task.task import Task

COMPARED = ("train/", "val/", "grad/", "act/", "weight/", "update/", "lr")
"""Metrics that must repeat; times do not."""


@dataclass(frozen=True)
class Comparison:
    """What came out of a rerun."""

    epochs: int
    differing: list[str]
    """"epoch 3: val/loss 0.51 was 0.50" - empty when every number is equal, bit for bit."""
    ended: Ended


def rerun(task: Task, number: int) -> Comparison:
    """Train a trial of a study again with its parameters and seed, for as many epochs as it had.

    Raises:
        StudyError: The study has no such trial, or it has no epoch to compare with.
        TaskFileError: Its parameters go with nothing that the task file names.
    """
    record = read_run(task.folder.events(trial_run(number)))
    if not record.epochs:
        raise StudyError(
            f"trial {number} of study {task.folder.name} must have at least one recorded epoch",
            fix="`python -m tuner top` lists the trials.",
        )
    task.settings(record.params)
    with tempfile.TemporaryDirectory() as folder:
        link = _Comparing(record)
        ended: Ended = load_target(RUN_TRIAL)(_spec(task, record, folder), link)
    return Comparison(link.epochs, link.differing, ended)


def _spec(task: Task, record: RunRecord, folder: str) -> TrialSpec:
    rungs = search_rungs(task, record.params)
    return trial_spec(task, record.params, record.run, folder, number=record.number, seed=record.seed, rungs=rungs)


class _Comparing:
    """Takes the reports, compares, and stops where the record ends, or soon after."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self._last = max(record.epochs)
        self.epochs = 0
        self.differing: list[str] = []

    def send(self, report: Report) -> Answer | None:
        for epoch in report.epochs:
            self.epochs = min(epoch.epoch, self._last)
            recorded = self._record.epochs.get(epoch.epoch, {}).get("metrics", {})
            self.differing += [
                f"epoch {epoch.epoch}: {name} {value!r} was {recorded[name]!r}"
                for name, value in epoch.metrics.items()
                if name.startswith(COMPARED) and name in recorded and recorded[name] != value
            ]
        answer = Answer(run=report.run, attempt=report.attempt, verdict=Verdict.CONTINUE)
        if self.epochs == self._last:
            return replace(answer, verdict=Verdict.STOP, state=State.PRUNED, reason="as far as the record goes")
        return answer if report.waiting else None

    def answered(self) -> Answer | None:
        return None
