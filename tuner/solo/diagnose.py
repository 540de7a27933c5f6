"""Why networks do not learn: diagnoses of a study, of a trial, and of one training without a study."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tuner.announcements import Listener, TrainingProgress
from tuner.config import parse_value
from tuner.disk import events
from tuner.disk.events import RunRecord, read_run, read_runs
from tuner.disk.folder import StudyFolder, confirm_run, trial_run
from tuner.disk.study_events import read_sweep
from tuner.errors import StudyError, TaskFileError, TunerError
from tuner.execution.failures import failure_reason
from tuner.link import RecordingLink, end
from tuner.messages import Answer, Ended, Epoch, Report, State, TrialSpec
from tuner.registry import load_target
from tuner.reporting.about import About
from tuner.reporting.leaderboard import BASELINE, leaderboard
from tuner.reporting.run_figures import DIAGNOSTICS, TRAINING, draw_into, draw_run
from tuner.reporting.study_story import StudyStory, study_story
from tuner.reporting.trial_story import TrialStory, trial_story
from tuner.task.specs import RUN_TRIAL, trial_spec
from tuner.task.task import Task, acting

BEST, BASE = "best", "baseline"
"""The configurations to start from: the study's winner, or the task's baseline."""
RUN = "diagnose"
"""The run's name in the records of a training without a study."""
SEED = 0
"""Seed of such a training; one that starts from the winner has the winner's seed."""
PROGRESS_SECONDS = 0.5
"""Shortest time in seconds between two reports of progress."""


def diagnose_study(folder: StudyFolder) -> StudyStory:
    """Diagnose a study without changing it.

    Raises:
        StudyError: The study has no trial yet.
    """
    records = _trials(folder)
    if not records:
        raise StudyError(
            f"study {folder.name} must have a trial",
            fix="Start it with `python -m tuner run`, or wait for its first trial.",
        )
    return study_story(records, about(folder), _runs(folder, "confirm/"))


def diagnose_trial(folder: StudyFolder, number: int) -> TrialStory:
    """Diagnose a trial of a study; missing figures are drawn.

    Raises:
        StudyError: The study has no such trial.
    """
    records = _trials(folder)
    record = next((record for record in records if record.number == number), None)
    if record is None:
        known = f"0 to {max(other.number for other in records)}" if records else "none yet"
        raise StudyError(
            f"--trial must be the number of a trial of study {folder.name}", value=number, fix=f"It has {known}."
        )
    told = about(folder)
    story = trial_story(
        record, told, repaired_by=[other.number for other in records if other.repairs.get("number") == number]
    )
    with suppress(OSError):  # a read-only study can be diagnosed all the same
        draw_run(folder, record, told.objective)
    return replace(story, figures=_figures(folder.run_artifacts(record.run)))


def about(folder: StudyFolder) -> About:
    """A study's facts: objective, trivial predictor, budget."""
    return About.of(folder.name, read_sweep(folder).asked)


@dataclass(frozen=True)
class Configuration:
    """A configuration to be trained, and its origin.

    Args:
        params: The parameters.
        seed: Of weights and batches.
        number: Of the trial it starts from; -1: the baseline.
        words: Its description for the user.
    """

    params: Mapping[str, Any]
    seed: int
    number: int
    words: str


def configuration(task: Task, wanted: Sequence[str]) -> Configuration:
    """The configuration that `--params` asks for.

    Args:
        task: The resolved task.
        wanted: `best` or `baseline`, the one without either, and changes `key=value`.

    Raises:
        StudyError: There is no best trial.
        TaskFileError: A change is not valid, or as for `acting`.
    """
    changes = [text for text in wanted if text not in (BEST, BASE)]
    changed = dict(_change(change) for change in changes)
    starts = {text for text in wanted if text in (BEST, BASE)}
    if len(starts) > 1:
        raise TaskFileError(f"--params must be {BEST} or {BASE}, not both", fix="Leave one out.")
    base, seed, number, words = task.baseline, SEED, BASELINE, "the baseline"
    if BEST in starts:
        record, words = _winner(task.folder)
        base, seed, number = record.params, record.seed, record.number
    try:
        params = acting(task, {**base, **changed}, kept=changed, key="params")
    except TaskFileError as error:
        error.where = "--params"
        raise
    return Configuration(params, seed, number, f"{words} with {', '.join(changes)}" if changes else words)


