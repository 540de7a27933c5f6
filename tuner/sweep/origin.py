"""Where a study comes from: its task file, who started it, the commit of the repository that the file lies in."""

from __future__ import annotations

import getpass
import re
import subprocess
from pathlib import Path

_SECONDS = 5.0
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def origin(task_file: Path) -> dict[str, str]:
    """The origin's `file`, `user` and `commit`, as far as they are known.

    Args:
        task_file: The task file.
    """
    found = {"file": str(task_file.absolute()), "user": _user(), "commit": _commit(task_file.absolute().parent)}
    return {name: value for name, value in found.items() if value}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return ""


def _commit(folder: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "--verify", "HEAD"],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    head = done.stdout.strip()
    return head if _COMMIT.fullmatch(head) else ""
