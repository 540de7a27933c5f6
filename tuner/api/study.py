"""A study, read from its folder at each call: tables, the winner, its model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from tuner.api import frames
from tuner.api.html import study_html
from tuner.cli.studies import ensemble_folder, study_folder, winner_folder
from tuner.cli.tables import unfinished
from tuner.disk.events import RunRecord, read_run, read_runs
from tuner.disk.folder import StudyFolder
from tuner.disk.study_events import read_sweep
from tuner.errors import StudyError
from tuner.reporting.about import About
from tuner.sweep.standing import Standing, standing
from tuner.words import called

if TYPE_CHECKING:
    import pandas as pd

    from tuner.announcements import Summary
    from tuner.predict import Model


def open(name: str | os.PathLike[str], *, folder: str | os.PathLike[str] = "mlruns/studies") -> Study:
    """Open a study, finished or not, also while it runs, without changing anything.

    Args:
        name: Its name, its task file (`.yaml`), or its own folder.
        folder: The folder of studies; ignored if `name` is a path.

    Raises:
        UserError: There is no such study, or it is damaged.
    """
    text = os.fspath(name)
    if isinstance(name, os.PathLike) and not text.endswith((".yaml", ".yml")):
        return Study(study_folder(Path(text).absolute().name, str(Path(text).absolute().parent)))
    return Study(study_folder(text, os.fspath(folder)))


@dataclass(frozen=True)
class Winner:
    """The configuration that a finished study chose.

    Args:
        name: Such as "trial 12", or "baseline".
        number: The trial, -1 for the baseline.
        params: All its parameters, the space's constants included.
        value: Its mean score on validation data over the seeds of the confirmation; without one, that of the search.
        test: The mean of its scores on test data, by their names; empty where it was not read.
    """

    name: str
    number: int
    params: Mapping[str, Any]
    value: float
    test: Mapping[str, float] = field(default_factory=dict)


class Study:
    """A study in its folder. Every call reads it again, so that it is up to date while a sweep runs."""

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """Its name."""
        return self._folder.name

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self._folder.root

    @property
    def finished(self) -> bool:
        """Whether its last run came to the end."""
        return self._standing().finished

    @property
    def summary(self) -> Summary | None:
        """The sweep's summary in words and numbers; None while it is not finished."""
        return self._standing().summary

    @property
    def winner(self) -> Winner:
        """The winning configuration.

        Raises:
            StudyError: The study is not finished, or no configuration can win.
        """
        now = self._standing()
        if now.summary is None:
            raise StudyError(
                f"study {self.name} must be finished to have a winner",
                value=f"{sum(now.states.values())} of {now.trials} trials over",
                fix="Run it to its end; trials_dataframe() has the trials so far.",
            )
        if not now.summary.winner:
            why = now.summary.verdict.get("use", "no trial completed")
            raise StudyError(f"study {self.name} must have a winner", value=why)
        return self._winner(now.summary.winner)

    @property
    def best_params(self) -> dict[str, Any]:
        """The winner's parameters, those that are constant in the search space included."""
        return dict(self.winner.params)

    @property
    def best_value(self) -> float:
        """The winner's mean score on validation data."""
        return self.winner.value

    def trials_dataframe(self) -> pd.DataFrame:
        """One row per trial, by number.

        Columns: number, state, value, epochs, datetime_start, datetime_complete (local time), duration (of training),
        findings, reason, then the searched parameters by the names that they have in the search space; one that a
        trial did not have is missing there. A parameter with the name of another column is `params_NAME`.
        """
        return frames.trials_frame(self._records("trial"), running=self._standing().running)

    def curves(self, kind: Literal["trial", "confirm"] = "trial") -> pd.DataFrame:
        """One row per run and epoch: run, number, epoch, then the metrics by their names, such as `val/loss`.

        Args:
            kind: The trials of the search, or the trainings of the confirmation.
        """
        return frames.curves_frame(self._records(kind))

    def leaderboard(self) -> pd.DataFrame:
        """One row per confirmed configuration, best first; none before the confirmation.

        Columns: number (-1 for the baseline), name, value (mean over the seeds), std, test, test_std, seeds, missing
        (seeds without a score; such a configuration cannot win).
        """
        confirmed = [record for record in self._records("confirm") if record.state.final]
        if (summary := self._standing().summary) is not None:  # those of another search space are not compared
            names = {row["name"] for row in summary.rows}
            confirmed = [record for record in confirmed if called(record.number) in names]
        return frames.leaderboard_frame(confirmed, self._tests(), self._about())

    def findings(self) -> pd.DataFrame:
        """One row per finding of a trial that is over: number, name, where, epoch, evidence, threshold, source, ..."""
        return frames.findings_frame((each for each in self._records("trial") if each.state.final), self._about())

    def model(self, *, ensemble: bool = False, device: str = "cpu", own_code: bool = False) -> Model:
        """The winner as a model that predicts for new raw data.

        Args:
            ensemble: Whether all its confirmed seeds answer together, rather than the best one.
            device: Where it answers: "cpu", "cuda".
            own_code: Whether an adapter or a cell of your own, named `module:Class` in the folder, may be imported.

        Raises:
            StudyError: The study is not finished, keeps no such model, or it is damaged.
        """
        from tuner.predict import load

        folder = ensemble_folder(self._folder) if ensemble else winner_folder(self._folder)
        return load(folder, device=device, own_code=own_code)

    def __repr__(self) -> str:
        now = self._standing()
        what = now.summary.headline.partition(": ")[2] if now.summary else unfinished(now)[0].partition(": ")[2]
        return f"Study({self.name!r}, {what})"

    def _repr_html_(self) -> str:
        return study_html(self._standing())

    def _standing(self) -> Standing:
        return standing(self._folder)

    def _about(self) -> About:
        return About.of(self.name, read_sweep(self._folder).asked)

    def _records(self, kind: str) -> list[RunRecord]:
        runs = (run for run in self._folder.runs() if run.startswith({"trial": "trials/"}.get(kind, f"{kind}/")))
        return list(read_runs(self._folder.events(run) for run in runs))

    def _tests(self) -> Mapping[str, Mapping[str, float]]:
        """Run of the confirmation -> its scores on test data."""
        found: Mapping[str, Mapping[str, float]] = read_run(self._folder.events("test")).results.get("test", {})
        return found

    def _winner(self, name: str) -> Winner:
        runs = [each for kind in ("confirm", "trial") for each in self._records(kind) if called(each.number) == name]
        if not runs:
            raise StudyError(
                f"study {self.name} must have the runs of its winner", value=name, fix="Restore them from a copy."
            )
        runs = [each for each in runs if each.kind == runs[0].kind]
        tests = self._tests()
        tested = [tests[each.run] for each in runs if each.run in tests]
        return Winner(
            name=name,
            number=runs[0].number,
            params=dict(runs[0].params),
            value=fmean(each.value for each in runs if each.value is not None),
            test={key: fmean(each[key] for each in tested) for key in (tested[0] if tested else ())},
        )
