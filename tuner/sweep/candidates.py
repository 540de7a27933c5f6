"""Which configurations are confirmed: the best of the search, and the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

    Trials that it cut short count as the share of their epochs. Its length is the number of seeds in force.
    """
    file, cut = sweep.task.file, sweep.progress.cut_short
    trials = whole_trials(sweep.search.counted() - len(cut), cut, file.budget.epochs)
    return file.confirm.rounds(min(file.budget.trials, trials))


def whole_trials(whole: int, cut: Iterable[int], epochs: int) -> int:
    """How many trials a search comes to, if those that were cut short count as the share of their epochs.

    Args:
        whole: Number of the others.
        cut: Epochs of each that was cut short.
        epochs: Those of a full trial.
    """
    return whole + sum(min(each, epochs) for each in cut) // epochs


def candidates(sweep: OpenSweep) -> list[Candidate]:
    """The best of the search, as many as the first round of the confirmation takes, then the baseline.

    A trial with the baseline's configuration is left out: with the same seeds it would be the same training.
    """
    task, most = sweep.task, max(confirm_rounds(sweep), default=0)
    found = [record for record in ranked(sweep) if not is_baseline(task, record.params)][:most]
    return [*(Candidate(record.number, record.params) for record in found), Candidate(BASELINE, dict(task.baseline))]


def ranked(sweep: OpenSweep) -> list[RunRecord]:
    """The trials inside the current space that may be confirmed, by what they reached or would reach (`Curves.ranked`).

    Pruned ones are among them since one that was pruned among good ones may be better than the first trials of a
    search, which are always completed, and since a timeout cuts the last ones short; hopeless ones only if a trial
    completed.
    """
    records = {record.number: record for record in sweep.records("trials/")}
    found = [records[number] for number in sweep.search.ranked() if number in records]
    completed = any(record.state is State.COMPLETED for record in found)
    return [record for record in found if record.state is State.PRUNED or (completed and record.state.comparable)]


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
