"""Forecast of a search on this machine: how many trials each rung prunes, its time and memory."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from tuner.objective import Objective
from tuner.study.catalog import PRUNERS
from tuner.task.specs import search_rungs
from tuner.task.task import Task

if TYPE_CHECKING:
    from tuner.training.pace import Pace

_MOST = 300
"""Largest number of simulated trials; with more, the shares are assumed to be the same."""
_DRAWS = 8


@dataclass(frozen=True, slots=True)
class Rung:
    """The forecast of a rung.

    Args:
        epoch: After which trials are judged.
        trials: Trials that reach it.
        pruned: Trials that are pruned there.
    """

    epoch: int
    trials: int
    pruned: int


def expected_trials(task: Task) -> int:
    """Number of search trials: the budget's, but at most the number of configurations of the space."""
    size = task.space.size()
    return task.file.budget.trials if size is None else min(task.file.budget.trials, size)


def expected_confirmations(task: Task) -> int:
    """Number of trainings on fresh seeds, including the baseline's; at most as many configurations as trials."""
    trials = expected_trials(task)
    rounds = task.file.confirm.rounds(trials)
    return sum(min(trials, going_on) for going_on in rounds) + len(rounds)


def expected_refits(task: Task) -> int:
    """Number of refits: one for each seed of the winner if the task file asks for them, else 0."""
    return 0 if task.file.refit is None else len(task.file.confirm.rounds(expected_trials(task)))


def expected_rungs(task: Task) -> tuple[list[Rung], float]:
    """Simulate the pruner on trials of random quality, with ranks at rungs equal to the final ranks.

    Control trials are not pruned. Rungs that count only if ranks settle early are left out, as are trials that end for
    other reasons.

    Returns:
        The baseline's rungs, and the mean fraction of the epochs that a trial is trained.
    """
    name, options = task.pruner
    pruner, epochs = PRUNERS[name].load()(options), task.file.budget.epochs
    rungs = [rung for rung in search_rungs(task, task.baseline) if not pruner.early(rung, epochs)]
    trials, objective = expected_trials(task), Objective()
    drawn = min(trials, _MOST)
    came, left, trained = dict.fromkeys(rungs, 0), dict.fromkeys(rungs, 0), 0
    for draw in range(_DRAWS):
        dice, seen = random.Random(draw), {rung: list[float]() for rung in rungs}
        for number in range(drawn):
            loss, last = dice.random(), epochs
            for rung in rungs:
                decision = pruner.decide(rung, loss, seen[rung], objective)
                seen[rung].append(loss)
                came[rung] += 1
                if not decision.go_on and not pruner.controls(number):
                    left[rung] += 1
                    last = rung
                    break
            trained += last
    scale = trials / (drawn * _DRAWS)
    told = [Rung(rung, round(came[rung] * scale), round(left[rung] * scale)) for rung in rungs]
    return told, trained / (drawn * _DRAWS * epochs)


def expected_seconds(task: Task, paces: Mapping[str, Pace], share: float, slots: int) -> tuple[float, float, float]:
    """Seconds of a sweep's trainings: with the cheapest cell, the dearest, and the dearest without pruning.

    Refits, if there are any, are further trainings, after the others.

    Args:
        task: The task.
        paces: Of the baseline with each cell.
        share: Mean fraction of the epochs that a search trial is trained, see `expected_rungs`.
        slots: Trainings at once.
    """
    budget, trials, confirmed = task.file.budget, expected_trials(task), expected_confirmations(task)
    whole = [pace.step * pace.steps_per_epoch + pace.validation for pace in paces.values()]
    full = [budget.seconds or budget.epochs * epoch for epoch in whole]
    last = math.ceil(expected_refits(task) / slots)
    search, most = (trials * share + confirmed) / slots + last, (trials + confirmed) / slots + last
    return search * min(full), search * max(full), most * max(full)


def memory() -> tuple[int, int]:
    """Memory of this process, in which steps were made, and of this machine, in bytes."""
    return psutil.Process().memory_info().rss, psutil.virtual_memory().total
