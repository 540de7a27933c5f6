"""One driver per study: a lock on the study's folder that dies with its holder."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from tuner.disk import regular
from tuner.errors import StudyError


class DriverLock:
    """Held while a driver owns a study; the kernel lets go when the process ends, however it ends.

    Raises:
        StudyError: Another process holds it, and which; or the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = os.fdopen(regular.open_to_append(path), "r+")
        except OSError as error:
            raise StudyError(
                "the study's folder must be writable, with a regular file as its lock",
                value=error.strerror,
                fix="Name another folder in `storage`, or move away what stands there.",
                where=str(path.parent),
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(path)
            self._file.close()
            raise StudyError(
                f"study {path.parent.name} must not be in use by another run",
                value=holder,
                fix="Wait for it, or stop it with Ctrl+C or `kill`.",
            ) from None
        self._file.truncate(0)
        with suppress(OSError):  # a full disk: the lock holds all the same
            self._file.write(json.dumps({"host": os.uname().nodename, "pid": os.getpid()}))
            self._file.flush()

    def release(self) -> None:
        """Let go."""
        with suppress(OSError):
            self._file.close()


def _holder(path: Path) -> str:
    try:
        held = json.loads(regular.read_bytes(path))
        return f"process {held['pid']} on {held['host']}"
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return "another process"
