"""What a refit on training and validation data gains on test data, and by which length and learning rates.

    python -m benchmarks.refit [--tasks NAME ...] [--factor 4] [--configurations 4] [--seeds 3] [--folder refit]

On the laboratory's tasks for tuning (`benchmarks/laboratory`): its best configurations by validation are trained for so
many times the laboratory's epochs, on training data alone, with early stopping, as in a confirmation. Then they are
trained again on training and validation data, from the same initial weights:

- `refit`: as `refit: train+val` does it;
- `not cooled down`: the same without the last fall of the learning rate;
- `cut off`: as many steps as to the best epoch, by the schedule of the whole training;
- `whole`: all epochs, by the schedule of the whole training.

Printed is the mean over configurations and seeds of the log of the test loss over that of the training on training
data alone, with its standard error; below 0 the refit is better.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.laboratory import configurations
from benchmarks.laboratory.records import SPACE, Pool, pools
from benchmarks.laboratory.tasks import TASKS, names, resolved
from tuner.errors import Diverged
from tuner.link import NullLink
from tuner.messages import TrialSpec
from tuner.optim.schedules import make_schedule
from tuner.seeding import derive_seed
from tuner.sweep.refit_phase import length
from tuner.task.specs import trial_spec
from tuner.task.task import Task
from tuner.training.evaluation import evaluate
from tuner.training.loop import Training
from tuner.training.refit import Refitting

WAYS = ("refit", "not cooled down", "cut off", "whole")


class _Unjudged(Training):
    """A training that keeps no checkpoint."""

    def save_checkpoint(self) -> None:
        """Nothing is kept."""


class _By(Refitting):
    """A refit by another schedule: that of a training of so many epochs, not cooled down."""

    def __init__(self, spec: TrialSpec, epochs: int) -> None:
        super().__init__(spec, NullLink())
        of, each = self.settings, self.batches.updates_per_epoch
        self.learner.schedule = make_schedule(of.learning.schedule, of.schedule, each * epochs, each)

    def save_checkpoint(self) -> None:
        """Nothing is kept."""


def _tested(training: Training) -> float:
    """Train, and score the kept weights."""
    training.run()
    network, problem = training.learner.network, training.problem
    network.load_state_dict(training.history.best_weights)
    return evaluate(network, problem, problem.dataset("test"), training.device)["loss"]


def compared(task: Task, params: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Way -> the log of its test loss over that without a refit.

    Raises:
        Diverged: One of them did.
    """
    with tempfile.TemporaryDirectory() as folder:

        def spec(**fields: Any) -> TrialSpec:
            return trial_spec(task, params, "trials/0", folder, seed=seed, keep_model=True, diagnostics="off", **fields)

        first = _Unjudged(spec(), NullLink())
        alone = _tested(first)
        losses = {epoch.epoch: epoch.metrics["val/loss"] for epoch in first.history.epochs}
        best, whole, steps = first.history.best_epoch, task.file.budget.epochs, first.batches.updates_per_epoch
        counts = task.prepare()[1].counts
        here = length(steps, losses, best, counts)
        same = length(steps, losses, best, {**counts, "val": 0})
        longest = replace(here, losses=tuple(losses.get(n, losses[max(losses)]) for n in range(1, whole + 1)))
        trainings: dict[str, Callable[[], Training]] = {
            "refit": lambda: Refitting(spec(refit=here, epochs=len(here.losses)), NullLink()),
            "not cooled down": lambda: _By(spec(refit=here, epochs=len(here.losses)), len(here.losses)),
            "cut off": lambda: _By(spec(refit=same, epochs=best), whole),
            "whole": lambda: _By(spec(refit=longest, epochs=whole), whole),
        }
        return {way: math.log(_tested(trainings[way]()) / alone) for way in WAYS}


def found(name: str, pool: Pool, asked: argparse.Namespace) -> Iterator[dict[str, float]]:
    """Of a task, what each of its best configurations and each seed comes to; nothing where one diverged."""
    TASKS[name] = replace(TASKS[name], epochs=round(TASKS[name].epochs * asked.factor))
    task = resolved(name, asked.folder.absolute(), SPACE, configurations.CHANGES[SPACE])
    task.prepare()
    for number in sorted(pool.params, key=lambda number: pool.first(number).best)[: asked.configurations]:
        for repeat in range(asked.seeds):
            params = {**pool.params[number], **TASKS[name].constants}
            try:
                yield compared(task, params, derive_seed(asked.seed, "refit", number, repeat))
            except Diverged as error:
                print(f"{name}, configuration {number}, seed {repeat}: {error}", flush=True)


def main() -> None:
    """Train, and print a line per task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=names("tuning"), default=list(names("tuning")))
    parser.add_argument("--factor", type=float, default=4, help="times the laboratory's epochs")
    parser.add_argument("--configurations", type=int, default=4, help="the best so many")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7, help="from which those follow")
    parser.add_argument("--folder", type=Path, default=Path("refit"), help="data and prepared data")
    asked = parser.parse_args()
    known = pools("tuning")
    print(f"{'':<16}{'trainings':>10}" + "".join(f"{way:>20}" for way in WAYS))
    for name in asked.tasks:
        rows = list(found(name, known[name], asked))
        cells = [[row[way] for row in rows] for way in WAYS] if rows else []
        print(f"{name:<16}{len(rows):>10}" + "".join(f"{_told(logs):>20}" for logs in cells), flush=True)


def _told(logs: list[float]) -> str:
    error = f" ± {stdev(logs) / math.sqrt(len(logs)):.3f}" if len(logs) > 1 else ""
    return f"{fmean(logs):+.3f}{error}"


if __name__ == "__main__":
    main()
