"""When a sweep ends early: a stop that is asked for, and the task file's `budget.timeout`."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from tuner.disk import events
from tuner.disk.folder import StudyFolder

CONFIRM_SHARE = 0.25
"""Part of `budget.timeout` that is kept for the confirmation."""


class Stop:
    """A clean stop: nothing new is sent out, what runs writes a checkpoint. Asked for by a signal, or by a caller."""

    def __init__(self) -> None:
        self.reason = ""

    def __bool__(self) -> bool:
        return bool(self.reason)

    def ask(self, reason: str) -> None:
        """Ask for it; the first reason stays. Callable from a signal."""
        self.reason = self.reason or reason


@dataclass(frozen=True)
class Deadlines:
    """Times of `time.monotonic` at which the search and the whole sweep must end."""

    search: float = math.inf
    all: float = math.inf

    @classmethod
    def of(cls, timeout: float | None, folder: StudyFolder, *, confirmed: bool) -> Deadlines:
        """What is left of a timeout, which counts the drivers before this one; a part is kept for a confirmation."""
        if timeout is None:
            return cls()
        began = time.monotonic() - seconds_used(folder)
        kept = CONFIRM_SHARE * timeout if confirmed else 0.0
        return cls(began + timeout - kept, began + timeout)


def seconds_used(folder: StudyFolder) -> float:
    """Wall seconds of the drivers before this one, from the sweep's own events.

    Where the last one died without a word, the newest event file tells when.
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
