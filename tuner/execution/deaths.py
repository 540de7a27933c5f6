"""Why a worker died: by its own trial, which is the trial's failure, or by an outside cause."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tuner.execution.failures import MEMORY_ADVICE, crash_reason
from tuner.execution.slots import Slot
from tuner.execution.worker import STACKS
from tuner.messages import Ended, Lost, State, TrialSpec

_MEMORY_MONITOR = "low on memory"
"""Part of Ray's message about a worker that its memory monitor has killed."""


def end_of_attempt(slot: Slot, spec: TrialSpec, error: Exception) -> Ended | Lost:
    """The end of an attempt whose worker has died.

    Args:
        slot: The worker.
        spec: The attempt.
        error: Ray's error.
    """
    if own := _own_doing(slot, spec, error):
        reason, trace = own
        return Ended(run=spec.run, attempt=spec.attempt, state=State.FAILED, reason=reason, trace=trace)
    return Lost(run=spec.run, attempt=spec.attempt, reason=f"worker {slot.name} died ({type(error).__name__})")


def memory_kills() -> int:
    """Number of processes that this machine's kernel has killed for lack of memory; 0 if it is not counted."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _own_doing(slot: Slot, spec: TrialSpec, error: Exception) -> tuple[str, str] | None:
    """Reason and trace, if the worker died by its own trial."""
    if _MEMORY_MONITOR in str(error):
        return f"out of memory: Ray's memory monitor ended worker {slot.name}; {MEMORY_ADVICE}", ""
    if slot.host == os.uname().nodename and memory_kills() > slot.kills_before:
        return f"out of memory: the system ended worker {slot.name}; {MEMORY_ADVICE}", ""
    with contextlib.suppress(OSError):
        left = (Path(spec.folder) / STACKS).read_text(errors="replace")
        if reason := crash_reason(left):
            return reason, left
    return None
