"""A clock of its own for searches over the laboratory: trials that take recorded seconds, on so many workers.

    world = Surrogate(pools("tuning")["vowels"])
    with Own(world, sampler="tpe", pruner="asha", seed=0) as way:
        log = simulate(way, world, workers=4, seed=0, spend=20 * world.full_seconds)
        handed = confirm(way, log, world, workers=4, seed=0)

A way of searching (`Way`) suggests trials, hears the value of every epoch and ends trials. `Own` is this project's: its
own `Search` with its samplers and pruners, on a journal as a sweep has it. Others are in
`benchmarks/laboratory/peers.py`. Whatever replaces the confirmation has the form of `confirm`.
"""

from __future__ import annotations

import heapq
import itertools
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from benchmarks.laboratory.records import peak_of
from benchmarks.laboratory.surrogate import Curve, Surrogate
from tuner.config.confirm import Confirm
from tuner.disk.folder import StudyFolder
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.leaderboard import confirmation
from tuner.seeding import derive_seed
from tuner.study.catalog import PRUNERS, SAMPLERS
from tuner.study.search import Search
from tuner.sweep.candidates import whole_trials
from tuner.sweep.race import going_on

BASELINE = -1
MEMORY = Path("/dev/shm")


class Way(Protocol):
    """A way of searching."""

    def suggest(self) -> tuple[int, Mapping[str, Any]] | None:
        """A new trial: its number, from 0, and its parameters; None when there is none.

        The number of a trial that was pruned: it goes on where it was.
        """
        ...

    def goes_on(self, number: int, epoch: int, value: float, curve: Curve) -> bool:
        """Take in the best value of a trial after an epoch, which is not its last; whether it goes on."""
        ...

    def ended(self, number: int, state: State, epochs: int, value: float) -> None:
        """Take in how a trial ended: COMPLETED, PRUNED or DIVERGED, after so many epochs, with its best value."""
        ...


@dataclass(frozen=True)
class Trial:
    """A trial that is over, or would be now."""

    number: int
    params: Mapping[str, Any]
    state: State
    epochs: int
    curve: Curve
    """As it was, or would have been, trained to its end."""
    at: float
    """When it was over, in seconds from the search's beginning."""
    spent: float
    """What all workers had spent by then, in seconds."""

    @property
    def value(self) -> float:
        """Its best value; infinite where it diverged."""
        return self.curve.values[self.epochs - 1] if self.state is not State.DIVERGED else math.inf


@dataclass
class Log:
    """What has happened, in the order in which trials ended."""

    trials: list[Trial] = field(default_factory=list)
    running: dict[int, Trial] = field(default_factory=dict)
    """Number -> a trial that goes on, as it would be if the time were over now; with an epoch at least."""
    spent: float = 0.0
    """Seconds of all workers together."""
    now: float = 0.0
    """Seconds since the beginning."""

    def best(self) -> Trial | None:
        """Of the trials that came to their end the one with the best value."""
        ended = [trial for trial in self.trials if trial.state is State.COMPLETED]
        return min(ended, key=lambda trial: (trial.value, trial.number), default=None)


def simulate(
    way: Way,
    world: Surrogate,
    *,
    workers: int,
    seed: int,
    spend: float = math.inf,
    trials: int | None = None,
    told: Callable[[Log], None] = lambda log: None,  # noqa: ARG005
) -> Log:
    """Search until so much is spent, or so many trials are over.

    Args:
        way: The way of searching.
        world: What trains.
        workers: Trials at a time, >= 1.
        seed: Of the trainings: a trial's own seed follows from it and its number, whatever the way of searching.
        spend: Seconds of all workers together after which no trial begins.
        trials: Trials that are begun; None for any number.
        told: Called after each epoch.
    """
    log, order = Log(), itertools.count()
    queue: list[tuple[float, int, int, int]] = []
    running: dict[int, tuple[Mapping[str, Any], Curve]] = {}
    pruned: dict[int, Trial] = {}
    begun = 0

    def begin() -> bool:
        nonlocal begun
        if log.spent >= spend or (trials is not None and begun >= trials) or (suggested := way.suggest()) is None:
            return False
        number, params = suggested
        if (before := pruned.pop(number, None)) is None:
            curve, first = world.train(params, derive_seed(seed, "trial", number)), 1
            begun += 1
        else:
            curve, first = before.curve, before.epochs + 1
            log.trials.remove(before)
        running[number] = params, curve
        heapq.heappush(queue, (log.now + curve.seconds, next(order), number, first))
        return True

    def over(number: int, state: State, epochs: int) -> None:
        params, curve = running.pop(number)
        log.running.pop(number, None)
        way.ended(number, state, epochs, curve.values[epochs - 1])
        trial = Trial(number, params, state, epochs, curve, log.now, log.spent)
        if state is State.PRUNED:
            pruned[number] = trial
        log.trials.append(trial)

    while len(running) < workers and begin():
        pass
    while queue:
        log.now, _, number, epoch = heapq.heappop(queue)
        params, curve = running[number]
        log.spent += curve.seconds
        last = epoch == len(curve.values)
        if not last and way.goes_on(number, epoch, curve.values[epoch - 1], curve):
            heapq.heappush(queue, (log.now + curve.seconds, next(order), number, epoch + 1))
            log.running[number] = Trial(number, params, State.PRUNED, epoch, curve, log.now, log.spent)
            told(log)
            continue
        over(number, curve.state if last else State.PRUNED, epoch)
        told(log)
        begin()
    return log


