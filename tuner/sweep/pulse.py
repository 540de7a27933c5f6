"""Once a second while a sweep runs: report the progress, and check the recorder."""

from __future__ import annotations

import time

from tuner.announcements import SweepProgress
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.runs import Runs

SECONDS = 1.0
"""Shortest time between two reports."""


class Pulse:
    """Reports the progress of a sweep, at most once a second."""

    def __init__(self, sweep: OpenSweep) -> None:
        self._sweep = sweep
        self._last = 0.0

    def beat(self, runs: Runs, left: int | None) -> None:
        """Report the progress, if it is time.

        Args:
            runs: The runs that are out.
            left: In a confirmation: full-length runs that were not sent out yet; None in the search.
        """
        now = time.monotonic()
        if now - self._last < SECONDS:
            return
        self._last = now
        sweep, progress = self._sweep, self._sweep.progress
        open_runs = None if left is None else left + runs.open
        sweep.record.look()
        sweep.tell(
            SweepProgress(
                done=progress.done,
                trials=progress.trials,
                running=runs.out,
                idle=sweep.executor.num_slots - runs.out,
                states=dict(progress.states),
                best=progress.best,
                best_number=progress.best_number,
                left=open_runs,
                seconds_left=self._seconds_left(open_runs),
            )
        )

    def _seconds_left(self, left: int | None) -> float | None:
        progress, slots = self._sweep.progress, self._sweep.executor.num_slots
        if left is not None:
            seconds = progress.full_runs_seconds(left, slots)
        elif (seconds := progress.search_seconds()) is not None:
            file = self._sweep.task.file
            runs = file.confirm.trainings(file.budget.trials)
            seconds += progress.full_runs_seconds(runs, slots) or 0.0
        remaining = self._sweep.deadlines.all - time.monotonic()
        return None if seconds is None else max(0.0, min(seconds, remaining))
