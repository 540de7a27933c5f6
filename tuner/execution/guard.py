"""A small process that outlives the driver and ends what a killed driver leaves behind.

Ray's own helpers live on for minutes after the process that started them was killed with SIGKILL. The guard is told
their process numbers while all is well; when the driver's end of the pipe closes without a word, it ends those that
are still there.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

import psutil

GRACE_SECONDS = 5.0
"""Time for Ray's processes to end by themselves."""
_END = "end"


class Guard:
    """The driver's end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tuner.execution.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def watch_children(self) -> None:
        """Put every process that this one has started so far, directly or not, under the guard; but not the guard."""
        assert self._process.stdin is not None
        for child in psutil.Process().children(recursive=True):
            if child.pid != self._process.pid:
                with suppress(psutil.NoSuchProcess):
                    self._process.stdin.write(f"{child.pid} {child.create_time()}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """All has ended in good order."""
        with suppress(BrokenPipeError):
            self._process.communicate(f"{_END}\n", timeout=GRACE_SECONDS)


def main() -> None:
    """Read process numbers until the pipe closes."""
    watched: list[psutil.Process] = []
    for line in sys.stdin:
        if line.strip() == _END:
            return
        pid, created = line.split()
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(pid))
            if abs(process.create_time() - float(created)) < 1.0:  # not a later process of the same number
                watched.append(process)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(process.is_running() for process in watched):
        time.sleep(0.1)
    for process in watched:
        with suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    main()
