"""What a search is worth: the test score of the model that it hands over, by all that it has spent, beside its peers.

    python -m benchmarks.search [--half tuning] [--tasks NAME ...] [--seeds 5] [--workers 1 4 16] [--spend 40]
                                [--ways NAME ...] [--folder search] [--space gated_rnn]

Searches are replayed over the laboratory (`benchmarks/laboratory`): its forests say what a training would come to, its
clock when. Each way of searching is run with the same seeds. What is spent is told in full trainings of a configuration
in the middle. The compute of this search includes its confirmation; what it hands over is the confirmed winner's best
model, as if `budget.timeout` were over: running trials are cut short, and can be confirmed. It tries first what the
tasks for tuning have taught, the task at hand left out (`benchmarks.portfolio`); "no experience" does not. Peers
confirm nothing: they hand over the model of the best trial that came to its end. NePS's PriorBand has the first
configuration of the same portfolio as its prior; it needs the package neural-pipeline-search, without which it is left
out.

Printed are, for each number of workers: the test score handed over by 10, 20 and 40 full trainings and after 20, 50 and
100 trials (with what was spent by then), over this search's (geometric mean over tasks and seeds; above 1 is worse);
how many full trainings this search needs to reach what the best peer (over all tasks) ends with, over what that peer
needed: the median over tasks, with a 95 % interval (bootstrap over tasks and seeds), and for each family; the same
beside random search without a pruner. `never` is where it does not get there.

The half `judging` is read with `--half judging`: only to judge, after everything was fixed.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import optuna

from benchmarks.laboratory.configurations import CHANGES
from benchmarks.laboratory.experience import learned
from benchmarks.laboratory.peers import AsPriorBand, AsRayTune, WithOptuna, gp, tpe
from benchmarks.laboratory.records import SPACE, pools
from benchmarks.laboratory.simulator import Handed, Log, Own, Way, best_trial, confirm, simulate
from benchmarks.laboratory.surrogate import Surrogate
from benchmarks.laboratory.tasks import TASKS
from benchmarks.running import installed

Hand = Callable[[Log], Handed | None]
"""What a search would hand over as it stands."""
Begin = Callable[[Surrogate, int, int], AbstractContextManager[tuple[Way, Hand]]]
"""From world, workers and seed to a search that has begun."""
OWN, PRIORBAND = "this search", "NePS PriorBand"
SHOWN = (10.0, 20.0, 40.0)
TRIALS = (20, 50, 100)


@contextmanager
def own(
    world: Surrogate, workers: int, seed: int, *, confirmed: bool, sampler: str = "tpe", experienced: bool = True
) -> Iterator[tuple[Way, Hand]]:
    """This project's search, with its confirmation and what other tasks have taught, or without."""
    portfolio = _experience(world.pool.task, world.name) if experienced else []
    with Own(world, sampler=sampler, pruner="asha", seed=seed, portfolio=portfolio) as way:
        hand = partial(confirm, way, world=world, workers=workers, seed=seed) if confirmed else best_trial
        yield way, hand


def optunas(sampler: Callable[[int], Any], pruner: Callable[[int], Any]) -> Begin:
    """A study of Optuna."""
    return lambda world, workers, seed: nullcontext((WithOptuna(world, sampler, pruner, seed), best_trial))  # noqa: ARG005


WAYS: dict[str, Begin] = {
    OWN: partial(own, confirmed=True),
    "this search, no experience": partial(own, confirmed=True, experienced=False),
    "this search, unconfirmed": partial(own, confirmed=False),
    "random, asha": partial(own, confirmed=False, sampler="random", experienced=False),
    "random": optunas(lambda seed: optuna.samplers.RandomSampler(seed=seed), lambda _: optuna.pruners.NopPruner()),
    "Optuna TPE, Median": optunas(tpe, lambda _: optuna.pruners.MedianPruner()),
    "Optuna TPE, SuccessiveHalving": optunas(tpe, lambda _: optuna.pruners.SuccessiveHalvingPruner()),
    "Optuna TPE, Hyperband": optunas(tpe, lambda epochs: optuna.pruners.HyperbandPruner(max_resource=epochs)),
    "Optuna GP": optunas(gp, lambda _: optuna.pruners.NopPruner()),
    "Ray Tune": lambda world, workers, seed: nullcontext((AsRayTune(world, seed), best_trial)),  # noqa: ARG005
    PRIORBAND: lambda world, workers, seed: nullcontext(  # noqa: ARG005
        (AsPriorBand(world, _experience(world.pool.task, world.name)[0], seed), best_trial)
    ),
}
"""Name -> a way of searching. Those whose names begin with `this search` are no peers."""


