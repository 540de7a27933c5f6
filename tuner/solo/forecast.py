"""What a search will come to on this machine: how many trials each rung prunes, how long it takes, memory."""

from __future__ import annotations

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
"""Trials that are drawn at most; of more, the shares are taken to be the same."""
_DRAWS = 8


@dataclass(frozen=True, slots=True)
class Rung:
    """What is expected of a rung.

    Args:
        epoch: After which trials are judged.
        trials: Trials that come to it.
        pruned: Trials that end there.
    """

    epoch: int
    trials: int
    pruned: int


def expected_trials(task: Task) -> int:
    """Trials of the search: the budget's, or as many as the space has configurations."""
    size = task.space.size()
    return task.file.budget.trials if size is None else min(task.file.budget.trials, size)


def expected_confirmations(task: Task) -> int:
    """Trainings on fresh seeds, the baseline's among them; no more configurations are there than trials."""
    trials, confirm = expected_trials(task), task.file.confirm
    rounds = confirm.rounds(trials)
    return sum(min(trials, going_on) for going_on in rounds) + confirm.seeds if rounds else 0


def expected_refits(task: Task) -> int:
    """The winner's last training, where there is one."""
    return 0 if task.file.refit is None else 1


def expected_rungs(task: Task) -> tuple[list[Rung], float]:
    """What the pruner does to trials whose order at a rung is that of their quality, which is drawn at random.

    Rungs that count only once ranks are seen to settle early are left out, and trials that end by themselves.

    Returns:
        The baseline's rungs, and the mean share of its epochs that a trial is trained.
    """
    name, options = task.pruner
    pruner, epochs = PRUNERS[name].load()(options), task.file.budget.epochs
    rungs = [rung for rung in search_rungs(task, task.baseline) if not pruner.early(rung, epochs)]
    trials, objective = expected_trials(task), Objective()
    drawn = min(trials, _MOST)
    came, left, trained = dict.fromkeys(rungs, 0), dict.fromkeys(rungs, 0), 0
    for draw in range(_DRAWS):
        dice, seen = random.Random(draw), {rung: list[float]() for rung in rungs}
        for _ in range(drawn):
            loss, last = dice.random(), epochs
            for rung in rungs:
                decision = pruner.decide(rung, loss, seen[rung], objective)
                seen[rung].append(loss)
                came[rung] += 1
                if not decision.go_on:
                    left[rung] += 1
                    last = rung
                    break
            trained += last
    scale = trials / (drawn * _DRAWS)
    told = [Rung(rung, round(came[rung] * scale), round(left[rung] * scale)) for rung in rungs]
    return told, trained / (drawn * _DRAWS * epochs)


def expected_seconds(task: Task, paces: Mapping[str, Pace], share: float, slots: int) -> tuple[float, float, float]:
    """What a sweep takes in seconds: with the cheapest cell, the dearest, the dearest without pruning.

    The winner's last training, where `refit` asks for it, is one more, with no other beside it.

    Args:
        task: The task.
        paces: Of the baseline with each cell.
        share: Of its epochs that a trial of the search is trained, see `expected_rungs`.
        slots: Trainings at once.
    """
    budget, trials, confirmed = task.file.budget, expected_trials(task), expected_confirmations(task)
    whole = [pace.step * pace.steps_per_epoch + pace.validation for pace in paces.values()]
    full = [budget.seconds or budget.epochs * epoch for epoch in whole]
    last = expected_refits(task)
    search, most = (trials * share + confirmed) / slots + last, (trials + confirmed) / slots + last
    return search * min(full), search * max(full), most * max(full)


def memory() -> tuple[int, int]:
    """Bytes that this process has, in which steps were made, and that this machine has."""
    return psutil.Process().memory_info().rss, psutil.virtual_memory().total
