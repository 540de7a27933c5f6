"""Checks that the study's folder is on a local disk, which locks and durable appends need.

On network file systems such as NFS a lock may be granted twice or never, and an append may be torn or lost.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tuner.errors import Key, StudyError

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "ncpfs", "coda", "ceph", "lustre", "gpfs", "mmfs"),
    *("beegfs", "panfs", "pvfs2", "orangefs", "glusterfs", "ocfs2", "gfs2", "fuse"),
}
_LOCAL_FUSE = {"fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.ntfs-3g", "fuse.bindfs", "fuse.mergerfs"}


def check_local(folder: Path, place: str = "") -> None:
    """Refuse a folder on a network file system, or on one behind FUSE, which cannot be told apart.

    Args:
        folder: The folder; it need not exist yet.
        place: Its place in the task file.

    Raises:
        StudyError: It is on such a file system.
    """
    kind = file_system(folder)
    if kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE):
        key: Key = ("storage", "folder")
        raise StudyError(
            f"storage.folder {folder} must be on a disk of this machine, as network file systems lose locks and writes",
            value=kind,
            fix="Name a local folder; storage.checkpoints may stay on a shared one, storage.study in PostgreSQL.",
            where=place,
            key=key,
        )


def file_system(path: Path) -> str:
    """The kind of a path's file system: "ext4", "nfs4", "fuse.sshfs"; "" if unknown."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    kind, longest = "", -1
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        inside = point == "/" or real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:  # of two at the same mount point the later one counts
            kind, longest = after.split(" ", 1)[0], len(point)
    return kind
