"""The process that writes a study into MLflow: `python -m tuner.recording STUDY_FOLDER`.

The tracking URI comes in the environment variable MLFLOW_TRACKING_URI, as it may contain a password. Standard input has
a line per change: the name of a run, `sweep`, or `all`, and finally `end`. Only named runs may have a running worker.
Standard output has lines of JSON: `left` (changes not yet in MLflow), `problem` (why some are left, or "") and `away`
(whether that blocks all).

While the search runs, a thread of low priority writes, with leftover processor time. The end of the input means that
the search is over or the driver has died. The rest is then written by the main thread at normal priority (a lowered
priority cannot be raised again); without a preceding `end`, from every event file. The process ends with status 0, or 3
if MLflow could not be reached or refused something.
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

from tuner.disk.folder import StudyFolder
from tuner.errors import UserError
from tuner.recording.contract import SWEEP
from tuner.recording.lock import recording_lock
from tuner.recording.moved import mend_artifact_places
from tuner.recording.on_mlflow import END, ENDINGS
from tuner.recording.projection import UNUSABLE, Projection
from tuner.recording.reasons import reason
from tuner.redaction import redacted, redacting

_PAUSE_SECONDS = 0.5  # between rounds, so that a run's changes are written together
_GIVE_UP_SECONDS = 10.0  # of failures, after which it gives up once there is no driver
_LONGEST_BACKOFF_SECONDS = 30.0
_LOG_BYTES = 1_000_000
_BACK = 10  # additional niceness while the search runs: a tenth of the weight of a normal process
_SESSION_TRIES = 20

_PASSING = (401, 403, 408, 429)
"""HTTP statuses of the 400s after which a retry may succeed."""


class Inbox:
    """Lines of a stream, read by a thread, without duplicates, in order of arrival."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._changes: dict[str, None] = {}
        self._condition = threading.Condition()
        self.closed = False
        self.whole = False
        """Whether `end` has been read."""
        threading.Thread(target=self._read, daemon=True).start()

    def take(self, *, wait: bool) -> list[str]:
        """The changes since the last call; with `wait`, blocks until there is one or the stream has ended."""
        with self._condition:
            if wait:
                self._condition.wait_for(lambda: self._changes or self.closed)
            changes, self._changes = list(self._changes), {}
            return changes

    def wait_for_end(self) -> None:
        """Wait until the stream has ended."""
        with self._condition:
            self._condition.wait_for(lambda: self.closed)

    def pause(self, seconds: float) -> None:
        """Sleep, at most until the end of the stream."""
        with self._condition:
            self._condition.wait_for(lambda: self.closed, timeout=seconds)

    def _read(self) -> None:
        for line in self._stream:
            with self._condition:
                if (change := line.strip()) == END:
                    self.whole = True
                else:
                    self._changes[change] = None
                self._condition.notify_all()
        with self._condition:
            self.closed = True
            self._condition.notify_all()