def diagnose_task(task: Task, chosen: Configuration, link: RecordingLink) -> TrialStory:
    """Train one configuration in this process, with every probe; nothing is recorded in a study.

    Figures go into a separate folder within the study's.

    Args:
        task: The resolved task.
        chosen: The configuration.
        link: Takes the reports.

    Raises:
        DataError: The data is unfit.
        TaskFileError: The configuration cannot be trained.
    """
    task.prepare()
    with tempfile.TemporaryDirectory() as folder:
        spec = trial_spec(
            task, chosen.params, RUN, folder, number=chosen.number, seed=chosen.seed, diagnostics="diagnosis"
        )
        try:
            ended: Ended = load_target(RUN_TRIAL)(spec, link)
        except TunerError as error:
            raise TaskFileError(f"the configuration must train, but {str(error).rstrip('.')}") from error
        except Exception as error:
            raise TaskFileError(f"the configuration must train, but it failed: {failure_reason(error)}") from error
    record = _record(spec, link.epochs, ended)
    told = About(
        study=task.folder.name,
        objective=spec.objective,
        epochs=task.file.budget.epochs,
        trivial=spec.trivial,
    )
    into = task.folder.diagnosed
    shown = f"task {task.folder.name}, {chosen.words}"
    record.params = {**task.settings(record.params).headline, **record.params}
    story = trial_story(record, told, title=shown)
    try:
        draw_into(into, record, told.objective, title=shown)
    except OSError:  # the rest is reported; figures that exist are those of another training
        return story
    return replace(story, figures=_figures(into))


class ProgressLink(RecordingLink):
    """Reports the progress, and ends the training when asked to.

    Args:
        tell: Called with the progress, as `TrainingProgress`.
        metric: The objective.
        epochs: Of the whole training.
    """

    def __init__(self, tell: Listener, metric: str, epochs: int) -> None:
        super().__init__(lambda _: self.answered())
        self._tell, self._metric, self._epochs = tell, metric, epochs
        self._began = time.monotonic()
        self._told = 0.0
        self._stop = ""

    def stop(self, reason: str) -> None:
        """Ask for an end after the current epoch; the diagnosis is of the training until then."""
        self._stop = self._stop or reason

    def send(self, report: Report) -> Answer | None:
        """See `Link.send`."""
        if report.epochs:
            self._progress(report.epochs[-1])
        return super().send(report)

    def answered(self) -> Answer | None:
        """None, unless the training is to end."""
        return end(self.reports[-1], State.PRUNED, f"stopped by {self._stop}") if self._stop and self.reports else None

    def _progress(self, last: Epoch) -> None:
        now, done = time.monotonic(), last.epoch
        if now - self._told < PROGRESS_SECONDS and done < self._epochs:
            return
        self._told = now
        seconds = now - self._began
        self._tell(
            TrainingProgress(
                epoch=done,
                epochs=self._epochs,
                metric=self._metric,
                value=last.metrics.get(self._metric),
                loss=last.metrics.get("train/loss"),
                seconds_left=seconds / done * (self._epochs - done),
            )
        )


def _record(spec: TrialSpec, epochs: Sequence[Epoch], ended: Ended) -> RunRecord:
    """The record of a training, as if it were part of a study."""
    record = RunRecord(
        run=spec.run,
        kind=spec.kind,
        number=spec.number,
        seed=spec.seed,
        params=dict(spec.params),
        attempts=spec.attempt,
    )
    for epoch in epochs:
        record.add({"event": "epoch", **asdict(epoch)})
    record.add({"event": "ended", "time": time.time(), **asdict(ended)})
    return record


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise TaskFileError(
            f"--params must be {BEST}, {BASE} or key=value",
            value=text,
            fix=f"For example: --params {BEST} --params learning_rate=0.001.",
        )
    return name.strip(), parse_value(value, "--params")


def _winner(folder: StudyFolder) -> tuple[RunRecord, str]:
    """The winner of the confirmation, else the best trial of the search, with its description."""
    summaries = [event for event in events.read(folder.sweep_events) if event["event"] == "summary"]
    name = summaries[-1].get("winner", "") if summaries else ""
    if name:
        run = trial_run(int(name.removeprefix("trial "))) if name != BASE else confirm_run(BASELINE, 1)
        return read_run(folder.events(run)), f"{name}, the winner of its study"
    trials = leaderboard(_trials(folder), about(folder).objective)
    if not trials or trials[0].state is not State.COMPLETED:
        raise StudyError(
            f"--params {BEST} needs a study {folder.name} with a completed trial",
            fix=f"Start it with `python -m tuner run`, or name parameters; --params {BASE} trains the baseline.",
        )
    return trials[0], f"trial {trials[0].number}, the best of its study so far"


def _trials(folder: StudyFolder) -> list[RunRecord]:
    return _runs(folder, "trials/")


def _runs(folder: StudyFolder, kind: str) -> list[RunRecord]:
    return list(read_runs(folder.events(run) for run in folder.runs() if run.startswith(kind)))


def _figures(folder: Path) -> tuple[str, ...]:
    return tuple(str(folder / name) for name in (TRAINING, DIAGNOSTICS) if (folder / name).exists())
