"""The folder for the files of a Ray started here; its path must be short, as the kernel limits paths of sockets."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from tuner.errors import ClusterError, Key

SOCKET_BYTES = 107
"""Longest path of a socket: sockaddr_un of unix(7) has 108 bytes, the last of which is 0."""
_SESSION = "session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""Ray's longest name of a socket below its folder; its only variable part is the process id, of at most 7 digits."""
FOLDER_BYTES = SOCKET_BYTES - len(f"/{_SESSION}")
"""Longest path of Ray's folder."""
SHORT_FOLDERS = ("/tmp", "/dev/shm", "/var/tmp")
"""Parent of the folder if the default cannot be used."""
_KEY: Key = ("ray", "temp_dir")


def ray_folder(given: str) -> tuple[str, bool]:
    """The folder for Ray's files, and whether it was made for this process and must be removed at the end.

    Args:
        given: `ray.temp_dir`; "" for Ray's own choice (`ray` below RAY_TMPDIR, TMPDIR or /tmp), which a long TMPDIR, as
            batch systems give it, makes useless; then a private folder is made in a short place.

    Raises:
        ClusterError: The given one cannot be used, or none can.
    """
    if given:
        if problem := _problem(given):
            raise ClusterError(f"ray.temp_dir must {problem[0]}", value=problem[1], fix=_FIX, key=_KEY)
        return given, False
    usual = os.path.join(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or SHORT_FOLDERS[0], "ray")
    if not _problem(usual):
        return usual, False
    for place in SHORT_FOLDERS:
        try:
            made = tempfile.mkdtemp(prefix="ray-", dir=place)
        except OSError:
            continue
        if not _problem(made):
            return made, True
        Path(made).rmdir()
    rule, value = _problem(usual) or ("be usable", usual)
    raise ClusterError(f"ray.temp_dir must {rule}, as Ray's usual folder cannot", value=value, fix=_FIX, key=_KEY)


_FIX = f"Name a folder of this machine's disk, with a path of at most {FOLDER_BYTES} bytes."


def _problem(folder: str) -> tuple[str, str] | None:
    """The rule that a folder breaks, and what was found instead; None if Ray can use it. It is created if missing."""
    if not os.path.isabs(folder):
        return "be an absolute path", folder
    if len(os.fsencode(folder)) > FOLDER_BYTES:
        return f"be short, as the sockets below it may have {SOCKET_BYTES} bytes", folder
    if not folder.isascii():
        return "have a path of ASCII characters, as Ray's servers do not start with others", folder
    made = _missing(Path(folder))
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="r", dir=folder) as inner, socket.socket(socket.AF_UNIX) as probe:
            probe.bind(f"{inner}/s")
    except OSError as error:
        for path in reversed(made):
            if path.is_dir():
                path.rmdir()
        return "be a folder in which files and sockets can be made", f"{folder}: {error.strerror or error}"
    return None


def _missing(folder: Path) -> list[Path]:
    """The missing ones of a folder and its parents, the outermost first."""
    return [path for path in (*reversed(folder.parents), folder) if not os.path.lexists(path)]
