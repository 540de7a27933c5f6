"""The process that writes a study into MLflow: `python -m tuner.recording.writer STUDY_FOLDER`.

The tracking URI comes in the environment as MLFLOW_TRACKING_URI, as it may hold a password.

Standard input brings a line per change: the name of a run, `sweep`, or `all`, and at last `end`. A run that was named
may have a live worker; others have none. Standard output gives a line of JSON after each round: `left` (changes
not yet in MLflow) and `problem`.

The end of the input means that the driver is gone. What is left is written, without an `end` from every event file,
and the process ends with status 0, or 3 when MLflow could not be reached or refused something.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from mlflow.exceptions import MlflowException

from tuner.folder import StudyFolder
from tuner.recording.moved import mend_artifact_places
from tuner.recording.projection import SWEEP, UNUSABLE, Projection, recording_lock
from tuner.recording.recorder import END, ENDINGS
from tuner.redaction import redacted

_PAUSE_SECONDS = 0.5  # rounds are apart by this, so that a run's changes come together
_GIVE_UP_SECONDS = 10.0  # without a driver and without success
_LONGEST_BACKOFF_SECONDS = 30.0
_LOG_BYTES = 1_000_000
_LEAST = 19  # the least urgent niceness

_PASSING = (401, 403, 408, 429)
"""HTTP statuses of the 400s that a later try may not give."""


class Inbox:
    """Lines of a stream, read by a thread, each held once in the order of its first arrival."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._changes: dict[str, None] = {}
        self._condition = threading.Condition()
        self.closed = False
        self.whole = False
        """Whether the driver said that it has told everything."""
        threading.Thread(target=self._read, daemon=True).start()

    def take(self, *, wait: bool) -> list[str]:
        """The changes since the last call; with `wait`, not before there is one or the stream has ended."""
        with self._condition:
            if wait:
                self._condition.wait_for(lambda: self._changes or self.closed)
            changes, self._changes = list(self._changes), {}
            return changes

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the stream."""
        with self._condition:
            self._condition.wait_for(lambda: self.closed, timeout=seconds)

    def _read(self) -> None:
        for line in self._stream:
            with self._condition:
                if (change := line.strip()) == END:
                    self.whole = True
                else:
                    self._changes[change] = None
                self._condition.notify()
        with self._condition:
            self.closed = True
            self._condition.notify()


class Writer:
    """Rounds of projecting what changed, until the input has ended and nothing is left.

    A change that fails for a passing reason (no server, a lock) is tried again for ever while the driver
    lives. One that MLflow refuses twice is set aside and told in the log; its events stay, and `sync` brings
    it back.

    Args:
        folder: The study.
        uri: MLflow's tracking URI.
        inbox: Changes.
        answers: Where the state after each round goes.
    """

    def __init__(self, folder: StudyFolder, uri: str, inbox: Inbox, answers: TextIO) -> None:
        self._folder, self._uri, self._inbox, self._answers = folder, uri, inbox, answers
        self._projection: Projection | None = None
        self._live: set[str] = set()
        self._dirty: dict[str, None] = {}
        self._refused: set[str] = set()
        self._set_aside = False
        self._told = 0.0

    def run(self) -> bool:
        """Write until the input ends, and then what is left.

        Returns:
            Whether everything is in MLflow.
        """
        backoff = 0.0
        while True:
            changes = self._inbox.take(wait=not self._dirty)
            self._live.update(changes)
            self._dirty.update(dict.fromkeys(changes))
            if self._inbox.closed:
                return self._drain()
            problem = self._round()
            backoff = min(_LONGEST_BACKOFF_SECONDS, 2 * backoff or _PAUSE_SECONDS) if problem else 0.0
            self._inbox.pause(backoff or _PAUSE_SECONDS)

    def _drain(self) -> bool:
        """Without a driver: write what is left, and leave no run RUNNING."""
        self._live.clear()
        untold = [] if self._inbox.whole else ["all"]
        self._dirty.update(dict.fromkeys([*self._inbox.take(wait=False), *untold, "close"]))
        deadline = time.monotonic() + _GIVE_UP_SECONDS
        while self._dirty:
            before = len(self._dirty)
            if problem := self._round():
                if len(self._dirty) < before:
                    deadline = time.monotonic() + _GIVE_UP_SECONDS
                elif time.monotonic() > deadline:
                    print(f"gave up with {before} changes left: {problem}", file=sys.stderr)  # noqa: T201 - the log
                    return False
                time.sleep(_PAUSE_SECONDS)
        return not self._set_aside

    def _round(self) -> str:
        """Project every change once.

        Returns:
            Why some are left; empty when none is.
        """
        problem = ""
        change = ""
        try:
            if self._projection is None:
                mend_artifact_places(self._folder.name, self._uri)
                self._projection = Projection(self._folder, self._uri, self._live)
            while self._dirty:
                change = next(iter(self._dirty))
                self._apply(self._projection, change)
                del self._dirty[change]
                self._refused.discard(change)
                if time.monotonic() - self._told > _PAUSE_SECONDS:
                    self._tell("")
        except Exception as error:  # noqa: BLE001 - a writer that dies of one change would lose the others
            passing = is_passing(error)
            problem = redacted(f"{type(error).__name__}: {error}")
            print(f"{change or 'opening'}: {problem}", file=sys.stderr)  # noqa: T201 - the log
            self._dirty.pop(change, None)
            if change in self._refused and not passing:
                self._set_aside = True
            elif change:
                self._dirty[change] = None  # at the end, so that the others have their turn
            if not passing:
                self._refused.add(change)
                self._projection = None
        self._cap_log()
        self._tell(problem)
        return problem

    def _apply(self, projection: Projection, change: str) -> None:
        if change == SWEEP:
            projection.project_sweep()
        elif change == "all":
            self._dirty.update(dict.fromkeys([SWEEP, *self._folder.runs()]))
        elif change == "close":
            projection.close_open()
        else:
            projection.project(change)

    def _tell(self, problem: str) -> None:
        self._told = time.monotonic()
        with suppress(OSError):  # the driver is gone; its last line was the end of the input
            print(json.dumps({"left": len(self._dirty), "problem": problem}), file=self._answers, flush=True)

    def _cap_log(self) -> None:
        """Empty the log when it is long; it is open for appending."""
        if os.fstat(sys.stderr.fileno()).st_size > _LOG_BYTES:
            os.ftruncate(sys.stderr.fileno(), 0)


def is_passing(error: Exception) -> bool:
    """Whether a repeat may go well: MLflow is away or busy, rather than saying no."""
    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]  # MLflow has no types here
        return status >= 500 or status in _PASSING
    return isinstance(error, UNUSABLE)


def _stand_back() -> None:
    """Take what processor time the search leaves: by `nice`, and for the session, which Linux may schedule as one."""
    os.nice(_LEAST)
    with suppress(OSError):  # a kernel without autogroups
        Path("/proc/self/autogroup").write_text(str(_LEAST))


def main() -> int:
    """Run the process."""
    folder = StudyFolder(Path(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever MLflow prints goes to the log, not between the answers
    _stand_back()
    inbox = Inbox(sys.stdin)
    with recording_lock(folder):
        complete = Writer(folder, os.environ["MLFLOW_TRACKING_URI"], inbox, answers).run()
    return ENDINGS[0] if complete else ENDINGS[1]


if __name__ == "__main__":
    sys.exit(main())
