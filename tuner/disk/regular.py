"""Opens files from untrusted folders: regular files only, nothing that blocks, never ends or has side effects.

A named pipe without a writer blocks forever, a device never ends, and opening some devices has side effects. The
kernel's own files, below /proc and /sys, look regular but do all of that. Every file is checked before it is opened,
and again when it is open.
"""

from __future__ import annotations

import errno
import os
import stat
from functools import cache
from io import BufferedReader, BufferedWriter
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_KERNEL = "a file of the kernel's"
_KERNEL_SYSTEMS = {"proc", "sysfs", "debugfs", "tracefs", "securityfs", "configfs", "pstore", "cgroup", "cgroup2"}
"""File systems without a disk or memory behind them."""


def status(path: str | Path) -> os.stat_result:
    """The status of a file; links are followed.

    Raises:
        OSError: It is missing or no regular file, or the name is not valid.
    """
    return _checked(_stat(path), path)


def kind(path: str | Path) -> str:
    """The kind of a path that is no regular file, in words; "" for a regular or missing file."""
    try:
        found = _stat(path)
    except OSError:
        return ""
    return _KERNEL if _of_the_kernel(found) else _KINDS.get(stat.S_IFMT(found.st_mode), "")


def open_bytes(path: str | Path) -> BufferedReader:
    """Open a file to read.

    Raises:
        OSError: As `status`, or it cannot be opened.
    """
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def read_bytes(path: str | Path) -> bytes:
    """A file's content.

    Raises:
        OSError: As `open_bytes`.
    """
    with open_bytes(path) as file:
        return file.read()


def open_to_append(path: str | Path, mode: int = 0o644) -> int:
    """A descriptor for reading and appending; a missing file is created.

    Raises:
        OSError: As `status`, or its folder is missing or cannot be written.
    """
    return _opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode)


def create(path: str | Path) -> BufferedWriter:
    """Open a new file to write; an existing file is removed first, not overwritten.

    Raises:
        OSError: The folder is missing or cannot be written, or a folder has the name.
    """
    Path(path).unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb")


def _opened(path: str | Path, flags: int, mode: int = 0o666) -> int:
    try:
        status(path)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    handle = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, mode)
    try:
        _checked(os.fstat(handle), path)  # it may have been replaced since
        os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _stat(path: str | Path) -> os.stat_result:
    try:
        return os.stat(path)
    except ValueError as error:  # NUL, or half of a surrogate pair
        raise OSError(errno.EINVAL, "a name that no file can have", os.fspath(path)) from error


def _checked(found: os.stat_result, path: str | Path) -> os.stat_result:
    if stat.S_ISREG(found.st_mode) and not _of_the_kernel(found):
        return found
    name = _KERNEL if stat.S_ISREG(found.st_mode) else _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
    raise OSError(errno.EISDIR if stat.S_ISDIR(found.st_mode) else errno.EINVAL, name, os.fspath(path))


def _of_the_kernel(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_dev in _kernel_devices()


@cache
def _kernel_devices() -> frozenset[int]:
    """The device numbers (`st_dev`) of the kernel's mounted file systems; empty if unknown."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = set()
    for line in lines:
        mount, _, system = line.partition(" - ")
        if system.partition(" ")[0] in _KERNEL_SYSTEMS:
            major, _, minor = mount.split()[2].partition(":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)
