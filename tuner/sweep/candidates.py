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
    """Configurations per seed, see `Confirm.rounds`; by the trials that there are, where a timeout left fewer."""
    file = sweep.task.file
    return file.confirm.rounds(min(file.budget.trials, sweep.search.counted()))


def candidates(sweep: OpenSweep) -> list[Candidate]:
    """The best of the search, as many as the confirmation begins with, then the baseline.

    They are ranked by what they reached or, where they were pruned, are expected to. Of equals a completed one comes
    first. The first trials of a search always come to their end; one that was pruned beside good ones may be better.
    One that is the baseline's configuration is confirmed as that: with the same seeds it would be the same training.
    """
    task = sweep.task
    rounds = confirm_rounds(sweep)
    expected = sweep.search.expected()
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


def confirmed(sweep: OpenSweep) -> list[RunRecord]:
    """The trainings that the winner is chosen by: today's candidates', and those of an earlier run of the study.

    An earlier candidate that is none today counts where it lies in today's space and has all seeds.
    """
    confirm = sweep.task.file.confirm
    if not confirm_rounds(sweep):
        return []
    by_number: dict[int, list[RunRecord]] = {}
    for record in sweep.records("confirm/"):
        if record.number != BASELINE or record.params == dict(sweep.task.baseline):
            by_number.setdefault(record.number, []).append(record)
    today = {candidate.number for candidate in candidates(sweep)}
    return [
        record
        for number, trained in by_number.items()
        if number in today or (sweep.search.fits(number) and sum(each.state.final for each in trained) >= confirm.seeds)
        for record in trained
    ]


def is_baseline(task: Task, params: Mapping[str, Any]) -> bool:
    """Whether parameters make the baseline's configuration, by defaults or by name."""
    return task.settings(params) == task.settings(task.baseline)
