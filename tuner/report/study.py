"""All that a report needs of a study, read from its folder once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tuner.disk import events, regular
from tuner.disk.events import RunRecord, read_runs
from tuner.disk.folder import StudyFolder
from tuner.disk.lock import held
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.about import About
from tuner.reporting.comparable import Comparable, comparable
from tuner.reporting.leaderboard import BASELINE, Confirmation, confirmation, leaderboard
from tuner.reporting.mattering import Importances, importances
from tuner.space import Space
from tuner.space.domains import Domain
from tuner.words import called

READABLE = ("accuracy", "mase", "perplexity")
"""Scores that a reader knows without being told, the first that there is."""


@dataclass(frozen=True)
class ReportedStudy:
    """A study as its event files tell it.

    Args:
        name: Its name.
        about: What was optimized, and the trivial predictor.
        sweep: What the last run of the driver set out to do; empty where that is not known.
        summary: What it ended with; empty while it is not finished.
        stopped: Why the last run was stopped; "" where it was not, or was killed.
        running: Whether a driver has it now, and has not summed it up yet.
        trials: Trials of the search, by number.
        confirmed: Trainings on fresh seeds.
        test: Run -> score -> value on test data.
        task: The task file as it was last run; "" without one.
        answers: Run -> what its model answers on validation data, as `Confused` or `Forecasts` has it.
    """

    name: str
    about: About
    sweep: Mapping[str, Any]
    summary: Mapping[str, Any]
    stopped: str
    running: bool
    trials: tuple[RunRecord, ...]
    confirmed: tuple[RunRecord, ...]
    test: Mapping[str, Mapping[str, float]]
    task: str
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def objective(self) -> Objective:
        """What was optimized."""
        return self.about.objective

    @property
    def finished(self) -> bool:
        """Whether the last run of the driver came to its end."""
        return bool(self.summary)

    @cached_property
    def space(self) -> Space | None:
        """The search space of the last run; None where that is not known."""
        try:
            return Space.from_json(self.sweep["space"]["definition"])
        except (LookupError, TypeError, ValueError):  # of an early version, or damaged
            return None

    @property
    def domains(self) -> Mapping[str, Domain]:
        """Searched parameter -> its declared domain, as far as it is known."""
        return {} if self.space is None else self.space.domains

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """Names of searched parameters that any trial has."""
        return tuple(dict.fromkeys(name for one in self.trials for name in one.searched if name in one.params))

    @cached_property
    def ranked(self) -> list[RunRecord]:
        """The trials, completed ones first, best first."""
        return leaderboard(self.trials, self.objective)

    @cached_property
    def result(self) -> Confirmation | None:
        """The outcome of the confirmation; None before there is one."""
        scores: dict[int, list[float | None]] = {}
        for one in self.confirmed:
            if one.state.final:
                scores.setdefault(one.number, []).append(one.value if one.state is State.COMPLETED else None)
        return confirmation(scores, self.objective) if scores else None

    @cached_property
    def winner(self) -> int | None:
        """Number of the configuration that was chosen, or leads so far; -1 of the baseline, None without any."""
        told = str(self.summary.get("winner") or "")
        if told:
            return BASELINE if told == "baseline" else int(told.rpartition(" ")[2])
        if self.result is not None and self.result.winner is not None:
            return self.result.winner
        best = next(iter(self.ranked), None)
        return best.number if best is not None and best.state is State.COMPLETED else None

    @cached_property
    def comparable(self) -> Comparable:
        """The trials that lie in the search space of the last run, after the same number of epochs."""
        inside = [one for one in self.trials if self.space is None or self.space.contains(one.params)]
        return comparable(inside, self.objective)

    @cached_property
    def importances(self) -> Importances:
        """How much each searched parameter mattered among them."""
        return importances(self.comparable, self.objective, self.domains)

    @property
    def winner_name(self) -> str:
        """What it is called."""
        return "" if self.winner is None else called(self.winner)

    @cached_property
    def winner_runs(self) -> list[RunRecord]:
        """Its trainings: those on fresh seeds, or else that of the search."""
        again = [one for one in self.confirmed if one.number == self.winner and one.state is State.COMPLETED]
        return again or [one for one in self.trials if one.number == self.winner]

    @cached_property
    def winner_params(self) -> Mapping[str, Any]:
        """Its parameters."""
        told = self.summary.get("winner_params")
        return told or next((one.params for one in self.winner_runs), {})

    @cached_property
    def readable(self) -> str:
        """The score that a reader knows best, without its split: "accuracy"."""
        there = set(self.trivial("val")) | set(next(iter(self.test.values()), {}))
        return next((name for name in READABLE if name in there), self.objective.name)

    def trivial(self, split: str) -> Mapping[str, float]:
        """Scores of the trivial predictor on a split."""
        return {
            name: value
            for name, value in ((self.sweep.get("trivial") or {}).get(split) or {}).items()
            if value is not None
        }

    def tests(self, number: int, score: str = "") -> list[float]:
        """A configuration's scores on test data, by seed.

        Args:
            number: Of the trial, or -1.
            score: Without the split; by default the objective's.
        """
        runs = sorted(one.run for one in self.confirmed if one.number == number)
        name = score or self.objective.name
        return [self.test[run][name] for run in runs if self.test.get(run, {}).get(name) is not None]

    def fresh(self, number: int, score: str = "") -> list[float]:
        """A configuration's scores on validation data with fresh seeds; see `tests`."""
        runs = [one for one in self.confirmed if one.number == number and one.state is State.COMPLETED]
        if not score or score == self.objective.name:
            return [one.value for one in runs if one.value is not None]
        best = [(one, self.about.best(one)) for one in runs]
        values = [one.epochs[at[0]]["metrics"].get(f"val/{score}") for one, at in best if at is not None]
        return [value for value in values if value is not None]


def read_study(folder: StudyFolder) -> ReportedStudy:
    """Read a study, whether it is finished, running or was killed; nothing of it is changed.

    Raises:
        StudyError: An event file is damaged.
    """
    told = events.read(folder.sweep_events)
    sweep: dict[str, Any] = next((event for event in reversed(told) if event["event"] == "sweep"), {})
    last = told[-1] if told else {"event": ""}
    records = list(read_runs(folder.events(run) for run in folder.runs()))
    tested = next((one.results for one in records if one.kind == "test"), {})
    return ReportedStudy(
        name=folder.name,
        about=About.of(folder.name, sweep),
        sweep=sweep,
        summary=last if last["event"] == "summary" else {},
        stopped=str(last.get("reason", "")) if last["event"] == "stopped" else "",
        running=last["event"] != "summary" and held(folder.lock),
        trials=_of_kind(records, "trial"),
        confirmed=_of_kind(records, "confirm"),
        test=tested.get("test") or {},
        task=_text(folder),
        answers=tested.get("answers") or {},
    )


def _of_kind(records: Sequence[RunRecord], kind: str) -> tuple[RunRecord, ...]:
    return tuple(record for record in records if record.kind == kind)


def _text(folder: StudyFolder) -> str:
    try:
        return regular.read_bytes(folder.task_file).decode(errors="replace")
    except OSError:
        return ""
