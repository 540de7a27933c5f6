"""The events of a sweep: one class per event, sent to one listener by the driver's thread as it happens.

The console shows them in words; `--json` prints them, with the event's name under `event` and the fields named as here.
docs/reference/events.md is written from this file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeAlias

from tuner.objective import Objective


@dataclass(frozen=True)
class _Event:
    """An event; all fields are JSON-able."""

    event: ClassVar[str]
    """Its name in `--json`."""

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class Started(_Event):
    """A sweep begins or is resumed; the data are prepared."""

    event: ClassVar[str] = "started"

    study: str
    """Name of the study."""
    adapter: str
    """The adapter as the task file names it."""
    metric: str
    """The objective, such as `val/loss`."""
    trials: int
    """The budget: trials of the search."""
    epochs: int
    """Epochs of a trial, at most."""
    seconds: float | None
    """Training time of a trial in seconds, if the budget has one."""
    counts: Mapping[str, int]
    """Split -> its number of items."""
    folder: str
    """The study's folder."""
    done: int
    """Trials of the search that are over already."""
    trivial: float | None
    """The trivial predictor's score on the objective; none if unknown."""
    trivial_name: str
    """Name of the trivial predictor."""
    maximize: bool
    """Whether a higher objective is better."""
    tracking: str
    """Where it is recorded: a URI without passwords, or the recorder's name."""

    @property
    def objective(self) -> Objective:
        """The objective as a value."""
        return Objective(self.metric, self.maximize)


@dataclass(frozen=True)
class SpaceChanged(_Event):
    """The search space has changed since the last run of the driver."""

    event: ClassVar[str] = "space"

    lines: Sequence[str]
    """The changes, a line per parameter."""
    fitting: int
    """Number of earlier trials that fit the new space, and so count."""


@dataclass(frozen=True)
class Resumed(_Event):
    """Unfinished trials are resumed."""

    event: ClassVar[str] = "resumed"

    runs: Sequence[str]
    """Their runs, such as `trials/00007`."""


@dataclass(frozen=True)
class PhaseBegan(_Event):
    """A phase of the sweep begins."""

    event: ClassVar[str] = "phase"

    name: Literal["search", "confirm", "refit", "test", "record"]
    """The phase; `record`, which draws figures, comes after the summary."""
    runs: int
    """The phase's number of trials, trainings to come, models to score or trainings to draw."""


@dataclass(frozen=True)
class TrialEnded(_Event):
    """A trial of the search is over."""

    event: ClassVar[str] = "trial"

    number: int
    """The trial, from 0."""
    state: str
    """How it ended: COMPLETED, PRUNED, HOPELESS, DIVERGED or FAILED."""
    value: float | None
    """Its objective; none without one."""
    reason: str
    """Why it ended so; empty if there is nothing to say."""
    epochs: int
    """Trained epochs, in all attempts."""
    seconds: float
    """Seconds of training, in all attempts."""
    params: Mapping[str, Any]
    """Its parameters."""
    findings: Sequence[str]
    """Names of its findings, the gravest cause first."""
    best: float | None
    """The best objective so far; none before a trial completed."""
    best_number: int | None
    """The trial that has it."""
    done: int
    """Finished trials, including this one."""
    trials: int
    """The budget's trials."""
    states: Mapping[str, int]
    """State -> number of finished trials."""


@dataclass(frozen=True)
class RunLost(_Event):
    """The worker or the node of an attempt died; the run is sent again from its checkpoint."""

    event: ClassVar[str] = "lost"

    run: str
    """The run, such as `trials/00007`."""
    reason: str
    """The cause, as far as it is known."""
    attempt: int
    """The attempt that was lost, from 1."""


@dataclass(frozen=True)
class RunRetried(_Event):
    """An attempt failed by an error in its own code; the run is retried, as `attempts.errors` allows."""

    event: ClassVar[str] = "error"

    run: str
    """The run, such as `trials/00007`."""
    reason: str
    """The error."""
    attempt: int
    """The attempt that failed, from 1."""


@dataclass(frozen=True)
class RepairBegan(_Event):
    """A new trial repairs a finding of an earlier one."""

    event: ClassVar[str] = "repair"

    number: int
    """The new trial."""
    sentence: str
    """Which trial, which finding, which change."""


@dataclass(frozen=True)
class RunConfirmed(_Event):
    """A training of the confirmation is over."""

    event: ClassVar[str] = "confirm"

    run: str
    """The run, such as `confirm/00007-1`: its trial and the number of the seed."""
    number: int
    """The trial that is confirmed, -1 for the baseline."""
    state: str
    """How it ended, as of `trial`."""
    value: float | None
    """Its objective; none without one."""
    reason: str
    """Why it ended so; empty if there is nothing to say."""


@dataclass(frozen=True)
class ModelsTested(_Event):
    """The confirmed models were scored on the test data."""

    event: ClassVar[str] = "tested"

    run: str
    """The run: `test`."""
    number: int
    """Always -1, as it belongs to no trial."""
    state: str
    """How it ended, as of `trial`."""
    value: float | None
    """Always none: the scores come with the summary."""
    reason: str
    """Why it ended so; empty if there is nothing to say."""


