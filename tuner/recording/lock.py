"""The right to write a study into MLflow, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tuner.disk import regular
from tuner.disk.folder import StudyFolder


@contextmanager
def recording_lock(folder: StudyFolder, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the right to write a study into MLflow; waits for a writer that still drains.

    Args:
        folder: The study.
        waiting: Told why, once, where it has to wait.
    """
    with os.fdopen(regular.open_to_append(folder.root / "recording.lock"), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting("the writer of an earlier run is still at it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
