"""What a pruner is worth: the same trials in many orders, cut by each rule, until a share of the compute is spent.

    python -m benchmarks.pruning [--folder pruning] [--trials 60] [--orders 200] [--workers 2]
    python -m benchmarks.pruning --made --orders 40
    python -m benchmarks.pruning --lcbench FOLDER_OR_NPZ --orders 10
    python -m benchmarks.pruning --laboratory --orders 40

Random configurations of the ready space `gated_rnn` are trained to their end on four tasks, without pruning; or curves
are made, or read from LCBench (`benchmarks.curve_pools`) or the laboratory (`benchmarks/laboratory`, the tasks for
tuning). Then they are replayed, one after the other, in random
orders: a trial costs its measured seconds per epoch for each epoch that it gets. Printed is the rank, among all
configurations, of the best one that a rule let train to its end (0 is the best there is), when 15, 25 and 40 % of the
seconds of all, or of 60 of them where there are more, are spent; with its standard error over orders. The rules are the
project's own, by the code that a sweep runs, and Optuna's, with a report after every epoch. Below that, how many of the
three best of 30 trials under `asha` are among the three that are confirmed: by what completed trials reached, and with
those that were cut, by what they are expected to reach. Then in how many studies of 60 trials, and of 30, a trial of
their best fifth was trained to its end, and where learning rates peak late (`one_cycle`), how often such trials were
cut, and how often the others that end in the same fifth. Training takes about half an hour on two cores, the replay
five minutes.

The share of pairs from which on `asha` takes ranks for settled was chosen on the made pools and on the first half of
LCBench's tasks, not on the second half, which is printed by itself. The control trials, the share of pairs below which
a rung cuts none, and whom a late peak is compared with were chosen on made pools and the laboratory's tasks for tuning.
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

from benchmarks.curve_pools import MADE, Array, made, read_lcbench
from benchmarks.laboratory.records import pools as recorded
from benchmarks.running import add_sets, records, run
from benchmarks.small_tasks import TASKS, task_file
from tuner.objective import Objective
from tuner.optim.catalog import SCHEDULES
from tuner.optim.schedules import peak_epoch
from tuner.study.catalog import PRUNERS
from tuner.study.curves import Curves
from tuner.study.pruners import LATE_PEAK, judged

MORE = """\
sampler: {name: random, seed: 7}
pruner: {name: none}
diagnostics: {mode: observe, level: light}"""
SHARES = (0.15, 0.25, 0.4)
MOST = 60
"""Of a larger pool, so many full trainings are the compute that shares are taken of."""
STUDY = 30
"""Trials of a study whose best are confirmed."""
FIFTHS = 5


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
    """Of a full trial; fewer were trained where it diverged, or its patience ended it."""

    @property
    def best(self) -> float:
        """Its best loss."""
        return min(self.losses, default=math.inf)

    @property
    def late(self) -> bool:
        """Whether its learning rate peaks late."""
        return self.peak > LATE_PEAK * self.epochs


Stops = Callable[[int, Curve], int | None]
"""Given the number of a trial and its curve: the epoch after which it is cut, None where it is not."""


def own(name: str) -> Callable[[], Stops]:
    """A rule of this project with its defaults."""

    def begin() -> Stops:
        pruner = PRUNERS[name].load()(PRUNERS[name].options())
        curves, late = Curves(Objective()), set[int]()

        def stops(number: int, curve: Curve) -> int | None:
            rungs = pruner.rungs(curve.epochs, curve.peak)
            if curve.late:
                late.add(number)
            for epoch, loss in enumerate(curve.losses, 1):
                curves.add(number, epoch, loss)
                if epoch not in rungs or not math.isfinite(best := min(curve.losses[:epoch])):
                    continue
                alike = late if curve.late else None
                if not judged(pruner, curves, number, epoch, best, epochs=curve.epochs, alike=alike).go_on:
                    return epoch
            if curve.losses and math.isfinite(curve.losses[-1]):
                curves.completed(number)
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


def laboratory() -> dict[str, list[Curve]]:
    """The curves that are recorded of the laboratory's tasks for tuning."""
    return {
        name: [
            Curve(
                [value if math.isfinite(value) else math.inf for value in task.first(number).values],
                task.first(number).seconds,
                task.peak(number),
                task.epochs,
            )
            for number in task.params
        ]
        for name, task in recorded("tuning").items()
    }


def pool(losses_NE: Array) -> list[Curve]:
    """Curves whose rate is at its peak from the start, a second for an epoch."""
    return [Curve(losses.tolist(), 1.0, 0.0, len(losses)) for losses in losses_NE]


def replay(order: Sequence[Curve], begin: Callable[[], Stops], seconds: Sequence[float]) -> list[tuple[float, int]]:
    """The best loss of a trial that was not cut, and how many trials were begun, when so many seconds are spent.

    Args:
        order: The trials.
        begin: A rule.
        seconds: Ascending.
    """
    stops, best, spent, found = begin(), math.inf, 0.0, []
    for number, curve in enumerate(order):
        cut = stops(number, curve)
        spent += curve.seconds * (cut or len(curve.losses))
        while spent > seconds[len(found)]:
            found.append((best, number))
            if len(found) == len(seconds):
                return found
        if cut is None:
            best = min(best, curve.best)
    return found + [(best, len(order))] * (len(seconds) - len(found))


