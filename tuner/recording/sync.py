"""`tuner sync`: completes the record of a study without a running driver."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass

from tuner.disk import regular
from tuner.disk.folder import StudyFolder
from tuner.disk.study_events import read_sweep
from tuner.errors import StudyError, UserError
from tuner.recording.contract import Recorder
from tuner.recording.lock import recording_lock
from tuner.recording.reasons import reason
from tuner.recording.uri import QUIET
from tuner.redaction import redacted


@dataclass(frozen=True)
class SyncReport:
    """The result of a sync.

    Args:
        runs: Runs of the study.
        written: Number of events that the record lacked; None if unknown.
    """

    runs: int
    written: int | None


def sync(folder: StudyFolder, recorder: Recorder, waiting: Callable[[str], None] = lambda _: None) -> SyncReport:
    """Complete the record of a study.

    Args:
        folder: The study.
        recorder: Its recorder.
        waiting: Called once with the reason if it must wait for another process.

    Raises:
        StudyError: The study is running, or the recorder cannot be used.
    """
    if driver_lives(folder):
        raise StudyError(
            f"study {folder.name} must not be running",
            fix="Its own writer keeps the record up to date; stop the sweep, or wait for its end.",
        )
    written = recorder.sync(folder, waiting)
    return SyncReport(runs=len(list(folder.runs())), written=written)


def write_all(folder: StudyFolder, uri: str, waiting: Callable[[str], None], *, register: bool = False) -> int:
    """Write everything of a study into MLflow, and leave no run RUNNING.

    Args:
        folder: The study.
        uri: MLflow's tracking URI.
        waiting: Called once with the reason if it must wait for another process.
        register: Register the winner.

    Returns:
        Number of events that were not certainly in MLflow.

    Raises:
        StudyError: MLflow cannot be used.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # Here, as they import MLflow, which takes two seconds and reads the switches above.
    from tuner.recording.moved import mend_artifact_places
    from tuner.recording.projection import UNUSABLE, Projection

    with recording_lock(folder, waiting):
        try:
            mend_artifact_places(folder.name, uri)
            projection = Projection(folder, uri, register=register)
            written = projection.project_all()
            projection.close_open()
        except UserError:
            raise
        except UNUSABLE as error:
            raise StudyError(
                f"MLflow at {redacted(uri)} must be usable",
                value=reason(error),
                fix="The study's events are safe; repeat `sync` later.",
            ) from error
    return written


def recorder_of(folder: StudyFolder) -> str:
    """The recorder that a study was last run with; "mlflow" for one from before there was a choice."""
    return str(read_sweep(folder).asked.get("recorder", "mlflow"))


def driver_lives(folder: StudyFolder) -> bool:
    """Whether a driver holds the study's lock."""
    try:
        file = regular.open_bytes(folder.lock)
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
