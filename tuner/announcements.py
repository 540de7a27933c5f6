"""What a sweep tells whoever watches it: one class per event, told by the driver's thread as it happens.

The console shows them in words; `--json` prints them under the name `event`, with the fields as they are called here.
docs/reference/events.md is written from this file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeAlias

from tuner.objective import Objective


@dataclass(frozen=True)
class _Event:
    """One event; all its fields are JSON-able."""

    event: ClassVar[str]
    """Its name in `--json`."""

    def as_json(self) -> dict[str, Any]:
        """The fields by their names."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class Started(_Event):
    """A sweep begins, or goes on; the data are prepared."""

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
    """Training time of a trial in seconds, where the budget has one."""
    counts: Mapping[str, int]
    """Split -> its number of items."""
    folder: str
    """The study's folder."""
    done: int
    """Trials of the search that are over already."""
    trivial: float | None
    """The trivial predictor's score on the objective; none where that is not known."""
    trivial_name: str
    """What the trivial predictor is called."""
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
    """The search space is another than in the last run of the driver."""

    event: ClassVar[str] = "space"

    lines: Sequence[str]
    """What changed, a line per parameter."""
    fitting: int
    """Earlier trials that fit the new one, and count."""


@dataclass(frozen=True)
class Resumed(_Event):
    """Trials that had begun go on."""

    event: ClassVar[str] = "resumed"

    runs: Sequence[str]
    """Their runs, such as `trials/00007`."""


@dataclass(frozen=True)
class PhaseBegan(_Event):
    """A phase of the sweep begins."""

    event: ClassVar[str] = "phase"

    name: Literal["search", "confirm", "refit", "test", "record"]
    """Which one; `record` comes after the summary, and draws figures."""
    runs: int
    """Trials of the budget, trainings to come, models to score, trainings to draw."""


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
    """Why it ended so; empty where there is nothing to say."""
    epochs: int
    """Epochs that were trained, in all attempts."""
    seconds: float
    """Seconds that it was trained, in all attempts."""
    params: Mapping[str, Any]
    """Its parameters."""
    findings: Sequence[str]
    """Names of its findings, the gravest cause first."""
    best: float | None
    """The best objective so far; none before a trial completed."""
    best_number: int | None
    """The trial that has it."""
    done: int
    """Trials that are over, this one with them."""
    trials: int
    """The budget's trials."""
    states: Mapping[str, int]
    """State -> how many trials ended so."""


@dataclass(frozen=True)
class RunLost(_Event):
    """The worker of an attempt died or its node went; the run is sent out again from its checkpoint."""

    event: ClassVar[str] = "lost"

    run: str
    """The run, such as `trials/00007`."""
    reason: str
    """What is known of the cause."""
    attempt: int
    """The attempt that was lost, from 1."""


@dataclass(frozen=True)
class RunRetried(_Event):
    """An attempt's own code failed; the run is sent out again, as often as `attempts.errors` allows."""

    event: ClassVar[str] = "error"

    run: str
    """The run, such as `trials/00007`."""
    reason: str
    """The error."""
    attempt: int
    """The attempt that failed, from 1."""


@dataclass(frozen=True)
class RepairBegan(_Event):
    """A trial is made that treats what was found in another."""

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
    """The run, such as `confirm/00007-1`: its trial and which of the seeds."""
    number: int
    """The trial that is confirmed, -1 for the baseline."""
    state: str
    """How it ended, as of `trial`."""
    value: float | None
    """Its objective; none without one."""
    reason: str
    """Why it ended so; empty where there is nothing to say."""


@dataclass(frozen=True)
class ModelsTested(_Event):
    """The confirmed models were scored on the test data."""

    event: ClassVar[str] = "tested"

    run: str
    """The run: `test`."""
    number: int
    """-1: it is no trial's."""
    state: str
    """How it ended, as of `trial`."""
    value: float | None
    """None: the scores come with the summary."""
    reason: str
    """Why it ended so; empty where there is nothing to say."""


@dataclass(frozen=True)
class Stopping(_Event):
    """Nothing new is sent out, as a stop was asked for or the time is over; what runs writes a checkpoint and ends."""

    event: ClassVar[str] = "stopping"

    reason: str
    """Why."""