@dataclass(frozen=True)
class Run:
    """A search on a task.

    Args:
        way: Its name in `WAYS`.
        task: The task.
        workers: Trials at a time.
        seed: Of the search and of all trainings.
        spent: Full trainings spent, ascending, when something was handed over.
        scores: The test scores of it.
        by_trials: Trials that were over -> what was spent and the test score.
    """

    way: str
    task: str
    workers: int
    seed: int
    spent: Sequence[float]
    scores: Sequence[float]
    by_trials: Mapping[int, tuple[float, float]]

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What there is one of."""
        return self.way, self.task, self.workers, self.seed

    def score(self, spent: float, nothing: float) -> float:
        """The test score of what is handed over when so much may be spent; `nothing` before there is anything."""
        known = [score for at, score in zip(self.spent, self.scores, strict=True) if at <= spent]
        return known[-1] if known else nothing


def run(way: str, world: Surrogate, *, workers: int, seed: int, spend: float) -> Run:
    """Search until so many full trainings are spent; at points a fifth apart, look what would be handed over."""
    full = world.full_seconds
    marks = [2.0]
    while marks[-1] < spend:
        marks.append(min(spend, marks[-1] * 1.2))
    spent, scores, by_trials = [], [], {}
    with WAYS[way](world, workers, seed) as (searching, hand):

        def told(log: Log) -> None:
            trials = len(log.trials)
            if trials in TRIALS and trials not in by_trials and (handed := hand(replace(log, running={}))) is not None:
                by_trials[trials] = handed.spent / full, handed.test
            if not marks or log.spent < marks[0] * full or (handed := hand(log)) is None:
                return
            spent.append(handed.spent / full)
            scores.append(handed.test)
            while marks and log.spent >= marks[0] * full:
                del marks[0]

        simulate(searching, world, workers=workers, seed=seed, spend=spend * full, told=told)
    return Run(way, world.pool.task, workers, seed, spent, scores, by_trials)


@cache
def _experience(task: str, space: str) -> list[dict[str, Any]]:
    """The portfolio of a space that is learned from the tasks for tuning, without this one."""
    return learned(pools("tuning", space=space), without=[task], space=space)


@cache
def _world(half: Any, task: str, space: str) -> Surrogate:
    return Surrogate(pools(half, space=space, judge=half == "judging")[task], space)


def _run(half: str, space: str, way: str, task: str, workers: int, seed: int, spend: float) -> Run:
    return run(way, _world(half, task, space), workers=workers, seed=seed, spend=spend)


def kept(path: Path) -> dict[tuple[str, str, int, int], Run]:
    """The runs of a journal."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            fields = json.loads(line)
        except ValueError:  # cut off
            continue
        by_trials = {int(trials): tuple(pair) for trials, pair in fields.pop("by_trials").items()}
        one = Run(**fields, by_trials=by_trials)
        found[one.key] = one
    return found


class Comparison:
    """Runs with the same number of workers, compared.

    Args:
        runs: All of them; each way has the same seeds on each task.
        spend: Full trainings that each spent at least.
    """

    def __init__(self, runs: Sequence[Run], spend: float) -> None:
        self.ways = [way for way in WAYS if any(each.way == way for each in runs)]
        self.tasks = [task for task in TASKS if any(each.task == task for each in runs)]
        self.seeds = sorted({each.seed for each in runs})
        self._runs = {(each.way, each.task, each.seed): each for each in runs}
        self._worst = {
            task: max(score for each in runs if each.task == task for score in each.scores) for task in self.tasks
        }
        self._grid = np.geomspace(2, spend + 20, 60)
        self._spend = spend
        self._curves = {key: self._curve(each) for key, each in self._runs.items()}

    def _curve(self, one: Run) -> Any:
        nothing = self._worst[one.task]
        return np.log([max(one.score(spent, nothing), 1e-9) for spent in self._grid])

    def _mean(self, way: str, task: str, seeds: Sequence[int]) -> Any:
        return np.mean([self._curves[way, task, seed] for seed in seeds], axis=0)

    def over_own(self, way: str, spent: float) -> float:
        """The test score of a way when so much is spent, over this search's."""
        at = int(np.searchsorted(self._grid, spent, side="right")) - 1
        logs = [self._mean(way, task, self.seeds)[at] - self._mean(OWN, task, self.seeds)[at] for task in self.tasks]
        return math.exp(fmean(logs))

    def best_peer(self) -> str:
        """The peer with the best test scores over all tasks, when all is spent."""
        return min(
            (way for way in self.ways if not way.startswith(OWN)), key=lambda way: self.over_own(way, self._spend)
        )

    def ratio(self, way: str, peer: str, task: str, seeds: Sequence[int]) -> float:
        """What a way needs to reach what a peer ends with, over what that peer needed; infinite where never."""
        end = int(np.searchsorted(self._grid, self._spend, side="right")) - 1
        others = self._mean(peer, task, seeds)
        aim = others[end] + 1e-9
        reached = self._mean(way, task, seeds) <= aim
        needed = self._grid[np.argmax(others <= aim)]
        return float(self._grid[np.argmax(reached)] / needed) if reached.any() else math.inf

    def ratios(self, way: str, peer: str) -> dict[str, float]:
        """`ratio` by task."""
        return {task: self.ratio(way, peer, task, self.seeds) for task in self.tasks}

    def interval(self, way: str, peer: str, draws: int = 300) -> tuple[float, float]:
        """Of the median ratio over tasks, 95 %: tasks and their seeds are drawn again."""
        rng, found = np.random.default_rng(0), []
        for _ in range(draws):
            tasks = rng.choice(self.tasks, len(self.tasks)).tolist()
            seeds = [rng.choice(self.seeds, len(self.seeds)).tolist() for _ in tasks]
            found.append(median(self.ratio(way, peer, task, own) for task, own in zip(tasks, seeds, strict=True)))
        found.sort()
        return found[round(0.025 * (draws - 1))], found[round(0.975 * (draws - 1))]

    def by_trials(self, way: str, trials: int) -> tuple[float, float] | None:
        """After so many trials: full trainings spent and the test score over this search's; None if some ran less."""
        pairs = [self._runs[key].by_trials.get(trials) for key in self._runs if key[0] == way]
        owns = [self._runs[OWN, *key[1:]].by_trials.get(trials) for key in self._runs if key[0] == way]
        if not all(pairs) or not all(owns):
            return None
        logs = [math.log(max(pair[1], 1e-9) / max(mine[1], 1e-9)) for pair, mine in zip(pairs, owns, strict=True)]  # type: ignore[index]
        return fmean(pair[0] for pair in pairs), math.exp(fmean(logs))  # type: ignore[index]


