"""Why a worker died: of what its trial did to it, which is the trial's failure, or because it was taken away."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tuner.execution.failures import MEMORY_ADVICE, crash_reason
from tuner.execution.slots import Slot
from tuner.execution.worker import STACKS
from tuner.messages import Ended, Lost, State, TrialSpec

_MEMORY_MONITOR = "low on memory"
"""What Ray says of a worker that its memory monitor has ended."""


def end_of_attempt(slot: Slot, spec: TrialSpec, error: Exception) -> Ended | Lost:
    """What the death of a worker means to the attempt that it ran.

    Args:
        slot: The worker.
        spec: The attempt.
        error: What Ray says of the death.
    """
    if own := _own_doing(slot, spec, error):
        reason, trace = own
        return Ended(run=spec.run, attempt=spec.attempt, state=State.FAILED, reason=reason, trace=trace)
    return Lost(run=spec.run, attempt=spec.attempt, reason=f"worker {slot.name} died ({type(error).__name__})")


def memory_kills() -> int:
    """Processes of this machine that its system has ended for want of memory; 0 where it does not count them."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _own_doing(slot: Slot, spec: TrialSpec, error: Exception) -> tuple[str, str] | None:
    """Reason and trace, when the worker died of what its trial did."""
    if _MEMORY_MONITOR in str(error):
        return f"out of memory: Ray's memory monitor ended worker {slot.name}; {MEMORY_ADVICE}", ""
    if slot.host == os.uname().nodename and memory_kills() > slot.kills_before:
        return f"out of memory: the system ended worker {slot.name}; {MEMORY_ADVICE}", ""
    with contextlib.suppress(OSError):
        left = (Path(spec.folder) / STACKS).read_text(errors="replace")
        if reason := crash_reason(left):
            return reason, left
    return None
