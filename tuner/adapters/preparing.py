"""Preparation, once per content: the same data and options are found again, by any process."""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from enum import Enum
from functools import cache
from pathlib import Path

from tuner.adapters.base import Adapter, Prepared
from tuner.disk import places, regular
from tuner.disk.lock import locked
from tuner.errors import DataError

PREPARED = "prepared.json"
"""File in a folder of prepared data that says what is in it."""
CONTENTS = "contents.json"
"""File beside it that says how large every file is, and its checksum; written last."""
_BLOCK = 1 << 20


class State(Enum):
    """How a folder of prepared data is found."""

    MISSING = 1
    WHOLE = 2
    DAMAGED = 3
    """A file is missing, or has another size or checksum than it was written with."""
    UNKNOWN = 4
    """Written by a version that kept no checksums."""


_USABLE = (State.WHOLE, State.UNKNOWN)
"""What was fetched: that which has no checksums was packed by a driver that had seen to it."""


def prepare(name: str, adapter: Adapter, root: Path) -> tuple[Path, Prepared]:
    """The folder of prepared data below `root`, made when it is not there yet.

    One process prepares, others that want the same wait for it; a folder appears whole or not at all.

    Args:
        name: The adapter's name.
        adapter: The adapter with its options.
        root: Folder of all prepared data.

    Raises:
        DataError: The data is missing, damaged or unfit.
    """
    digest = _digest(name, adapter, edition(adapter))
    folder = root / digest
    mended: list[str] = []
    if state(folder) is not State.WHOLE:
        _make(root)
        with _locked(root / f"{digest}.lock"):
            if (found := state(folder)) is not State.WHOLE:
                _prepare_into(folder, adapter)
                if found is State.DAMAGED:
                    mended = [f"the prepared data in {folder} were damaged, and have been prepared again"]
    prepared = Prepared(**json.loads(regular.read_bytes(folder / PREPARED)))
    return folder, replace(prepared, notices=[*prepared.notices, *mended])


def state(folder: Path) -> State:
    """Whether prepared data is there, as it was written."""
    if not os.path.lexists(folder):
        return State.MISSING
    if not os.path.lexists(folder / CONTENTS):
        return State.UNKNOWN if os.path.isfile(folder / PREPARED) else State.DAMAGED
    try:
        written = json.loads(regular.read_bytes(folder / CONTENTS))
        return State.WHOLE if PREPARED in written and written == contents_of(folder) else State.DAMAGED
    except (OSError, ValueError, TypeError, RecursionError):
        return State.DAMAGED


def contents_of(folder: Path) -> dict[str, list[int]]:
    """Size and checksum of every file but that which keeps them, by its name below the folder."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir() and path.name != CONTENTS)
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in files}


def _checksum(path: Path) -> list[int]:
    found = regular.status(path)
    return [found.st_size, _crc(path, found.st_size, found.st_mtime_ns, found.st_ino)]


@cache  # a sweep asks again for every trial
def _crc(path: Path, _size: int, _modified: int, _inode: int) -> int:
    value = 0
    with regular.open_bytes(path) as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return value


def edition(adapter: Adapter) -> str:
    """See `Adapter.edition`; adapters of earlier contracts have none."""
    return getattr(adapter, "edition", "")


def reads_alike(name: str, adapter: Adapter, root: Path, earlier: str) -> bool:
    """Whether every array that an earlier edition has prepared, where it still lies there, is among those of this one.

    Args:
        name: The adapter's name.
        adapter: The adapter with its options.
        root: Folder of all prepared data.
        earlier: The earlier `Adapter.edition`.

    Raises:
        DataError: The data is missing, damaged or unfit.
    """
    was = root / _digest(name, adapter, earlier)
    if not (was / PREPARED).exists():
        return True
    folder, _ = prepare(name, adapter, root)
    return all(
        (folder / path.name).is_file() and filecmp.cmp(path, folder / path.name, shallow=False)
        for path in was.glob("*.npy")
    )


def _digest(name: str, adapter: Adapter, written_by: str) -> str:
    return hashlib.sha256(f"{name}\n{adapter.fingerprint()}{written_by}".encode()).hexdigest()[:16]


def publish(folder: Path, store: str) -> None:
    """Put prepared data where workers find it that share no disk with this process; nothing happens when it is there.

    Raises:
        DataError: The store cannot be written.
    """
    try:
        places.pack(folder, _packed(store, folder.name))
    except OSError as error:
        raise DataError(
            "the prepared data must be stored",
            value=str(error),
            fix="Check storage.checkpoints, or what the store asks for (credentials, an address in AWS_ENDPOINT_URL).",
            where=store,
        ) from error


def fetch(name: str, root: Path, store: str) -> Path:
    """The folder of data prepared under a name: below `root` where this machine has it, else fetched once and kept.

    Args:
        name: The folder's name.
        root: Folder of all prepared data on the driver's machine.
        store: Where the driver has put it.

    Raises:
        OSError: It cannot be had.
    """
    if state(root / name) in _USABLE:
        return root / name
    cache = places.cache_folder() / "prepared"
    folder = cache / name
    if state(folder) not in _USABLE:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"{name}.lock"):
            if state(folder) not in _USABLE:
                places.patiently(lambda: places.unpack(_packed(store, name), folder))
    return folder


def _packed(store: str, name: str) -> str:
    return places.join(store, "prepared", f"{name}.tar")


def _make(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            "the folder of prepared data must be writable",
            value=error.strerror,
            fix="It is beside the folder of `storage`; name another one there.",
            where=str(root),
        ) from error


def _prepare_into(folder: Path, adapter: Adapter) -> None:
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
    try:
        prepared = adapter.prepare(made)
        (made / PREPARED).write_text(json.dumps(asdict(prepared)))
        (made / CONTENTS).write_text(json.dumps(contents_of(made)))
        made.chmod(0o755)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.unlink(missing_ok=True)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(locked(path))
        except OSError as error:
            raise DataError(
                "the lock of prepared data must be a regular file that can be written",
                value=error.strerror,
                fix="Remove it.",
                where=str(path),
            ) from error
        yield