@dataclass(frozen=True)
class Summary(_Event):
    """The end of a sweep in words and numbers, told before the recorder has everything."""

    event: ClassVar[str] = "summary"

    headline: str
    """How many trials ended how."""
    metric: str
    """The objective."""
    test_metric: str
    """Its name on the test data."""
    readable_metric: str = ""
    """The score on the test data that people know best; empty where it is the objective's."""
    verdict: Mapping[str, Any] = field(default_factory=dict)
    """What to use, how good it is, whether that is more than chance, and what to do next: the fields of
    `tuner.verdict.Verdict`; empty in studies of versions before."""
    rows: Sequence[Mapping[str, str]] = field(default_factory=list)
    """The confirmed configurations and the trivial predictor, best first: name, searched (what the search had seen),
    score, test, readable, seeds."""
    sentences: Sequence[str] = field(default_factory=list)
    """What follows from them; first whether the winner is better than the trivial predictor."""
    winner: str = ""
    """Name of the winner, empty without one."""
    winner_params: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters."""
    model: str = ""
    """The folder of its model, empty without one."""
    models: Mapping[str, str] = field(default_factory=dict)
    """The folders of the other confirmed configurations' models, by their names."""
    own_code: str = ""
    """The folder in which an adapter or a cell of one's own is found that the model needs; empty where it has none."""
    has_test: bool = False
    """Whether the test data was read."""
    importance: Mapping[str, float] = field(default_factory=dict)
    """Share of each searched parameter in reaching the best trials; empty with few trials."""
    separation: Mapping[str, Any] = field(default_factory=dict)
    """The choice that separates the trials that learned; empty where none does."""
    drawn: Sequence[str] = field(default_factory=list)
    """Runs whose figures are drawn, which begins when this was told."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """What the task file asked for, so that an unchanged one is known to be finished."""
    ensemble: Mapping[str, Any] = field(default_factory=dict)
    """The winner's confirmed seeds together: `runs`; their scores `value` on validation, `test` on test data; of the
    seeds by themselves the best, `best`, and the mean, `mean`, on validation data. Empty without one."""


@dataclass(frozen=True)
class ReportWritten(_Event):
    """What the study found is there as one page; told after the summary."""

    event: ClassVar[str] = "report"

    path: str
    """The HTML file."""


@dataclass(frozen=True)
class RecordingLeft(_Event):
    """The sweep is over, and the recorder writes what is left; told when the number changes."""

    event: ClassVar[str] = "recording"

    left: int
    """Changes that are not written yet."""


@dataclass(frozen=True)
class NothingToDo(_Event):
    """The study is finished already, and the task file asks for nothing more."""

    event: ClassVar[str] = "nothing"

    sentence: str
    """What it has, and how it is extended."""


@dataclass(frozen=True)
class SweepProgress(_Event):
    """How far a sweep is, at most once a second."""

    event: ClassVar[str] = "progress"

    done: int
    """Trials of the search that are over."""
    trials: int
    """The budget's trials."""
    running: int
    """Runs that workers have."""
    idle: int
    """Slots without a run."""
    states: Mapping[str, int]
    """State -> how many trials ended so."""
    best: float | None
    """The best objective so far; none before a trial completed."""
    best_number: int | None
    """The trial that has it."""
    left: int | None
    """In the confirmation: trainings that are not over; none in the search."""
    seconds_left: float | None
    """Seconds that the rest will take; none while that cannot be told."""


@dataclass(frozen=True)
class TrainingProgress(_Event):
    """How far the one training of `diagnose` is, at most twice a second; `--json` there prints none."""

    event: ClassVar[str] = "training"

    epoch: int
    """The epoch that is over, from 1."""
    epochs: int
    """Epochs of the whole training."""
    metric: str
    """The objective."""
    value: float | None
    """Its value after this epoch."""
    loss: float | None
    """The training loss of this epoch."""
    seconds_left: float
    """Seconds that the rest will take."""


@dataclass(frozen=True)
class Notice(_Event):
    """A sentence for people: what was found in the data, what is away, what is not used."""

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
    | SweepProgress
    | TrainingProgress
    | Notice
)
"""Any of the events."""

Listener: TypeAlias = Callable[[Announcement], None]
"""Takes one event. Called by the driver's thread; must not block and must not raise."""
