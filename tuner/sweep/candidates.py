"""Which configurations are confirmed: the best of the search, and the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.sweep.open_sweep import OpenSweep
from tuner.task.task import Task

BASELINE = -1


@dataclass(frozen=True)
class Candidate:
    """A configuration to be trained again on fresh seeds; number -1 is the baseline."""

    number: int
    params: Mapping[str, Any]


def confirm_rounds(sweep: OpenSweep) -> list[int]:
    """Number of configurations on each seed (`Confirm.rounds`), from the trials that there are if a timeout left fewer.

    Its length is the number of seeds in force.
    """
    file = sweep.task.file
    return file.confirm.rounds(min(file.budget.trials, sweep.search.counted()))


def candidates(sweep: OpenSweep) -> list[Candidate]:
    """The best of the search, as many as the first round of the confirmation takes, then the baseline.

    They are ranked by the score that they reached or, if pruned, are expected to reach; a completed one goes before an
    equal. Pruned trials can be candidates since one that was pruned among good ones may be better than the first trials
    of a search, which are always completed. If the time was over before any trial completed, they are ranked by what
    they had reached. A trial with the baseline's configuration is left out: with the same seeds it would be the same
    training.
    """
    task = sweep.task
    rounds = confirm_rounds(sweep)
    expected = sweep.search.expected() or cut_short(sweep)
    ranked = sorted(
        (
            task.objective.loss(expected[record.number]),
            record.state is not State.COMPLETED,
            record.number,
            record.params,
        )
        for record in sweep.records("trials/")
        if record.state.comparable and record.number in expected and not is_baseline(task, record.params)
    )
    return [
        *(Candidate(number, params) for _, _, number, params in ranked[: max(rounds, default=0)]),
        Candidate(BASELINE, dict(task.baseline)),
    ]


def cut_short(sweep: OpenSweep) -> dict[int, float]:
    """Number -> what was reached by each pruned trial inside the current space that had a score by then."""
    return {
        record.number: record.value
        for record in sweep.records("trials/")
        if record.state is State.PRUNED and record.value is not None and sweep.search.fits(record.number)
    }


def confirmed(sweep: OpenSweep) -> list[RunRecord]:
    """The trainings by which the winner is chosen: those of today's candidates and of an earlier run of the study.

    An earlier candidate that is no longer one counts if it lies in today's space and has all seeds.
    """
    seeds = len(confirm_rounds(sweep))
    if not seeds:
        return []
    by_number: dict[int, list[RunRecord]] = {}
    for record in sweep.records("confirm/"):
        if record.number != BASELINE or record.params == dict(sweep.task.baseline):
            by_number.setdefault(record.number, []).append(record)
    today = {candidate.number for candidate in candidates(sweep)}
    return [
        record
        for number, trained in by_number.items()
        if number in today or (sweep.search.fits(number) and sum(each.state.final for each in trained) >= seeds)
        for record in trained
    ]


def is_baseline(task: Task, params: Mapping[str, Any]) -> bool:
    """Whether parameters, with their defaults filled in, are the baseline's configuration."""
    return task.settings(params) == task.settings(task.baseline)
