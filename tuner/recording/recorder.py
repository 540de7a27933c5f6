"""The driver's end of the recording: tells the writer process what changed, and never waits for MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import tuner
from tuner.folder import StudyFolder
from tuner.recording.uri import QUIET

_RESTART_SECONDS = 2.0
END = "end"
"""The last line to a writer, when the driver has told it everything."""
ENDINGS = (0, 3)
"""Exit statuses of a writer that ended in its own time: all is in MLflow, or not all."""


class Recorder:
    """Keeps MLflow up to date with a study, through a process of its own.

    Events are written to the study folder first; then `changed` says so. A writer that dies is started again
    and given everything. It outlives a killed driver until everything is written, and Ctrl+C does not reach
    it.

    Args:
        folder: The study; its folder exists.
        uri: MLflow's tracking URI, as `tracking_uri` gives it.
    """

    def __init__(self, folder: StudyFolder, uri: str) -> None:
        self._folder, self._uri = folder, uri
        self._condition = threading.Condition()
        self._unsent: dict[str, None] = {}
        self._named: dict[str, None] = {}
        self._left = 0
        self._problem = ""
        self._closing = False
        self._gone = False
        self._complete = False
        self._feeder = threading.Thread(target=self._feed, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the writer, which first closes what an earlier driver left open. `sweep.jsonl` is there."""
        self._unsent = {"all": None, "sweep": None}
        self._feeder.start()

    def changed(self, run: str) -> None:
        """Say that a run's events or artifacts grew. Takes microseconds, whatever MLflow does."""
        with self._condition:
            self._unsent[run] = None
            self._named[run] = None
            self._condition.notify_all()

    def changed_sweep(self) -> None:
        """Say that the sweep's events or artifacts grew."""
        self.changed("sweep")

    def lag(self) -> int:
        """Changes that are not in MLflow yet, as far as is known."""
        with self._condition:
            return len(self._unsent) + self._left

    def problem(self) -> str:
        """Why MLflow is behind; empty when the last round went well."""
        with self._condition:
            return self._problem

    def close(self, timeout: float, tell: Callable[[int], None] | None = None) -> bool:
        """End the recording and wait until it is complete.

        Args:
            timeout: Seconds to wait at most; the writer goes on by itself after that.
            tell: Called twice a second with the number of changes left.

        Returns:
            Whether everything is in MLflow. If not, the events stay, and `sync` completes it.
        """
        deadline = time.monotonic() + timeout
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        while self._feeder.is_alive() and (remaining := deadline - time.monotonic()) > 0:
            self._feeder.join(min(0.5, remaining))
            if tell is not None and self._feeder.is_alive():
                tell(self.lag())
        return self._complete

    def _feed(self) -> None:
        """Thread: keep a writer alive until one has ended in its own time."""
        while (status := self._one_life()) not in ENDINGS:
            with self._condition:
                self._unsent = {"all": None, "sweep": None, **self._named}
                self._left, self._gone = 0, False
                self._problem = f"the writer process ended with status {status}; see recording.log"
            time.sleep(_RESTART_SECONDS)
        self._complete = status == 0

    def _one_life(self) -> int:
        """Start a writer and pass changes on.

        Returns:
            Its exit status.
        """
        process = self._spawn()
        assert process.stdin is not None
        assert process.stdout is not None
        listener = threading.Thread(target=self._listen, args=(process.stdout,), daemon=True)
        listener.start()
        with suppress(BrokenPipeError), process.stdin as pipe:
            closing = False
            while not closing and not self._gone:
                with self._condition:
                    self._condition.wait_for(lambda: self._unsent or self._closing or self._gone)
                    closing = self._closing
                    changes, self._unsent = list(self._unsent), {}
                    self._left += len(changes)
                pipe.write("".join(f"{change}\n" for change in [*changes, *([END] if closing else [])]))
                pipe.flush()
        listener.join()
        return process.wait()

    def _spawn(self) -> subprocess.Popen[str]:
        with (self._folder.root / "recording.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tuner.recording.writer", str(self._folder.root)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # in the environment, as a command line can be read by everyone and a URI may hold a password
                env={**QUIET, **os.environ, **_same_package(), "MLFLOW_TRACKING_URI": self._uri},
                start_new_session=True,
            )

    def _listen(self, answers: IO[str]) -> None:
        """Thread: hear how far the writer is, until it ends."""
        with answers:
            for line in answers:
                answer = json.loads(line)
                with self._condition:
                    self._left, self._problem = answer["left"], answer["problem"]
        with self._condition:
            self._gone = True
            self._condition.notify_all()


def _same_package() -> dict[str, str]:
    """The environment in which another Python finds this package, wherever it is started."""
    root = str(Path(tuner.__file__).parents[1])
    return {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
