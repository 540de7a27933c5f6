"""The main loop of a sweep: sends out the runs of a phase and takes in their messages."""

from __future__ import annotations

import time
from typing import Protocol

from tuner.announcements import Stopping
from tuner.messages import State, TrialSpec
from tuner.sweep.open_sweep import OpenSweep
from tuner.sweep.pulse import Pulse
from tuner.sweep.runs import Owner, Runs

POLL_SECONDS = 0.5


class Phase(Owner, Protocol):
    """A part of a sweep with runs of its own: the search, the confirmation, the test."""

    late: tuple[State, str]
    """State and reason of runs that are ended at the deadline."""

    @property
    def deadline(self) -> float:
        """When it must end, by `time.monotonic`."""
        ...

    @property
    def left(self) -> int | None:
        """Number of full-length runs that were not sent out yet; None in the search, where most are pruned."""
        ...

    def more(self) -> bool:
        """Whether there is, or may yet be, another run to send out."""
        ...

    def next(self) -> TrialSpec | None:
        """The next run to send out; None when there is none."""
        ...

    def look_ahead(self) -> None:
        """Prepare the next run while all slots are busy."""
        ...

    def unsent(self, spec: TrialSpec, state: State, reason: str) -> None:
        """Give up a run that waited for a worker."""
        ...


def run_phase(sweep: OpenSweep, phase: Phase) -> None:
    """Run a phase to its end, or until a stop is asked for or its time is up; then until every worker has ended."""
    runs = Runs(sweep, phase)
    pulse = Pulse(sweep)
    end: tuple[State, str] | None = None
    while end is None and (runs.open or phase.more()):
        if sweep.stop:
            end = State.STOPPED, sweep.stop.reason
        elif time.monotonic() > phase.deadline:
            end = phase.late
        else:
            runs.send_waiting()
            while runs.room and (spec := phase.next()) is not None:
                runs.send(spec)
            phase.look_ahead()
            runs.poll(POLL_SECONDS)
            pulse.beat(runs, phase.left)
    if end is not None:
        sweep.tell(Stopping(end[1]))
        for spec in runs.stop(*end):
            phase.unsent(spec, *end)
    while runs.out:
        runs.poll(POLL_SECONDS)
        pulse.beat(runs, phase.left)
