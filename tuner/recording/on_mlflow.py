"""The MLflow recorder: a separate process writes; the driver notifies it of changes and never waits for MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

from tuner.disk.folder import StudyFolder
from tuner.own_code import same_package
from tuner.recording.catalog import MLflowOptions
from tuner.recording.contract import SILENCE_SECONDS, SWEEP, Recorder, Recording
from tuner.recording.sync import write_all
from tuner.recording.ui import pages, serve_ui
from tuner.recording.uri import QUIET, tracking_uri

_RESTART_SECONDS = 2.0
END = "end"
"""The last line to a writer, after all changes."""
ENDINGS = (0, 3)
"""Exit statuses of a writer that ended regularly: everything is in MLflow, or not."""
LASTING_SECONDS = 2.0
"""Seconds after which a problem is reported during the search, as locks are held for moments."""
_UNTOLD_SECONDS = 3.0
"""At the end of a sweep, a record that is behind for less than this, in seconds, is not reported."""
_LAST_LIVES = 2
"""Number of writers that may die at the end before recording is given up."""


class MLflowRecorder(Recorder):
    """Records in MLflow; see `Recorder`.

    Args:
        options: Its options.

    Raises:
        TaskFileError: As for `tracking_uri`.
    """

    name = "MLflow"

    def __init__(self, options: MLflowOptions) -> None:
        self.uri = tracking_uri(options.uri)
        self._register = options.registers

    def begin(self, folder: StudyFolder) -> Recording:
        """Start a writer."""
        recording = MLflowRecording(folder, self.uri)
        recording.start()
        return recording

    def sync(self, folder: StudyFolder, waiting: Callable[[str], None]) -> int:
        """Write what is missing, in this process."""
        return write_all(folder, self.uri, waiting, register=self._register)

    def pages(self, study: str) -> str:
        """MLflow's pages."""
        return pages(self.uri, study)

    def serve(self, host: str, port: int, studies: Sequence[str], tell: Callable[[str], None]) -> None:
        """Become MLflow's web server."""
        serve_ui(self.uri, host, port, studies, tell)


class MLflowRecording(Recording):
    """Keeps MLflow up to date with a study, through a separate process; see `Recording`.

    Events are written to the study's folder before `changed` is called. A writer that dies is started again and gets
    all changes. It outlives a killed driver until everything is written, and Ctrl+C does not reach it.

    Args:
        folder: The study; its folder exists.
        uri: MLflow's tracking URI, from `tracking_uri`.
    """

    def __init__(self, folder: StudyFolder, uri: str) -> None:
        self._folder, self._uri = folder, uri
        self._condition = threading.Condition()
        self._unsent: dict[str, None] = {}
        self._named: dict[str, None] = {}
        self._left = 0
        self._problem = ""
        self._away = False
        self._troubled = 0.0  # since when there is a problem, by `time.monotonic`
        self._heard = 0.0  # when there was last a sign of progress
        self._closing = False
        self._gone = False
        self._complete = False
        self._feeder = threading.Thread(target=self._feed, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the writer, which first closes runs that an earlier driver left open. `sweep.jsonl` exists."""
        self._unsent = {"all": None, SWEEP: None}
        self._feeder.start()

    def changed(self, run: str) -> None:
        """Note that a run has new events or artifacts. Takes microseconds, whatever MLflow does."""
        with self._condition:
            self._unsent[run] = None
            self._named[run] = None
            self._condition.notify_all()

    def lag(self) -> int:
        """Number of known changes that are not in MLflow yet."""
        with self._condition:
            return len(self._unsent) + self._left

    def problem(self, *, lasting: bool = False) -> str:
        """Why MLflow is behind; empty if the last round succeeded."""
        with self._condition:
            young = lasting and time.monotonic() - self._troubled < LASTING_SECONDS
            return "" if young else self._problem

    def away(self) -> bool:
        """Whether the problem blocks all runs, not only some."""
        with self._condition:
            return self._away

    def close(
        self,
        patience: float = SILENCE_SECONDS,
        tell: Callable[[int], None] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """End the recording; the writer writes the rest by itself."""
        with self._condition:
            self._closing = True
            self._heard = began = time.monotonic()
            self._condition.notify_all()
        left_alone = ""
        while self._feeder.is_alive() and not left_alone:
            remaining = self._heard + patience - time.monotonic()
            if remaining <= 0:
                left_alone = f"it has taken nothing for {patience:g} s"
            elif enough():
                left_alone = "the sweep did not wait for it; its writer continues"
            else:
                self._feeder.join(min(0.5, remaining))
                waited = time.monotonic() - began
                if tell is not None and waited > _UNTOLD_SECONDS and self._feeder.is_alive():
                    tell(self.lag())
        with self._condition:
            self._problem = self._problem or left_alone
        return self._complete

    def _feed(self) -> None:
        """Thread: keep a writer running until one has ended regularly, or too many have died at the end."""
        lives = _LAST_LIVES
        while (status := self._one_life()) not in ENDINGS:
            with self._condition:
                self._unsent = {"all": None, SWEEP: None, **self._named}
                self._left, self._gone = 0, False
                self._note(f"its writer ended with status {status}; see {self._folder.root}/recording.log", away=False)
                lives -= self._closing
            if not lives:
                return
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
                [sys.executable, "-P", "-m", "tuner.recording", str(self._folder.root)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # in the environment, as everyone can read command lines and a URI may contain a password
                env={**QUIET, **os.environ, **same_package(), "MLFLOW_TRACKING_URI": self._uri},
                start_new_session=True,
            )

    def _listen(self, answers: IO[str]) -> None:
        """Thread: receive the writer's progress until it ends."""
        with answers:
            for line in answers:
                answer = json.loads(line)
                with self._condition:
                    self._left = answer["left"]
                    self._note(answer["problem"], away=answer["away"])
        with self._condition:
            self._gone = True
            self._condition.notify_all()

    def _note(self, problem: str, *, away: bool) -> None:
        """Take in the state of MLflow; the lock is held."""
        now = time.monotonic()
        if not problem:
            self._heard = now
        elif not self._problem:
            self._troubled = now
        self._problem, self._away = problem, away
