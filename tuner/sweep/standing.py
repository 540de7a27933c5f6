"""The state of a study, read from its folder: finished with its summary, or its progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tuner.announcements import Summary
from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder
from tuner.disk.lock import held
from tuner.disk.study_events import SweepRecord, read_study, read_sweep
from tuner.messages import State
from tuner.reporting.about import About
from tuner.words import called


@dataclass(frozen=True)
class Standing:
    """The state of a study: finished, or its progress.

    Args:
        study: Its name.
        folder: Its folder.
        finished: Whether the last run of the driver reached the end.
        running: Whether a driver is running it.
        stopped: Why the last run of the driver was stopped; "" if it was not stopped, or killed.
        metric: The objective.
        trials: The budget's trials.
        states: State -> number of finished search trials.
        begun: Number of unfinished search trials.
        confirmed: Number of finished trainings of the confirmation.
        best: The best score of a completed trial; None before there is one.
        best_number: The trial that has it.
        summary: Its summary; None before it is finished.
    """

    study: str
    folder: str
    finished: bool
    running: bool
    stopped: str
    metric: str
    trials: int
    states: Mapping[str, int] = field(default_factory=dict)
    begun: int = 0
    confirmed: int = 0
    best: float | None = None
    best_number: int | None = None
    summary: Summary | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return asdict(self)


def standing(folder: StudyFolder) -> Standing:
    """The state of a study: finished, or its progress.

    Raises:
        StudyError: An event file is damaged.
    """
    study = read_study(folder)
    trials, sweep = study.of_kind("trial"), study.sweep
    objective = About.of(folder.name, sweep.asked).objective
    best = objective.best_of((one for one in trials if one.state is State.COMPLETED), score=_value)
    summary = _summary(folder, sweep)
    return Standing(
        study=folder.name,
        folder=str(folder.root),
        finished=summary is not None,
        running=held(folder.lock),
        stopped=sweep.stopped,
        metric=objective.metric,
        trials=sweep.asked.get("trials") or 0,
        states=dict(Counter(record.state.value for record in trials if record.state.final)),
        begun=sum(not record.state.final for record in trials),
        confirmed=sum(record.state.final for record in study.of_kind("confirm")),
        best=None if best is None else best.value,
        best_number=None if best is None else best.number,
        summary=summary,
    )


def last_summary(folder: StudyFolder) -> Summary | None:
    """The summary of a finished study; None for an unfinished one.

    Raises:
        StudyError: The study's event file is damaged.
    """
    return _summary(folder, read_sweep(folder))


def _summary(folder: StudyFolder, sweep: SweepRecord) -> Summary | None:
    last = sweep.summary
    if not last:
        return None
    told: dict[str, Any] = {"headline": "", "metric": "", "test_metric": ""}
    told |= {each.name: last[each.name] for each in fields(Summary) if last.get(each.name) is not None}
    kept = models_of(folder, last.get("model_run") or told.get("model", ""), last.get("other_runs") or ())
    return Summary(**{**told, **kept})  # the study's folder may have moved


def models_of(folder: StudyFolder, winner: str, others: Sequence[str]) -> dict[str, Any]:
    """The fields of a summary that name the folders of models, of those that still exist.

    Args:
        folder: The study.
        winner: The run of the winner's model; "" without one.
        others: The runs of the other confirmed configurations' models.
    """
    found = {_configuration(run): folder.model_of(run) for run in others}
    return {
        "model": str(folder.model) if winner and folder.model.is_dir() else "",
        "models": {name: str(path) for name, path in found.items() if path.is_dir()},
    }


def _configuration(run: str) -> str:
    """The name of a confirmed run's configuration."""
    number = run.partition("/")[2].partition("-")[0]
    return called(int(number) if number.isdecimal() else -1)


def _value(record: RunRecord) -> float | None:
    return record.value
