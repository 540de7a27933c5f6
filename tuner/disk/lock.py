"""Locks on files, which the kernel lets go when their holder ends, however it ends; one driver per study by such."""

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
    """Take a lock without waiting: the open file, which holds it until it is closed; None where another holds it.

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
    """Hold a lock, once whoever holds it has let go.

    Args:
        path: The lock's file.
        waiting: Called once, where it has to wait.

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
    """Held while a driver owns a study; the kernel lets go when the process ends, however it ends.

    Raises:
        StudyError: Another process holds it, and which; or the folder cannot be written.
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
        with suppress(OSError):  # a full disk: the lock holds all the same
            self._file.write(json.dumps({"host": os.uname().nodename, "pid": os.getpid()}))
            self._file.flush()

    def release(self) -> None:
        """Let go."""
        with suppress(OSError):
            self._file.close()


def held(path: Path) -> bool:
    """Whether a driver has the study now."""
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
