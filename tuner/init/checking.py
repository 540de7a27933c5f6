"""Check a draft: prepare its data as a sweep would, score the trivial predictor, estimate the sweep's time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import DataError, Key, UserError
from tuner.init.draft import Draft
from tuner.init.writing import written
from tuner.solo.cost import epoch_costs
from tuner.solo.forecast import expected_confirmations, expected_refits, expected_trials
from tuner.task import Task, resolve_task
from tuner.words import counted, lasting


@dataclass(frozen=True)
class Checked:
    """A draft whose data have been read.

    Args:
        draft: Without guesses that do not fit the data.
        notices: Remarks on the data, a sentence each.
        counts: Items by split, in words.
        trivial: Metric, and the score of the trivial predictor, in words.
        time: The sweep's longest time, in words; empty where it was not measured.
    """

    draft: Draft
    notices: Sequence[str]
    counts: str
    trivial: str
    time: str


def check(draft: Draft, *, timing: bool) -> Checked:
    """Resolve a draft, prepare its data, and measure a few steps.

    Args:
        draft: The draft.
        timing: Whether steps are measured.

    Raises:
        UserError: The data are unfit, as in `validate`.
    """
    dropped: list[str] = []
    while True:
        try:
            return _checked(draft, dropped, timing=timing)
        except UserError as error:
            less = draft.without(_at_fault(error))
            if less is None:
                raise
            name = ".".join(map(str, _at_fault(error)))
            dropped.append(f"{name} was tried and left out: {error.rule}")
            draft = less


def _at_fault(error: UserError) -> Key:
    """The option that an error names; the error of an impossible split by groups names none."""
    if not error.key and isinstance(error, DataError) and "group" in error.rule:
        return ("data", "group")
    return error.key


def _checked(draft: Draft, dropped: Sequence[str], *, timing: bool) -> Checked:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.yaml"
        path.write_text(written(draft, beside=None), encoding="utf-8")
        try:
            task = resolve_task(path)
            _, prepared = task.prepare()
        except UserError as error:
            if error.where.startswith(folder):  # nobody can open that
                error.where = "the proposed task file"
            raise
    objective = task.against_trivial
    direction = objective.words
    trivial = "none"
    if objective.trivial is not None:
        trivial = f"{objective.metric} {objective.trivial:.4g} by {objective.trivial_name}, {direction}"
    return Checked(
        draft,
        [*dropped, *prepared.notices],
        ", ".join(f"{count:,} {split}" for split, count in prepared.counts.items()),
        trivial,
        _time(task) if timing else "",
    )


def _time(task: Task) -> str:
    """The longest time of all trainings on one processor."""
    budget = task.file.budget
    costs = sorted(epoch_costs(task).values())
    trainings = expected_trials(task) + expected_confirmations(task) + expected_refits(task)
    low, high = (trainings * budget.epochs * cost for cost in (costs[0], costs[-1]))
    span = lasting(high) if low > 0.8 * high else f"{lasting(low)} to {lasting(high)}"
    return (
        f"{span} on one processor at most, for {counted(trainings, 'training')} of {counted(budget.epochs, 'epoch')} "
        "of the baseline's size; workers share it, and pruning ends most trials early"
    )
