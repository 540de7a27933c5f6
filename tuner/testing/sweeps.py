"""Sweeps in the test's process, without Ray; with `tracking: {uri: none}` in the task file also without MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tuner.disk.events import RunRecord, read_runs
from tuner.disk.folder import StudyFolder
from tuner.execution import InProcessExecutor
from tuner.sweep import Outcome, Sweep
from tuner.task import resolve_task
from tuner.task.specs import RUN_TRIAL


class Finished(NamedTuple):
    """A finished sweep."""

    outcome: Outcome
    folder: StudyFolder

    def records(self) -> list[RunRecord]:
        """The record of every run in the event files: state, reason, epochs, parameters."""
        return list(read_runs(self.folder.events(run) for run in self.folder.runs()))


def run_in_process(path: str | Path, sets: Sequence[str] = ()) -> Finished:
    """Run a task file's sweep with an executor in this process.

    Args:
        path: The task file. Without `storage` in it, the study is below the current folder.
        sets: Changes `key=value`, as of `--set`.

    Raises:
        UserError: As `python -m tuner run` would report it.
    """
    task = resolve_task(path, sets)
    sweep = Sweep(task, lambda _: None, executor=InProcessExecutor(RUN_TRIAL))
    return Finished(sweep.run(), task.folder)
