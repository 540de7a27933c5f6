"""What a pruner is worth: the same trials in many orders, cut by each rule, until a share of the compute is spent.

    python -m benchmarks.pruning [--folder pruning] [--trials 60] [--orders 200] [--workers 2]

Random configurations of the ready space `gated_rnn` are trained to their end on four tasks, without pruning. Then they
are replayed, one after the other, in random orders: a trial costs its measured seconds per epoch for each epoch that
it gets. Printed is the rank, among all configurations, of the best one that a rule let train to its end (0 is the best
there is), when 15, 25 and 40 % of the seconds of all are spent; with its standard error over orders. The rules are the
project's own, by the code that a sweep runs, and Optuna's, with a report after every epoch. About half an hour on two
cores, and five minutes for the replay.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import optuna

from benchmarks.running import add_sets, records, run
from benchmarks.small_tasks import TASKS, task_file
from tuner.optim.catalog import SCHEDULES
from tuner.optim.schedules import peak_epoch
from tuner.study.catalog import PRUNERS
from tuner.study.curves import Curves

MORE = """\
sampler: {name: random, seed: 7}
pruner: {name: none}
diagnostics: {mode: observe, level: light}"""
SHARES = (0.15, 0.25, 0.4)


@dataclass(frozen=True)
class Curve:
    """A configuration that was trained to its end."""

    losses: Sequence[float]
    """By epoch; infinite where it was not finite."""
    seconds: float
    """Of an epoch."""
    peak: float
    """Epochs until the learning rate's peak."""
    epochs: int
    """Of a full trial; fewer were trained where it diverged."""

    @property
    def best(self) -> float:
        """Its best loss."""
        return min(self.losses, default=math.inf)


Stops = Callable[[int, Curve], int | None]
"""Given the number of a trial and its curve: the epoch after which it is cut, None where it is not."""


def own(name: str) -> Callable[[], Stops]:
    """A rule of this project with its defaults."""

    def begin() -> Stops:
        pruner = PRUNERS[name].load()(PRUNERS[name].options())
        curves = Curves(maximize=False)

        def stops(number: int, curve: Curve) -> int | None:
            rungs = pruner.rungs(curve.epochs, curve.peak)
            for epoch, loss in enumerate(curve.losses, 1):
                curves.add(number, epoch, loss)
                if epoch not in rungs or not math.isfinite(best := min(curve.losses[:epoch])):
                    continue
                if not pruner.decide(epoch, best, curves.others(number, epoch), maximize=False).go_on:
                    return epoch
            return None

        return stops

    return begin


def optunas(make: Callable[[int], optuna.pruners.BasePruner]) -> Callable[[], Stops]:
    """A pruner of Optuna."""

    def begin() -> Stops:
        study: optuna.Study | None = None

        def stops(number: int, curve: Curve) -> int | None:
            nonlocal study
            del number
            if study is None:  # a name, as Hyperband draws its brackets by it
                study = optuna.create_study(
                    study_name="replay", pruner=make(curve.epochs), sampler=optuna.samplers.RandomSampler(0)
                )
            trial = study.ask()
            for epoch, loss in enumerate(curve.losses, 1):
                trial.report(loss, epoch)
                if epoch < curve.epochs and trial.should_prune():
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    return epoch
            study.tell(trial, curve.best if math.isfinite(curve.best) else 1e9)
            return None

        return stops

    return begin


RULES: dict[str, Callable[[], Stops]] = {
    "none": own("none"),
    "asha": own("asha"),
    "median": own("median"),
    "Optuna SuccessiveHalving": optunas(lambda epochs: optuna.pruners.SuccessiveHalvingPruner()),  # noqa: ARG005
    "Optuna Hyperband": optunas(lambda epochs: optuna.pruners.HyperbandPruner(max_resource=epochs)),
    "Optuna Median": optunas(lambda epochs: optuna.pruners.MedianPruner()),  # noqa: ARG005
}


def train(folder: Path, task: str, trials: int, *sets: str) -> None:
    """Train the configurations of a task, or go on where that was left."""
    run(folder / task, task_file(task, trials, MORE), *sets, quiet=True)


def curves_of(folder: Path, task: str) -> list[Curve]:
    """The curves of a task's configurations."""
    trials = records(folder / task, task)
    full = max(len(trial.epochs) for trial in trials)
    found = []
    for trial in trials:
        losses = [value if math.isfinite(value) else math.inf for value in trial.series("val/loss").values()]
        seconds = trial.seconds / max(1, len(losses))
        found.append(Curve(losses, seconds, _peak(trial.params, full), full))
    return found


def _peak(params: Mapping[str, Any], epochs: int) -> float:
    schedule = params["schedule"]
    options = SCHEDULES[schedule].options
    given = {name: params[name] for name in options.model_fields if name in params}
    return peak_epoch(schedule, options.model_validate(given), epochs)


def replay(order: Sequence[Curve], begin: Callable[[], Stops], seconds: float) -> tuple[float, int]:
    """The best loss of a trial that was not cut, and how many trials were begun, when the seconds are spent."""
    stops, best = begin(), math.inf
    for number, curve in enumerate(order):
        cut = stops(number, curve)
        seconds -= curve.seconds * (cut or len(curve.losses))
        if seconds < 0:
            return best, number
        if cut is None:
            best = min(best, curve.best)
    return best, len(order)


def table(task: str, curves: Sequence[Curve], orders: int) -> str:
    """The rows of a task."""
    total = sum(curve.seconds * len(curve.losses) for curve in curves)
    lines = [f"{task}: {len(curves)} configurations, {total:.0f} s in all"]
    for name, begin in RULES.items():
        cells = []
        for share in SHARES:
            shuffler, ranks, begun = random.Random(0), [], []
            for _ in range(orders):
                order = shuffler.sample(curves, len(curves))
                best, trials = replay(order, begin, share * total)
                ranks.append(sum(curve.best < best for curve in curves))
                begun.append(trials)
            cells.append(f"{fmean(ranks):6.2f} ± {stdev(ranks) / math.sqrt(orders):4.2f} ({fmean(begun):4.1f})")
        lines.append(f"  {name:<26}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Train, replay and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("pruning"))
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="tasks at a time")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    add_sets(parser)
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with multiprocessing.get_context("spawn").Pool(asked.workers, maxtasksperchild=1) as pool:
        pool.starmap(train, [(folder, task, asked.trials, *asked.sets) for task in asked.tasks], chunksize=1)
    print("rank of the best trial that was trained to its end ± standard error (trials begun), by share of the seconds")
    print(f"{'':<28}" + "".join(f"{share:>24.0%}" for share in SHARES))
    for task in asked.tasks:
        print(table(task, curves_of(folder, task), asked.orders), flush=True)


if __name__ == "__main__":
    main()
