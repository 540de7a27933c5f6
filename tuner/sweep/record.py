"""What a sweep tells about its record in MLflow, which follows it and never holds it up."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from tuner.announcements import Listener
from tuner.recording import Recorder, tracking_uri
from tuner.redaction import redacted
from tuner.task.task import Task


class Record:
    """Looks after a recorder and says how MLflow is.

    Args:
        task: The task, which says where MLflow is.
        recorder: The recorder.
        tell: Told what happens.
    """

    def __init__(self, task: Task, recorder: Recorder, tell: Listener) -> None:
        self._task, self._recorder, self._tell = task, recorder, tell
        self._told_away = False
        self._told_left: int | None = None

    def look(self) -> None:
        """Say so, once, when MLflow can take nothing."""
        if self._told_away or not self._recorder.away() or not (problem := self._recorder.problem(lasting=True)):
            return
        self._told_away = True
        self._notice(f"takes nothing ({problem.rstrip('.')}); the sweep goes on, and what it records is kept for later")

    def close(self, enough: Callable[[], bool]) -> bool:
        """Wait until everything is in MLflow, as long as it gets on.

        Args:
            enough: Asked whether to wait no longer.

        Returns:
            Whether MLflow is there.
        """
        if self._recorder.close(tell=self._progress, enough=enough):
            return True
        away = self._recorder.away()
        how = "takes nothing" if away else "lacks some of this study"
        problem = self._recorder.problem().rstrip(".")
        when = "writes it when that is mended" if away else "writes the rest"
        self._notice(f"{how} ({problem}); `{sync_command(self._task)}` {when}")
        return not away

    def _progress(self, left: int) -> None:
        if left != self._told_left:
            self._told_left = left
            self._tell("recording", left=left)

    def _notice(self, what: str) -> None:
        self._tell("notice", sentence=f"MLflow at {redacted(self._task.tracking)} {what}")


def sync_command(task: Task) -> str:
    """The command that brings MLflow up to date with a study, to be run where the sweep was started."""
    words = ["python", "-m", "tuner", "sync", task.folder.name]
    if task.folder.root.parent != Path("mlruns/studies").absolute():
        words += ["--storage", str(task.folder.root.parent)]
    if task.tracking == tracking_uri(None):
        return shlex.join(words)
    if redacted(task.tracking) != task.tracking:  # it holds a password
        return f"MLFLOW_TRACKING_URI=… {shlex.join(words)}"
    return shlex.join([*words, "--uri", task.tracking])
