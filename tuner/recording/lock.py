"""The lock for writing a study into MLflow, held by one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tuner.disk.folder import StudyFolder
from tuner.disk.lock import locked


@contextmanager
def recording_lock(folder: StudyFolder, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock for writing a study into MLflow; waits for an earlier writer to finish.

    Args:
        folder: The study.
        waiting: Called once with the reason if it must wait.
    """
    path = folder.root / "recording.lock"
    with locked(path, lambda: waiting("the writer of an earlier run is still writing")):
        yield
