"""The early ends of a sweep: a stop on request, and the task file's `budget.timeout`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from tuner.disk import events
from tuner.disk.folder import StudyFolder

CONFIRM_SHARE = 0.25
"""Part of `budget.timeout` that is kept for the confirmation at least."""
TRAINING_SHARE = 1.25
"""Time that is kept for it at least, in full trainings: of the longest one so far."""


class Stop:
    """A clean stop, requested by a signal or a caller: nothing new is sent out, running trials save checkpoints."""

    def __init__(self) -> None:
        self.reason = ""

    def __bool__(self) -> bool:
        return bool(self.reason)

    def ask(self, reason: str) -> None:
        """Ask for it; the first reason stays. Safe in a signal handler."""
        self.reason = self.reason or reason


@dataclass(frozen=True)
class Deadlines:
    """Deadlines of the search and of the whole sweep, by `time.monotonic`."""

    search: float = math.inf
    all: float = math.inf

    @classmethod
    def of(cls, timeout: float | None, folder: StudyFolder, *, confirmed: bool) -> Deadlines:
        """The deadlines of a timeout, less the time of earlier drivers; a part of it is kept for the confirmation."""
        if timeout is None:
            return cls()
        began = time.monotonic() - seconds_used(folder)
        kept = CONFIRM_SHARE * timeout if confirmed else 0.0
        return cls(began + timeout - kept, began + timeout)

    def of_search(self, training: float) -> float:
        """The search's deadline; with a confirmation, early enough that the best trial can be trained once more.

        Args:
            training: Seconds of the longest full training so far; 0 before there is one.
        """
        return self.search if self.search == self.all else min(self.search, self.all - TRAINING_SHARE * training)


def seconds_used(folder: StudyFolder) -> float:
    """Wall-clock seconds of the earlier drivers, from the sweep's own events.

    Where the last one was killed, the newest event file tells when.
    """
    used, began = 0.0, None
    for event in events.read(folder.sweep_events):
        if event["event"] == "sweep":
            began = event["time"]
        elif began is not None:
            used, began = used + event.get("seconds", max(0.0, event["time"] - began)), None
    if began is not None:
        last = max((folder.events(run).stat().st_mtime for run in folder.runs()), default=began)
        used += max(0.0, last - began)
    return used
