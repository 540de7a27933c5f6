"""A study as a report needs it, read once from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tuner.disk import regular, study_events
from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder
from tuner.disk.lock import held
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.about import About
from tuner.reporting.commands import of_task, task_file
from tuner.reporting.comparable import Comparable, comparable
from tuner.reporting.ensemble import Ensemble, ensemble
from tuner.reporting.leaderboard import BASELINE, Confirmation, confirmation, leaderboard
from tuner.reporting.mattering import Importances, importances
from tuner.reporting.scored import Scored, compared, seed_scores
from tuner.words import called

READABLE = ("accuracy", "mase", "perplexity")
"""Readable scores, in order of preference."""


@dataclass(frozen=True)
class ReportedStudy:
    """A study, from its event files.

    Args:
        folder: Its folder.
        about: The objective and the trivial predictor.
        sweep: The `sweep` event of the last run of the driver; empty if missing.
        summary: Its summary; empty while it is not finished.
        stopped: Why the last run was stopped; "" if it was not stopped, or killed.
        running: Whether a driver is running it and has not written the summary yet.
        trials: Trials of the search, by number.
        confirmed: Trainings on fresh seeds.
        aside: The refits of the winner, and the test run.
        tested: The results of the test run; empty before it.
        task: The text of the task file of the last run; "" without one.
    """

    folder: StudyFolder
    about: About
    sweep: Mapping[str, Any]
    summary: Mapping[str, Any]
    stopped: str
    running: bool
    trials: tuple[RunRecord, ...]
    confirmed: tuple[RunRecord, ...]
    aside: tuple[RunRecord, ...]
    tested: Mapping[str, Any]
    task: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    def again(self, command: str, *more: str) -> str:
        """A command for its task file, with the changes that it was last run with."""
        return of_task(command, task_file(self.sweep) or Path("task.yaml"), self.sweep.get("sets") or (), *more)

    @property
    def objective(self) -> Objective:
        """What was optimized."""
        return self.about.objective

    @property
    def finished(self) -> bool:
        """Whether the last run of the driver reached the end."""
        return bool(self.summary)

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """Names of the searched parameters that occur in a trial."""
        return tuple(dict.fromkeys(name for one in self.trials for name in one.searched if name in one.params))

    @cached_property
    def ranked(self) -> list[RunRecord]:
        """The trials, completed ones first, best first."""
        return leaderboard(self.trials, self.objective)

    @cached_property
    def result(self) -> Confirmation | None:
        """The outcome of the confirmation; None before there is one."""
        scores = seed_scores(self.confirmed)
        before = (self.summary.get("asked") or {}).get("seeds")  # versions before told it there only
        seeds = self.summary.get("seeds", before) or None
        return confirmation(scores, self.objective, seeds=seeds) if scores else None

    @cached_property
    def winner(self) -> int | None:
        """Number of the winner, or of the leading configuration; -1 for the baseline, None without any."""
        told = self.summary.get("winner")
        if told:
            return BASELINE if told == "baseline" else int(str(told).rpartition(" ")[2])
        if told == "":  # of all that were confirmed none can win
            return None
        if self.result is not None and self.result.winner is not None:
            return self.result.winner
        best = next(iter(self.ranked), None)
        return best.number if best is not None and best.state is State.COMPLETED else None

    @cached_property
    def comparable(self) -> Comparable:
        """The trials in the search space of the last run, compared after the same number of epochs."""
        space = self.about.space
        inside = [one for one in self.trials if space is None or space.contains(one.params)]
        return comparable(inside, self.objective)

    @cached_property
    def importances(self) -> Importances:
        """The importance of each searched parameter among the comparable trials."""
        return importances(self.comparable, self.objective, self.about.domains)

    @property
    def winner_name(self) -> str:
        """The winner's name."""
        return "" if self.winner is None else called(self.winner)

    @cached_property
    def winner_runs(self) -> list[RunRecord]:
        """The winner's trainings: those on fresh seeds, else that of the search."""
        again = [one for one in self.confirmed if one.number == self.winner and one.state is State.COMPLETED]
        return again or [one for one in self.trials if one.number == self.winner]

    @cached_property
    def winner_params(self) -> Mapping[str, Any]:
        """The winner's parameters."""
        told = self.summary.get("winner_params")
        return told or next((one.params for one in self.winner_runs), {})

    @cached_property
    def readable(self) -> str:
        """The most readable score, without its split: "accuracy"."""
        there = set(self.scored.known.get("val", {})) | set(next(iter(self.test.values()), {}))
        return next((name for name in READABLE if name in there), self.objective.name)

    @property
    def refits(self) -> list[RunRecord]:
        """The winner's refits on training and validation data, seed by seed; empty without any."""
        refits = [one for one in self.aside if one.kind == "refit" and one.state is State.COMPLETED]
        return [one for one in refits if one.number == self.winner]

    @cached_property
    def ensemble(self) -> Ensemble | None:
        """The ensemble of the winner's seeds; None if it was not scored."""
        return ensemble(self.tested, self.winner_runs, self.objective)

    @property
    def test(self) -> Mapping[str, Mapping[str, float | None]]:
        """Run -> score -> value on test data."""
        return self.tested.get("test") or {}

    @property
    def answers(self) -> Mapping[str, Mapping[str, Any]]:
        """Run -> its model's answers on validation data, in the form of `tuner.adapters.shown`."""
        return self.tested.get("answers") or {}

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """Run -> the scores of its model on the parts of the test data, as `tuner.adapters.shown.Table` has it."""
        return self.tested.get("tables") or {}

    @cached_property
    def scored(self) -> Scored:
        """The scores of its configurations."""
        known = {
            split: {name: value for name, value in scores.items() if value is not None}
            for split, scores in (self.sweep.get("trivial") or {}).items()
        }
        floors = self.sweep.get("floors") or {}
        return Scored(self.objective, self.trials, self.confirmed, self.test, known, floors)


def read_study(folder: StudyFolder) -> ReportedStudy:
    """Read a study, whether it is finished, running or was killed, without changing anything.

    Raises:
        StudyError: An event file is damaged.
    """
    found = study_events.read_study(folder)
    sweep = found.sweep
    return ReportedStudy(
        folder=folder,
        about=About.of(folder.name, sweep.asked),
        sweep=sweep.asked,
        summary=sweep.summary,
        stopped=sweep.stopped,
        running=not sweep.summary and held(folder.lock),
        trials=found.of_kind("trial"),
        confirmed=tuple(compared(found.of_kind("confirm"), sweep.summary)),
        aside=(*found.of_kind("refit"), *found.of_kind("test")),
        tested=found.tested,
        task=_text(folder),
    )


def _text(folder: StudyFolder) -> str:
    try:
        return regular.read_bytes(folder.task_file).decode(errors="replace")
    except OSError:
        return ""