class Own:
    """This project's search: its samplers and pruners by their names in the task file.

    Args:
        world: What trains; its space is searched.
        sampler: Name.
        pruner: Name.
        seed: The study's.
        options: Of the sampler.
        portfolio: Configurations that are tried first.
    """

    def __init__(
        self,
        world: Surrogate,
        *,
        sampler: str,
        pruner: str,
        seed: int,
        options: Mapping[str, Any] | None = None,
        portfolio: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._epochs, self.objective = world.epochs, Objective()
        self._portfolio = list(enumerate(portfolio, 1))
        self._folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.search = Search(
            StudyFolder(Path(self._folder.name) / "study"),
            world.space,
            objective=self.objective,
            sampler=(sampler, SAMPLERS[sampler].options.model_validate(dict(options or {}))),
            pruner=(pruner, PRUNERS[pruner].options()),
            seed=seed,
            peak=lambda params: peak_of(params, world.epochs),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.search.close()
        self._folder.cleanup()

    def suggest(self) -> tuple[int, Mapping[str, Any]] | None:
        """See `Way`."""
        suggestion = None
        while suggestion is None and self._portfolio:
            place, params = self._portfolio.pop(0)
            suggestion = self.search.enqueue(params, {"portfolio": place})
        suggestion = suggestion or self.search.suggest()
        return None if suggestion is None else (suggestion.number, suggestion.params)

    def goes_on(self, number: int, epoch: int, value: float, curve: Curve) -> bool:
        """Judge it at its rungs. See `Way`."""
        self.search.reported(number, epoch, value)
        if epoch not in self.search.pruner.rungs(self._epochs, curve.peak):
            return True
        return self.search.judge(number, epoch, value, self._epochs).go_on

    def ended(self, number: int, state: State, epochs: int, value: float) -> None:
        """Tell the study. See `Way`."""
        if state is not State.PRUNED:
            self.search.reported(number, epochs, value)
        told = value if state is State.COMPLETED else None
        self.search.tell(number, state, told, "", trained=epochs / self._epochs)


@dataclass(frozen=True)
class Handed:
    """The model that a search hands over.

    Args:
        number: Of its trial; `BASELINE` for the baseline.
        test: Its test score.
        spent: Seconds of all workers together, the search's and its confirmation's.
        at: Seconds since the search's beginning.
    """

    number: int
    test: float
    spent: float
    at: float


def best_trial(log: Log) -> Handed | None:
    """What is handed over without confirmation: the model of the best trial that came to its end."""
    best = log.best()
    return None if best is None else Handed(best.number, best.curve.test, log.spent, log.now)


def confirm(
    way: Own,
    log: Log,
    world: Surrogate,
    *,
    workers: int,
    seed: int,
    options: Confirm = Confirm(),  # noqa: B008
) -> Handed | None:
    """What a sweep hands over whose time is over: the best few race on fresh seeds, the baseline beside them.

    Running trials are cut short. Candidates are ranked as `tuner.sweep.candidates` ranks them and raced as
    `tuner.sweep.race` does; the winner is chosen by `leaderboard.confirmation`.

    Args:
        way: The search, as it stands.
        log: What it has done so far; nothing is added to it.
        world: What trains.
        workers: Trainings at a time.
        seed: Of the confirmation's seeds.
        options: The task file's `confirm`, which goes by the trials so far.
    """
    trials = {trial.number: trial for trial in log.trials} | log.running
    cut = [trial.epochs for trial in log.running.values()]
    rounds = options.rounds(whole_trials(len(log.trials), cut, world.epochs))
    order = [number for number in way.search.ranked(log.running) if number in trials][: rounds[0]]
    if not order:
        return None
    rounds = [min(number, len(order)) for number in rounds]
    trained: dict[int, list[Curve]] = {number: [] for number in (*order, BASELINE)}
    scores: dict[int, dict[int, float | None]] = {number: {} for number in trained}
    worked = []
    for repeat in range(1, len(rounds) + 1):
        own = derive_seed(seed, "confirm", repeat)
        racing = going_on(order, scores, rounds, repeat, way.objective) or []
        for number in (*racing, BASELINE):
            curve = world.baseline(own) if number == BASELINE else world.train(trials[number].params, own)
            trained[number].append(curve)
            scores[number][repeat] = _score(curve)
            worked.append(curve)
    spent, at = _worked(worked, workers)
    found = {number: list(each.values()) for number, each in scores.items()}
    winner = confirmation(found, way.objective, seeds=len(rounds)).winner
    if winner is None:
        return None
    model = min(trained[winner], key=lambda curve: curve.values[-1])
    return Handed(winner, model.test, log.spent + spent, log.now + at)


def _score(curve: Curve) -> float | None:
    return curve.values[-1] if curve.state is State.COMPLETED else None


def _worked(curves: Sequence[Curve], workers: int) -> tuple[float, float]:
    """Seconds of all workers together, and until the last is ready, where each takes the next training."""
    free = [0.0] * workers
    for curve in curves:
        heapq.heapreplace(free, free[0] + curve.seconds * len(curve.values))
    return sum(curve.seconds * len(curve.values) for curve in curves), max(free)
