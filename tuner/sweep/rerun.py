"""One recorded run again, in this process, compared with its record."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.errors import StudyError
from tuner.events import RunRecord, read_run
from tuner.folder import trial_run
from tuner.messages import Answer, Ended, Report, State, TrialSpec, Verdict
from tuner.registry import load_target
from tuner.sweep.driver import RUN_TRIAL
from tuner.sweep.search_phase import search_rungs
from tuner.sweep.task import Task

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
    file = task.file
    return TrialSpec(
        study=task.folder.name,
        run=record.run,
        kind="trial",
        number=record.number,
        attempt=1,
        seed=record.seed,
        params=record.params,
        adapter=file.adapter,
        data=task.data,
        prepared=str(task.folder.prepared),
        folder=str(Path(folder)),
        epochs=file.budget.epochs,
        seconds=file.budget.seconds,
        rungs=search_rungs(task, record.params),
        metric=task.metric,
        maximize=task.maximize,
        device=file.device,
        threads=file.resources.cpus,
        diagnostics=file.diagnostics.level,
        act=False,
    )


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
