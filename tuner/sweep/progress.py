"""The progress of a sweep: counts by state, the best so far, the time left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tuner.disk.events import RunRecord
from tuner.messages import State
from tuner.objective import Objective


@dataclass
class Progress:
    """Counts of finished search trials; the trials themselves are not kept."""

    objective: Objective
    trials: int
    """Trials asked for."""
    states: dict[str, int] = field(default_factory=dict)
    cut_short: list[int] = field(default_factory=list)
    """Epochs of each trial that was cut short; see `RunRecord.cut_short`."""
    best: float | None = None
    best_number: int | None = None
    longest: float = 0.0
    """Seconds of the longest completed trial; 0 before there is one."""
    _full_seconds: float = 0.0
    _full_runs: int = 0
    _here: int = 0
    _began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """Search trials that are over."""
        return sum(self.states.values())

    def add(self, record: RunRecord, *, here: bool) -> None:
        """Count a finished trial; `here`: it ended under this driver."""
        self.states[record.state.value] = self.states.get(record.state.value, 0) + 1
        self._here += here
        if record.cut_short:
            self.cut_short.append(len(record.epochs))
        if record.state is not State.COMPLETED or record.value is None:
            return
        self._full_seconds += record.seconds
        self._full_runs += 1
        self.longest = max(self.longest, record.seconds)
        if self.objective.better(record.value, self.best):
            self.best, self.best_number = record.value, record.number

    def search_seconds(self) -> float | None:
        """Wall-clock seconds for the rest of the search at the pace so far; None before the first trial."""
        if self._here == 0:
            return None
        return (self.trials - self.done) * (time.monotonic() - self._began) / self._here

    def full_runs_seconds(self, runs: int, slots: int) -> float | None:
        """Wall-clock seconds for a number of full trainings on the slots; None before the first completed trial."""
        if self._full_runs == 0:
            return None
        return runs * self._full_seconds / self._full_runs / max(1, slots)
