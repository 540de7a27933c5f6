"""`tuner` as it is, but with the trial function that `FAULTS_TRIAL` names, on `FAULTS_SIMULATED` threads if set."""

from __future__ import annotations

import os

from benchmarks.faults.simulated import SimulatedExecutor
from tuner.cli import main
from tuner.execution import Executor
from tuner.sweep import driver
from tuner.task import Task

_make_executor = driver.make_executor


def make_executor(task: Task) -> Executor:
    """As the environment says."""
    trial = os.environ["FAULTS_TRIAL"]
    if slots := os.environ.get("FAULTS_SIMULATED"):
        return SimulatedExecutor(trial, int(slots))
    return _make_executor(task, trial)


if __name__ == "__main__":
    driver.make_executor = make_executor  # type: ignore[assignment]
    main()