class Writer:
    """Projects changes in rounds, until the input has ended and nothing is left.

    A change that fails for a temporary reason (no server, a lock) is retried as long as the driver runs. One that
    MLflow refuses twice is set aside and logged; `sync` can write it later.

    Args:
        folder: The study.
        uri: MLflow's tracking URI.
        inbox: Changes.
        answers: Stream for the state after each round.
    """

    def __init__(self, folder: StudyFolder, uri: str, inbox: Inbox, answers: TextIO) -> None:
        self._folder, self._uri, self._inbox, self._answers = folder, uri, inbox, answers
        self._projection: Projection | None = None
        self._live: set[str] = set()
        self._dirty: dict[str, None] = {}
        self._refused: set[str] = set()
        self._aside = ""  # why a change was set aside
        self._told = 0.0
        self._failing: float | None = None  # since when, by `time.monotonic`

    def run(self) -> bool:
        """Write until the input ends, and then the rest.

        Returns:
            Whether everything is in MLflow.
        """
        self._tell("")  # MLflow is imported
        self._take(wait=not self._dirty)
        self._round(only_open=True)  # at full priority, as creating a database's tables takes seconds
        follower = threading.Thread(target=self._follow, name="follower", daemon=True)
        follower.start()
        self._inbox.wait_for_end()
        _come_forward()
        follower.join()  # the thread ends after its current change
        return self._drain()

    def wait(self, why: str) -> None:
        """Report why it has not begun."""
        self._take(wait=False)
        self._tell(why)

    def _follow(self) -> None:
        """Thread: write incoming changes at low priority."""
        _stand_back()
        backoff = 0.0
        while not self._inbox.closed:
            problem = self._round()
            backoff = min(_LONGEST_BACKOFF_SECONDS, 2 * backoff or _PAUSE_SECONDS) if problem else 0.0
            self._inbox.pause(backoff or _PAUSE_SECONDS)
            self._take(wait=not self._dirty)

    def _take(self, *, wait: bool) -> None:
        changes = self._inbox.take(wait=wait)
        self._live.update(changes)
        self._dirty.update(dict.fromkeys(changes))

    def _drain(self) -> bool:
        """Without a driver: write the rest, and leave no run RUNNING."""
        self._live.clear()
        untold = [] if self._inbox.whole else ["all"]
        self._dirty.update(dict.fromkeys([*self._inbox.take(wait=False), *untold, "close"]))
        while self._dirty:
            before = len(self._dirty)
            if problem := self._round(draining=True):
                if self._failing is not None and time.monotonic() - self._failing > _GIVE_UP_SECONDS:
                    print(f"gave up with {before} changes left: {problem}", file=sys.stderr)  # noqa: T201 - the log
                    return False
                time.sleep(_PAUSE_SECONDS)
        if self._aside:
            self._tell(self._aside)
        return not self._aside

    def _round(self, *, only_open: bool = False, draining: bool = False) -> str:
        """Project every change once; unless draining, stop when the input ends.

        Returns:
            Why some changes are left; empty if none is.
        """
        problem = ""
        change = ""
        try:
            if self._projection is None:
                mend_artifact_places(self._folder.name, self._uri)
                self._projection = Projection(self._folder, self._uri, self._live)
                self._tell("")
            while self._dirty and not only_open and (draining or not self._inbox.closed):
                change = next(iter(self._dirty))
                self._apply(self._projection, change)
                del self._dirty[change]
                self._refused.discard(change)
                self._failing = None
                if time.monotonic() - self._told > _PAUSE_SECONDS:
                    self._tell("")
        except Exception as error:  # noqa: BLE001 - a writer that dies of one change would lose the others
            passing = is_passing(error)
            problem = redacted(str(error) if isinstance(error, UserError) else reason(error))
            print(f"{change or 'opening'}: {problem}", file=sys.stderr)  # noqa: T201 - the log
            if change:  # else MLflow could not be opened, independent of the change
                self._put_back(change, problem, passing=passing)
            if not passing:
                self._projection = None
            if self._failing is None:
                self._failing = time.monotonic()
            self._tell(problem, away=passing or not change)
        else:
            self._tell("")
        self._cap_log()
        return problem

    def _put_back(self, change: str, problem: str, *, passing: bool) -> None:
        """Queue a failed change after the others; set it aside if it is refused again."""
        del self._dirty[change]
        if change in self._refused and not passing:
            self._aside = problem
            return
        self._dirty[change] = None
        if not passing:
            self._refused.add(change)

    def _apply(self, projection: Projection, change: str) -> None:
        if change == SWEEP:
            projection.project_sweep()
        elif change == "all":
            self._dirty.update(dict.fromkeys([SWEEP, *self._folder.runs()]))
        elif change == "close":
            projection.close_open()
        else:
            projection.project(change)

    def _tell(self, problem: str, *, away: bool = False) -> None:
        self._told = time.monotonic()
        answer = {"left": len(self._dirty), "problem": problem, "away": away}
        with suppress(OSError):  # the driver is gone
            print(json.dumps(answer), file=self._answers, flush=True)

    def _cap_log(self) -> None:
        """Truncate the log if it is long; it is open for appending."""
        if os.fstat(sys.stderr.fileno()).st_size > _LOG_BYTES:
            os.ftruncate(sys.stderr.fileno(), 0)


def is_passing(error: Exception) -> bool:
    """Whether a retry may succeed: MLflow does not answer or is busy, but has not refused."""
    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]  # MLflow has no types here
        return status >= 500 or status in _PASSING
    return isinstance(error, UNUSABLE)


def _stand_back() -> None:
    """Lower the priority of this thread, and of the session if it is ours, as Linux may schedule it as a group."""
    with suppress(OSError):  # a system without priorities of threads
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _BACK)
    _set_session(_BACK)


def _come_forward() -> None:
    """Restore the session's priority; a thread's cannot be raised."""
    _set_session(0)


def _set_session(niceness: int) -> None:
    if os.getsid(0) != os.getpid():
        return
    for _ in range(_SESSION_TRIES):
        try:
            Path("/proc/self/autogroup").write_text(str(niceness))
        except BlockingIOError:  # the kernel allows it ten times a second on the whole machine
            time.sleep(0.15)
        except OSError:  # a kernel without autogroups
            return
        else:
            return


def main() -> int:
    """Run the process."""
    folder = StudyFolder(Path(sys.argv[1]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # MLflow's output goes to the log, not between the answers
    sys.stdout, sys.stderr = redacting(sys.stdout), redacting(sys.stderr)
    writer = Writer(folder, os.environ["MLFLOW_TRACKING_URI"], Inbox(sys.stdin), answers)
    with recording_lock(folder, writer.wait):
        complete = writer.run()
    return ENDINGS[0] if complete else ENDINGS[1]