@dataclass(frozen=True)
class Stopping(_Event):
    """A stop was asked for or the time is over: nothing new is sent out, running trials save checkpoints and end."""

    event: ClassVar[str] = "stopping"

    reason: str
    """Why."""


@dataclass(frozen=True)
class Summary(_Event):
    """The result of a sweep in words and numbers, sent before the recorder has everything."""

    event: ClassVar[str] = "summary"

    headline: str
    """The study and its trials by state, in one line."""
    metric: str
    """The objective."""
    test_metric: str
    """The objective's name on the test data."""
    readable_metric: str = ""
    """The most readable score on the test data; empty if that is the objective."""
    verdict: Mapping[str, Any] = field(default_factory=dict)
    """What to use, how good it is, whether that is beyond noise, and what to do next: the fields of
    `tuner.verdict.Verdict`; empty in studies of versions before."""
    rows: Sequence[Mapping[str, str]] = field(default_factory=list)
    """The confirmed configurations and the trivial predictor, best first: name, searched (score in the search),
    score, test, readable, seeds."""
    sentences: Sequence[str] = field(default_factory=list)
    """Conclusions from them; first whether the winner is better than the trivial predictor."""
    winner: str = ""
    """Name of the winner, empty without one."""
    winner_params: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters."""
    model: str = ""
    """The folder of its model, empty without one."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The folders of the other confirmed configurations' models, by their names."""
    own_code: str = ""
    """The folder of the user's own adapter or cell that the model needs; empty without one."""
    has_test: bool = False
    """Whether the test data was read."""
    importance: Mapping[str, float] = field(default_factory=dict)
    """Importance of each searched parameter for reaching the best trials; empty with few trials."""
    separation: Mapping[str, Any] = field(default_factory=dict)
    """The choice that separates the trials that learned from the others; empty if none does."""
    drawn: Sequence[str] = field(default_factory=list)
    """Runs whose figures will be drawn after this event."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """What the task file asked for, to recognize later that nothing more is asked."""
    seeds: int = 0
    """Number of fresh seeds of the configurations that stayed to the end of the confirmation; 0 without one."""
    ensemble: Mapping[str, Any] = field(default_factory=dict)
    """The ensemble of the winner's confirmed seeds: `runs`; its scores on validation data (`value`) and test data
    (`test`); the single seeds' best (`best`) and mean (`mean`) on validation data. Empty without an ensemble."""


@dataclass(frozen=True)
class ReportWritten(_Event):
    """The study's results are written as one page; sent after the summary."""

    event: ClassVar[str] = "report"

    path: str
    """The HTML file."""


@dataclass(frozen=True)
class RecordingLeft(_Event):
    """The sweep is over and the recorder is still writing; sent when the number changes."""

    event: ClassVar[str] = "recording"

    left: int
    """Changes not written yet."""


@dataclass(frozen=True)
class NothingToDo(_Event):
    """The study is already finished, and the task file asks for nothing more."""

    event: ClassVar[str] = "nothing"

    sentence: str
    """A sentence: what it has, and how to extend it."""


@dataclass(frozen=True)
class PreparingProgress(_Event):
    """The progress of preparing large data, at most once a second."""

    event: ClassVar[str] = "preparing"

    doing: str
    """What is done now, such as `reading series.csv`."""
    share: float
    """The share of it that is done, from 0 to 1."""


@dataclass(frozen=True)
class SweepProgress(_Event):
    """The progress of a sweep, at most once a second."""

    event: ClassVar[str] = "progress"

    done: int
    """Finished trials of the search."""
    trials: int
    """The budget's trials."""
    running: int
    """Runs that have a worker."""
    idle: int
    """Slots without a run."""
    states: Mapping[str, int]
    """State -> number of finished trials."""
    best: float | None
    """The best objective so far; none before a trial completed."""
    best_number: int | None
    """The trial that has it."""
    left: int | None
    """In the confirmation: unfinished trainings; none in the search."""
    seconds_left: float | None
    """Estimated seconds for the rest; none while unknown."""


@dataclass(frozen=True)
class TrainingProgress(_Event):
    """The progress of the training of `diagnose`, at most twice a second; not printed by its `--json`."""

    event: ClassVar[str] = "training"

    epoch: int
    """The last finished epoch, from 1."""
    epochs: int
    """Epochs of the whole training."""
    metric: str
    """The objective."""
    value: float | None
    """The objective's value after this epoch."""
    loss: float | None
    """The training loss of this epoch."""
    seconds_left: float
    """Estimated seconds for the rest."""


@dataclass(frozen=True)
class Notice(_Event):
    """A sentence for people: a remark on the data, a service that does not answer, a setting without effect."""

    event: ClassVar[str] = "notice"

    sentence: str
    """The sentence."""


Announcement: TypeAlias = (
    Started
    | SpaceChanged
    | Resumed
    | PhaseBegan
    | TrialEnded
    | RunLost
    | RunRetried
    | RepairBegan
    | RunConfirmed
    | ModelsTested
    | Stopping
    | Summary
    | ReportWritten
    | RecordingLeft
    | NothingToDo
    | PreparingProgress
    | SweepProgress
    | TrainingProgress
    | Notice
)
"""Any event."""

Listener: TypeAlias = Callable[[Announcement], None]
"""Takes one event. Called by the driver's thread; must not block and must not raise."""
