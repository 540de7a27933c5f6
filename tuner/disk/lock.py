"""File locks, which the kernel releases when their holder ends in any way; used for one driver per study."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tuner.disk import regular
from tuner.errors import StudyError


def take(path: Path) -> IO[str] | None:
    """Take a lock without waiting: the open file, which holds it until closed; None if another process holds it.

    Raises:
        OSError: The file can be neither made nor opened, or is no regular file.
    """
    file = os.fdopen(regular.open_to_append(path), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock, after waiting for its release.

    Args:
        path: The lock's file.
        waiting: Called once if it must wait.

    Raises:
        OSError: As `take`.
    """
    if (taken := take(path)) is None:
        waiting()
        taken = os.fdopen(regular.open_to_append(path), "r+")
        fcntl.flock(taken, fcntl.LOCK_EX)
    with taken:
        yield


class DriverLock:
    """Held by a driver while it runs a study; the kernel releases it when the process ends in any way.

    Raises:
        StudyError: Another process (which is named) holds it, or the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            taken = take(path)
        except OSError as error:
            raise StudyError(
                "the study's folder must be writable, with a regular file as its lock",
                value=error.strerror,
                fix="Name another folder in `storage`, or move away what stands there.",
                where=str(path.parent),
            ) from error
        if taken is None:
            raise StudyError(
                f"study {path.parent.name} must not be in use by another run",
                value=_holder(path),
                fix="Wait for it, or stop it with Ctrl+C or `kill`.",
            )
        self._file = taken
        self._file.truncate(0)
        with suppress(OSError):  # a full disk: the lock is held all the same
            self._file.write(json.dumps({"host": os.uname().nodename, "pid": os.getpid()}))
            self._file.flush()

    def release(self) -> None:
        """Release it."""
        with suppress(OSError):
            self._file.close()


def held(path: Path) -> bool:
    """Whether a driver is running the study."""
    try:
        with regular.open_bytes(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock file, or none that can be read
        return False
    return False


def _holder(path: Path) -> str:
    try:
        held = json.loads(regular.read_bytes(path))
        return f"process {held['pid']} on {held['host']}"
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return "another process"
