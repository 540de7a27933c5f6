"""A small process that outlives the driver and ends the processes that the driver's Ray leaves behind.

Ray's own helpers run on for minutes after their parent was killed with SIGKILL, and processes forked by a trial may run
forever. All have a mark in their environment, which child processes inherit. When the driver's end of the pipe closes,
those that still run are killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

GRACE_SECONDS = 5.0
"""Seconds for Ray's processes to end by themselves after the driver was killed."""
MARK = "TUNER_SWEEP"
"""Environment variable that marks the processes of one driver."""
_KEEP_ENVIRONMENT = "SPT_NOENV"
"""Without this setting Ray's processes overwrite their visible environment with their titles."""
_END = "end"
_ROUNDS = 10
_CLOSE_SECONDS = 20.0
"""Longest time in seconds, as checking every process of a busy machine takes a while."""


class Guard:
    """The driver's side.

    Args:
        folder: Removed if the driver is killed; "" for none.
    """

    def __init__(self, folder: str = "") -> None:
        self._mark = uuid.uuid4().hex
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, self._mark, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def marking(self) -> Iterator[None]:
        """Processes started within this context, and their children, are under the guard."""
        os.environ.update({MARK: self._mark, _KEEP_ENVIRONMENT: "1"})
        try:
            yield
        finally:
            del os.environ[MARK], os.environ[_KEEP_ENVIRONMENT]

    def end_marked(self) -> None:
        """Kill all processes under the guard now."""
        end(self._mark)

    def close(self) -> None:
        """End the guard after a regular end; processes that are left are killed at once."""
        with suppress(BrokenPipeError, subprocess.TimeoutExpired):
            self._process.communicate(f"{_END}\n", timeout=_CLOSE_SECONDS)


def marked(mark: str) -> list[psutil.Process]:
    """The living processes of this user that have the mark."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end(mark: str) -> None:
    """Kill the marked processes, and those that they start meanwhile."""
    for _ in range(_ROUNDS):
        if not (left := marked(mark)):
            return
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1.0)


def main() -> None:
    """Wait until the pipe closes."""
    mark, folder = sys.argv[1:]
    killed = sys.stdin.readline().strip() != _END
    if killed:
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and marked(mark):
            time.sleep(0.2)
    end(mark)
    if killed and folder:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
