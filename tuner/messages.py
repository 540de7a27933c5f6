"""The messages between driver and workers, and the states of a run.

Everything here is plain data: picklable, JSON-able, free of torch, Optuna, Ray and MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from tuner.objective import Objective

Kind = Literal["trial", "confirm", "refit", "test"]


class State(StrEnum):
    """The state of a run. The first and the last two are not final."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    PRUNED = "PRUNED"
    HOPELESS = "HOPELESS"
    """A rule of the diagnostics ended it since it learned nothing; all its values are finite."""
    DIVERGED = "DIVERGED"
    """A loss, gradient, prediction or score was not finite."""
    FAILED = "FAILED"
    LOST = "LOST"
    STOPPED = "STOPPED"

    @property
    def final(self) -> bool:
        """Whether the run has ended for good."""
        return self not in {State.RUNNING, State.LOST, State.STOPPED}

    @property
    def comparable(self) -> bool:
        """Whether its values can be compared with others: it is completed, pruned or hopeless, and all are finite."""
        return self in {State.COMPLETED, State.PRUNED, State.HOPELESS}


class Verdict(StrEnum):
    """The driver's answer to a report."""

    CONTINUE = "CONTINUE"
    PRUNE = "PRUNE"
    """End with state PRUNED: at this rung the search prunes it."""
    STOP = "STOP"
    """End with the state the driver names (PRUNED when the time is up, STOPPED when the user stops the sweep, HOPELESS
    when a rule's wish to end it is granted)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A verdict for one attempt of a run, and its reason."""

    run: str
    attempt: int
    verdict: Verdict
    state: State = State.RUNNING
    """With STOP: the state to end in."""
    reason: str = ""

    @property
    def end(self) -> State | None:
        """The state to end in; None to continue."""
        ends = {Verdict.CONTINUE: None, Verdict.PRUNE: State.PRUNED, Verdict.STOP: self.state}
        return ends[self.verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What a training on training and validation data takes from another training, on training data alone."""

    steps: int
    """Optimizer steps of an epoch in that training."""
    losses: tuple[float, ...]
    """That training's validation losses, one per epoch to be trained, for schedules that follow them: at the epoch that
    is as far from the beginning of that training, up to its best epoch, as this one is from its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec:
    """Everything that a worker needs to run one attempt.

    `run` is the run's identity and its folder below the study: "trials/00012", "confirm/00012-1", "test".
    """

    study: str
    run: str
    kind: Kind
    number: int
    """Trial number; for confirm and test runs the number of the trial that gave the parameters, -1 the baseline."""
    attempt: int
    seed: int
    params: Mapping[str, Any]
    """Parameter name -> value, constants included, inactive parameters absent."""
    adapter: str
    data: Mapping[str, Any]
    """The adapter's options, validated, without the trial's own `data.*` changes."""
    prepared: str
    """Folder that holds prepared data."""
    folder: str
    """The run's own folder; the worker writes only there and to `checkpoints`."""
    epochs: int
    seconds: float | None = None
    """Training time of the whole trial; an epoch is then an equal part of it. None: an epoch is a pass over the
    training data."""
    rungs: tuple[int, ...] = ()
    """Epochs (1-based) after which the worker waits for an answer."""
    objective: Objective = field(default_factory=Objective)
    """The objective, with the trivial predictor's score on the validation split if known."""
    reported: int = 0
    """Epochs that the driver already holds; they are not sent again."""
    device: str = "auto"
    threads: int = 1
    diagnostics: str = "standard"
    act: bool = False
    """Whether it asks to be ended when a rule finds it hopeless."""
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Finding -> its thresholds that differ from the defaults."""
    trivial: Mapping[str, float] = field(default_factory=dict)
    """Scores of the trivial predictor on the validation split, without its name: `loss`, `accuracy`, ..."""
    stall_seconds: float | None = None
    """Longest silence in seconds, after which the worker writes its stacks to `stacks.txt`. None: no limit."""
    checkpoints: str = ""
    """The run's place for checkpoint and model: a folder or an address in a store; "" is `folder`."""
    store: str = ""
    """Place of prepared data in a store, for workers that share no disk with the driver."""
    prepared_as: str = ""
    """With `store`: the name of this trial's prepared data."""
    output_bytes: int = 1_000_000
    """Bytes kept of the run's printed output, if the worker is a process of its own."""
    checkpoint_bytes: int | None = None
    """Largest checkpoint in bytes that is written: the run's share of `disk.checkpoints`. None: no limit."""
    keep_model: bool = False
    refit: Refit | None = None
    """Refit runs only: their length."""
    models: tuple[str, ...] = ()
    """Test runs only: places of the confirmed models to score."""
    ensemble: tuple[str, ...] = ()
    """Test runs only: places of the ensemble's models, scored together on validation and test data; () without one."""
    refit_ensemble: tuple[str, ...] = ()
    """The same of refits, scored on test data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One epoch's record. `epoch` is 1-based and is the step of every metric."""

    epoch: int
    time: float
    """Unix seconds at the end of the epoch."""
    metrics: Mapping[str, float]
    """Metric name (`train/loss`, `val/accuracy`, `grad/norm`, `lr`, ...) -> value."""
    tensors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Quantity (`grad`, `weight`, `gate_mean`, ...) -> name of a tensor, cell or gate -> value."""
    profiles: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]] = field(default_factory=dict)
    """Quantity through time (`state_grad`, `input_grad`) -> name of a cell -> (lag in steps, value), by lag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Epochs since the last report.

    With `waiting`, at a rung or when the trial asks to be ended as `hopeless`, the worker waits for the answer.
    """

    run: str
    attempt: int
    epochs: tuple[Epoch, ...]
    value: float
    """Best objective value so far, as measured (not negated). A report without epochs is a sign of life."""
    waiting: bool = False
    hopeless: str = ""
    """Why a rule would end it here. The driver, knowing the other trials, answers STOP with HOPELESS, or CONTINUE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of one attempt."""

    run: str
    attempt: int
    state: State
    reason: str = ""
    """One sentence with numbers."""
    value: float | None = None
    """Best objective value; None when there is none that is finite."""
    epochs: int = 0
    seconds: float = 0.0
    step: int = 0
    """Optimizer step at which it ended."""
    trace: str = ""
    """FAILED only: the Python traceback."""
    results: Mapping[str, Any] = field(default_factory=dict)
    """Numbers of this run besides its epochs: `parameters` (count), the scores of a test run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An attempt whose worker or node died: infrastructure, not the trial's fault. Written by the executor."""

    run: str
    attempt: int
    reason: str


Message = Report | Ended | Lost