def told(runs: Sequence[Run], workers: int, spend: float) -> str:
    """The tables of a number of workers."""
    compared = Comparison([each for each in runs if each.workers == workers], spend)
    at = [spent for spent in SHOWN if spent <= spend]
    lines = [
        f"{workers} workers, {len(compared.tasks)} tasks, {len(compared.seeds)} seeds: test score over this search's",
        f"  {'':<32}"
        + "".join(f"{f'{spent:g} trainings':>16}" for spent in at)
        + "".join(f"{f'{n} trials':>20}" for n in TRIALS),
    ]
    for way in compared.ways:
        cells = "".join(f"{compared.over_own(way, spent):>16.3f}" for spent in at)
        for trials in TRIALS:
            found = compared.by_trials(way, trials)
            cells += f"{'-' if found is None else f'{found[1]:.3f} ({found[0]:.1f})':>20}"
        lines.append(f"  {way:<32}{cells}")
    best = compared.best_peer()
    lines += [_needed(compared, peer) for peer in dict.fromkeys([best, "random"]) if peer in compared.ways]
    return "\n".join(lines)


def _needed(compared: Comparison, peer: str) -> str:
    which = "the best peer" if peer == compared.best_peer() else "a peer"
    lines = [f"  compute to what {peer}, {which}, ends with, over what that needed: median (95 % interval)"]
    for way in (each for each in compared.ways if each.startswith(OWN)):
        ratios = compared.ratios(way, peer)
        low, high = compared.interval(way, peer)
        families: dict[str, list[float]] = {}
        for task, ratio in ratios.items():
            families.setdefault(TASKS[task].family, []).append(ratio)
        each = ", ".join(f"{family} {_shown(median(found))}" for family, found in families.items())
        lines.append(f"    {way:<30}{_shown(median(ratios.values()))} ({_shown(low)} to {_shown(high)}); {each}")
    return "\n".join(lines)


def _shown(ratio: float) -> str:
    return "never" if math.isinf(ratio) else f"{ratio:.2f}"


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("tuning", "judging"), default="tuning")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, help="default: all of the half")
    parser.add_argument("--space", choices=sorted(CHANGES), default=SPACE, help="the ready space that is searched")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--spend", type=float, default=40.0, help="full trainings")
    parser.add_argument("--ways", nargs="+", choices=WAYS, help="default: all that are installed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, help="keep the runs there, and go on where they were left")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch comes, with which the Gaussian process computes
    tasks = [task for task in asked.tasks or TASKS if TASKS[task].half == asked.half]
    needs = PRIORBAND, "neps", "neural-pipeline-search"
    ways = list(dict.fromkeys([OWN, *installed(parser, asked.ways, WAYS, needs)]))
    wanted = [
        (asked.half, asked.space, way, task, workers, seed, asked.spend)
        for seed in range(asked.seeds)
        for task in tasks
        for workers in asked.workers
        for way in ways
    ]
    path = None
    runs: dict[tuple[str, str, int, int], Run] = {}
    if asked.folder:
        asked.folder.mkdir(parents=True, exist_ok=True)
        path = asked.folder / f"{asked.space}.{asked.half}.{asked.spend:g}.jsonl"
        runs = kept(path)
    left = [each for each in wanted if each[2:6] not in runs]
    with (
        multiprocessing.get_context("spawn").Pool(asked.processes) if asked.processes > 1 else nullcontext() as pool,
        path.open("a") if path else nullcontext() as file,
    ):
        done = pool.imap_unordered(_each, left) if pool else map(_each, left)
        for one in done:
            runs[one.key] = one
            if file:
                file.write(json.dumps(asdict(one)) + "\n")
                file.flush()
    chosen = [runs[each[2:6]] for each in wanted]
    for workers in asked.workers:
        print(told(chosen, workers, asked.spend), flush=True)


def _each(wanted: tuple[str, str, str, str, int, int, float]) -> Run:
    return _run(*wanted)


if __name__ == "__main__":
    main()
