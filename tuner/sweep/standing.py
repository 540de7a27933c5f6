"""How a study stands, read from its folder: finished, with what it said; or how far it is."""

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
    """How a study stands.

    Args:
        study: Its name.
        folder: Where it is.
        finished: Whether the last run of the driver came to its end.
        running: Whether a driver has it now.
        stopped: Why the last run of the driver was stopped; "" where it was not, or was killed.
        metric: The objective.
        trials: Trials that were asked for.
        states: State -> trials of the search that are over so.
        begun: Trials of the search that are not over.
        confirmed: Trainings of the confirmation that are over.
        best: The best score of a completed trial; None before there is one.
        best_number: The trial that has it.
        summary: What it said when it was finished; None before.
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
    """How a study stands.

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
    """What a study said when it was finished; None where it is not.

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
    """The fields of a summary that say where models are; none of those that are there no more.

    Args:
        folder: The study.
        winner: The run whose weights the winner's model has; "" where there is none.
        others: Those of the other confirmed configurations' models.
    """
    found = {_configuration(run): folder.model_of(run) for run in others}
    return {
        "model": str(folder.model) if winner and folder.model.is_dir() else "",
        "models": {name: str(path) for name, path in found.items() if path.is_dir()},
    }


def _configuration(run: str) -> str:
    """What the configuration of a confirmed run is called."""
    number = run.partition("/")[2].partition("-")[0]
    return called(int(number) if number.isdecimal() else -1)


def _value(record: RunRecord) -> float | None:
    return record.value