def table(title: str, pools: Sequence[Sequence[Curve]], orders: int) -> str:
    """The rows of a pool, or of several: means over them."""
    several = f"{len(pools)} tasks of " if len(pools) > 1 else ""
    lines = [f"{title}: {several}{len(pools[0])} configurations"]
    for name, begin in RULES.items():
        ranks: list[list[int]] = [[] for _ in SHARES]
        begun: list[list[int]] = [[] for _ in SHARES]
        for curves in pools:
            total = sum(curve.seconds * len(curve.losses) for curve in curves) * min(1.0, MOST / len(curves))
            shuffler = random.Random(0)
            for _ in range(orders):
                order = shuffler.sample(curves, len(curves))
                for at, (best, trials) in enumerate(replay(order, begin, [share * total for share in SHARES])):
                    ranks[at].append(sum(curve.best < best for curve in curves))
                    begun[at].append(trials)
        cells = [
            f"{fmean(each):6.2f} ± {stdev(each) / math.sqrt(len(each)):4.2f} ({fmean(trials):5.1f})"
            for each, trials in zip(ranks, begun, strict=True)
        ]
        lines.append(f"  {name:<26}" + "".join(f"{cell:>24}" for cell in cells))
    completed, all_trials = confirmed(pools, orders)
    lines.append(f"  three best of {STUDY} confirmed: {completed:.2f} of completed trials, {all_trials:.2f} of all")
    return "\n".join([*lines, *survival(pools, orders)])


@dataclass(frozen=True)
class Studied:
    """What became of a trial."""

    fifth: int
    """Of the study's trials by their best loss, from 0."""
    late: bool
    whole: bool


def studied(curves: Sequence[Curve], trials: int, order: int) -> list[Studied]:
    """A study of so many trials under `asha`, in an order that follows from its number."""
    drawn = random.Random(order).sample(curves, min(trials, len(curves)))
    stops = RULES["asha"]()
    whole = [stops(number, curve) is None for number, curve in enumerate(drawn)]
    better = [sum(other.best < curve.best for other in drawn) for curve in drawn]
    return [
        Studied(FIFTHS * rank // len(drawn), curve.late, kept)
        for rank, curve, kept in zip(better, drawn, whole, strict=True)
    ]


def survival(pools: Sequence[Sequence[Curve]], orders: int) -> list[str]:
    """Whether the good ones survive, and whether those whose learning rate peaks late do as others do."""
    lines, every = [], list[Studied]()
    for trials in (MOST, STUDY):
        studies = [studied(curves, trials, order) for curves in pools for order in range(orders)]
        survived = fmean(any(one.whole for one in study if one.fifth == 0) for study in studies)
        lines.append(f"  a trial of the best fifth of {trials} trained to its end: in {survived:.0%} of studies")
        every += [one for study in studies for one in study]
    others = [[not one.whole for one in every if not one.late and one.fifth == fifth] for fifth in range(FIFTHS)]
    if late := [one for one in every if one.late and others[one.fifth]]:
        cut, alike = fmean(not one.whole for one in late), fmean(fmean(others[one.fifth]) for one in late)
        lines.append(f"  late peak: {cut:.1%} cut; of others that end in the same fifths {alike:.1%}")
    return lines


def confirmed(pools: Sequence[Sequence[Curve]], orders: int) -> tuple[float, float]:
    """How many of the three best of `STUDY` trials under `asha` would be confirmed.

    Returns:
        With completed trials as the only candidates, and with all by what is expected of them; means over orders.
    """
    hits: tuple[list[int], list[int]] = ([], [])
    for curves in pools:
        shuffler = random.Random(1)
        for _ in range(orders):
            order = shuffler.sample(curves, min(STUDY, len(curves)))
            stops, known = RULES["asha"](), Curves(Objective())
            finals, cut = {}, []
            for number, curve in enumerate(order):
                last = stops(number, curve)
                for epoch, loss in enumerate(curve.losses[:last], 1):
                    known.add(number, epoch, loss)
                if last is not None:
                    cut.append(number)
                elif math.isfinite(curve.best):
                    finals[number] = curve.best
            expected = known.expected(finals, cut)
            best = set(sorted(range(len(order)), key=lambda number: order[number].best)[:3])
            for found, values in zip(hits, (finals, expected), strict=True):
                chosen = sorted(values, key=lambda number: (values[number], number not in finals, number))[:3]
                found.append(len(best.intersection(chosen)))
    return fmean(hits[0]), fmean(hits[1])


def main() -> None:
    """Train or read, replay and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("pruning"))
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="tasks at a time")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    add_sets(parser)
    parser.add_argument("--made", action="store_true", help="replay made curves instead")
    parser.add_argument("--lcbench", type=Path, help="replay LCBench instead: the surrogate's folder, or an NPZ file")
    parser.add_argument("--laboratory", action="store_true", help="replay the laboratory's records instead")
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pools: dict[str, list[list[Curve]]] = {}
    if asked.made:
        pools = {kind: [pool(made(kind))] for kind in MADE}
    if asked.lcbench:
        tasks = [pool(errors) for errors in read_lcbench(asked.lcbench).values()]
        half = len(tasks) // 2
        pools |= {"LCBench, first half": tasks[:half], "LCBench, second half": tasks[half:]}
    if asked.laboratory:
        pools |= {"laboratory, tuning half": list(laboratory().values())}
    if not pools:
        with multiprocessing.get_context("forkserver").Pool(asked.workers, maxtasksperchild=1) as workers:
            workers.starmap(train, [(folder, task, asked.trials, *asked.sets) for task in asked.tasks], chunksize=1)
        pools = {task: [curves_of(folder, task)] for task in asked.tasks}
    print("rank of the best trial that was trained to its end ± standard error (trials begun), by share of the seconds")
    print(f"{'':<28}" + "".join(f"{share:>24.0%}" for share in SHARES))
    for title, each in pools.items():
        print(table(title, each, asked.orders), flush=True)


if __name__ == "__main__":
    main()
