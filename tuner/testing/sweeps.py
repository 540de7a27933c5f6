"""Sweeps in the process of the test, without Ray; with `tracking: {uri: none}` in the task file without MLflow too."""

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
    """A sweep that is over."""

    outcome: Outcome
    folder: StudyFolder

    def records(self) -> list[RunRecord]:
        """What the event files say of every run: state, reason, epochs, parameters."""
        return list(read_runs(self.folder.events(run) for run in self.folder.runs()))


def run_in_process(path: str | Path, sets: Sequence[str] = ()) -> Finished:
    """Run a task file's sweep with an executor in this process.

    Args:
        path: The task file. Where it names no `storage`, the study is below the current folder.
        sets: `key=value` changes, as of `--set`.

    Raises:
        UserError: As `python -m tuner run` would report it.
    """
    task = resolve_task(path, sets)
    sweep = Sweep(task, lambda _: None, executor=InProcessExecutor(RUN_TRIAL))
    return Finished(sweep.run(), task.folder)
