"""The sweep's side of recording: the recorder follows the sweep and never delays it."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tuner.announcements import Listener, Notice, RecordingLeft
from tuner.disk.folder import STUDIES
from tuner.recording import SWEEP, Recording
from tuner.recording.nothing import NoRecorder
from tuner.recording.uri import tracking_uri
from tuner.redaction import redacted
from tuner.task.task import Task

T = TypeVar("T")


class Record:
    """Tells the task's recorder what has changed, checks it, and reports its problems.

    A recorder that raises is not called again; the sweep continues.

    Args:
        task: The task, which says where it is recorded.
        tell: Called with each event.
    """

    def __init__(self, task: Task, tell: Listener) -> None:
        self._task, self._tell = task, tell
        self._recording: Recording = NoRecorder().begin(task.folder)
        self._broken = ""  # why it is not called any more
        self._told_away = False
        self._told_left: int | None = None

    def begin(self) -> None:
        """Begin; `sweep.jsonl` must exist."""
        for sentence in self._task.recorder.notices:
            self._tell(Notice(sentence))
        self._recording = self._ask(lambda _: self._task.recorder.begin(self._task.folder), self._recording)

    def changed(self, run: str = SWEEP) -> None:
        """Note that a run, or the sweep, has new events or artifacts."""
        self._ask(lambda recording: recording.changed(run), None)

    def look(self) -> None:
        """Report, once, that nothing can be recorded."""
        if self._told_away or not self._ask(lambda recording: recording.away(), False):
            return
        if problem := self._ask(lambda recording: recording.problem(lasting=True), ""):
            self._told_away = True
            what = f"takes nothing ({problem.rstrip('.')}); the sweep goes on, and its records are kept for later"
            self._notice(what)

    def leave(self) -> None:
        """End without waiting; the writer process continues until everything is written."""
        self._ask(lambda recording: recording.close(0.0), False)

    def close(self, enough: Callable[[], bool]) -> bool:
        """Wait until everything is recorded, as long as there is progress.

        Args:
            enough: Whether to stop waiting.

        Returns:
            Whether everything is recorded.
        """
        if self._ask(lambda recording: recording.close(tell=self._progress, enough=enough), False):
            return True
        away = bool(self._broken) or self._ask(lambda recording: recording.away(), False)
        how = "takes nothing" if away else "lacks some of this study"
        problem = (self._broken or self._ask(lambda recording: recording.problem(), "")).rstrip(".")
        when = "writes it when that is mended" if away else "writes the rest"
        self._notice(f"{how} ({problem}); `{sync_command(self._task)}` {when}")
        return not away

    def _ask(self, act: Callable[[Recording], T], otherwise: T) -> T:
        """Call the recorder; `otherwise` if it raises or has raised before."""
        if self._broken:
            return otherwise
        try:
            return act(self._recording)
        except Exception as error:  # noqa: BLE001 - whatever a recorder from outside the package raises
            self._broken = redacted(f"{type(error).__name__}: {error}")
            log = self._task.folder.root / "recording.log"
            with suppress(OSError), log.open("a") as file:
                file.write(redacted(traceback.format_exc()))
            self._notice(f"fails ({self._broken.rstrip('.')}; see {log}); the sweep goes on without it")
            return otherwise

    def _progress(self, left: int) -> None:
        if left != self._told_left:
            self._told_left = left
            self._tell(RecordingLeft(left))

    def _notice(self, what: str) -> None:
        recorder = self._task.recorder
        place = f"{recorder.name} at {redacted(recorder.uri)}" if recorder.uri else recorder.name
        self._tell(Notice(f"{place} {what}"))


def sync_command(task: Task) -> str:
    """The command that writes what the record lacks, to be run where the sweep was started."""
    words = ["python", "-m", "tuner", "sync"]
    if task.file.tracking.choice[0] != "mlflow":
        return shlex.join([*words, str(task.path)])
    words.append(task.folder.name)
    if task.folder.root.parent != Path(STUDIES).absolute():
        words += ["--storage", str(task.folder.root.parent)]
    uri = task.recorder.uri
    if uri == tracking_uri(None):
        return shlex.join(words)
    if redacted(uri) != uri:  # it holds a password
        return f"MLFLOW_TRACKING_URI=… {shlex.join(words)}"
    return shlex.join([*words, "--uri", uri])
