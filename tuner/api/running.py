"""`tuner.run`: a sweep from Python, like the command `run`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tuner.announcements import Announcement
from tuner.api.study import Study
from tuner.cli.console import Lines
from tuner.cli.interrupts import stopping
from tuner.redaction import redacting
from tuner.sweep import Sweep
from tuner.task import resolve_task


def run(
    task: str | os.PathLike[str] | Mapping[str, Any], *, fresh: bool = False, quiet: bool = False, **changes: Any
) -> Study:
    """Run a sweep, or resume one with the same call: search, confirm, test, record.

    Args:
        task: The task file, or its content as a dict, with the study's `name`; paths in it are found from the current
            folder. Nothing is written beside the study's own folder (`storage`) and the recorder's.
        fresh: Start over; an existing study is kept under another name.
        quiet: Print nothing.
        changes: Changes of the task, such as `budget={"trials": 10}`; a mapping changes the keys that it names.

    Returns:
        The finished study.

    Raises:
        UserError: A mistake in the task, the data or the place; its text is one line.
        SweepFailed: The first trials all failed for one reason.
        KeyboardInterrupt: Ctrl+C, after checkpoints are saved; the same call resumes. A second one ends at once.
        SystemExit: The same after SIGTERM or SIGHUP.
    """
    resolved = resolve_task(task if isinstance(task, Mapping) else os.fspath(task), changes=changes)
    sweep = Sweep(resolved, _quiet if quiet else Lines(redacting(sys.stdout)), fresh=fresh)
    here = threading.current_thread() is threading.main_thread()  # no other receives signals
    signals: AbstractContextManager[list[int]] = stopping(sweep.stop) if here else nullcontext([])
    with signals as received:
        outcome = sweep.run()
    if not outcome.finished:
        if received and received[0] != signal.SIGINT:
            raise SystemExit(128 + received[0])
        raise KeyboardInterrupt("stopped; the same call goes on where it was")
    return Study(resolved.folder)


def _quiet(event: Announcement) -> None:
    """Ignore an event."""
