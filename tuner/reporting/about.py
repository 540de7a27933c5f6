"""A study's facts that are needed to describe its runs; the findings of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.diagnostics.case import Case
from tuner.diagnostics.catalog import FINDINGS
from tuner.diagnostics.finding import Finding
from tuner.diagnostics.judging import judge, rules
from tuner.diagnostics.rules.rule import Rule
from tuner.disk.events import RunRecord
from tuner.errors import StudyError
from tuner.messages import Epoch, State
from tuner.objective import TRIVIAL_PREDICTOR, Objective
from tuner.space import Space
from tuner.space.domains import Domain


@dataclass(frozen=True)
class About:
    """A study's facts that are needed to describe its runs.

    Args:
        study: Its name.
        objective: With the trivial predictor's score, if known.
        epochs: Of a full trial; 0 if unknown.
        trivial: Scores of the trivial predictor on the validation split, by name without the split.
        thresholds: Finding -> its thresholds that differ from the defaults, for runs without findings on record.
        space: The search space of the last run; None if unknown.
    """

    study: str
    objective: Objective
    epochs: int = 0
    trivial: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    space: Space | None = None

    @classmethod
    def of(cls, study: str, sweep: Mapping[str, Any]) -> About:
        """The facts in a study's own events.

        Args:
            study: Its name.
            sweep: Its last `sweep` event; empty without one.
        """
        objective = Objective(sweep.get("metric", "val/loss"), maximize=sweep.get("direction") == "maximize")
        trivial = (sweep.get("trivial") or {}).get("val") or {}
        name = (sweep.get("about") or {}).get("name", TRIVIAL_PREDICTOR)
        return cls(
            study=study,
            objective=objective.against(trivial.get(objective.name), name),
            epochs=sweep.get("epochs") or 0,
            trivial=trivial,
            thresholds=sweep.get("thresholds") or {},
            space=_declared(sweep),
        )

    @property
    def domains(self) -> Mapping[str, Domain]:
        """Searched parameter -> its declared domain, if known."""
        return {} if self.space is None else self.space.domains

    def as_json(self) -> dict[str, Any]:
        """JSON-able fields."""
        return {
            "study": self.study,
            "metric": self.objective.metric,
            "maximize": self.objective.maximize,
            "epochs": self.epochs,
            "trivial": self.trivial,
            "trivial_name": self.objective.trivial_name,
            "thresholds": self.thresholds,
        }

    def best(self, record: RunRecord) -> tuple[int, float] | None:
        """Epoch and value of the best objective; None if no epoch has a finite one."""
        return self.objective.best_of(record.series(self.objective.metric).items(), score=lambda pair: pair[1])


def _declared(sweep: Mapping[str, Any]) -> Space | None:
    try:
        return Space.from_json(sweep["space"]["definition"])
    except (LookupError, TypeError, ValueError):  # from an early version, or damaged
        return None


def is_judged(record: RunRecord) -> bool:
    """Whether the findings are recorded; they are not in unfinished runs and in studies of older versions."""
    return record.results.get("findings") is not None


def findings(record: RunRecord, about: About) -> list[Finding]:
    """The findings of a run; if they are not recorded, those that its numbers give with the study's thresholds.

    Raises:
        StudyError: The record is damaged.
    """
    if is_judged(record):
        try:
            return [Finding.from_json(fields) for fields in record.results["findings"]]
        except (TypeError, LookupError, ValueError) as error:
            raise StudyError(
                f"the findings of {record.run} must be unchanged",
                value=repr(error),
                fix="Restore its events.jsonl from a copy.",
            ) from error
    return judge(case_of(record, about), _rules(about))


def _rules(about: About) -> list[Rule[Any]]:
    try:
        if set(about.thresholds) <= set(FINDINGS):
            return rules(about.thresholds)
    except (AttributeError, TypeError, ValueError):
        pass
    raise StudyError(
        f"the thresholds of study {about.study} must be those of this version",
        value=about.thresholds,
        fix="Read it with the version that wrote it, or restore its sweep.jsonl from a copy.",
    )


def case_of(record: RunRecord, about: About, upto: int | None = None) -> Case:
    """A run as the rules see it, without whether the search pruned it.

    Args:
        record: The run.
        about: Its study.
        upto: The last epoch to use; None: all.
    """
    return Case(
        epochs=[
            Epoch(
                epoch=epoch,
                time=event["time"],
                metrics={name: value for name, value in event["metrics"].items() if value is not None},
                tensors=event.get("tensors") or {},
                profiles=event.get("profiles") or {},
            )
            for epoch, event in sorted(record.epochs.items())
            if upto is None or epoch <= upto
        ],
        budget=about.epochs or max(record.epochs, default=1),
        objective=about.objective,
        trivial=about.trivial,
        lag=record.results.get("lag"),
        steps_per_epoch=record.results.get("steps_per_epoch") or 0,
        params=record.params,
        diverged=record.reason if record.state is State.DIVERGED and upto is None else "",
    )
