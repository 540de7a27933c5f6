"""Preparation of data, once: any process with the same data and options finds the result again."""

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
"""Name of the file that describes a folder of prepared data."""
CONTENTS = "contents.json"
"""Name of the file with the size and checksum of every other file; written last."""
_BLOCK = 1 << 20


class State(Enum):
    """The state of a folder of prepared data."""

    MISSING = 1
    WHOLE = 2
    DAMAGED = 3
    """A file is missing, or has another size or checksum than it was written with."""
    UNKNOWN = 4
    """Written by a version that kept no checksums."""


_USABLE = (State.WHOLE, State.UNKNOWN)
"""Acceptable states of fetched data: one without checksums was checked by the driver that packed it."""


def prepare(name: str, adapter: Adapter, root: Path) -> tuple[Path, Prepared]:
    """The folder of prepared data below `root`; the data are prepared if it does not exist.

    One process prepares, others that need the same data wait; a folder appears complete or not at all.

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
    """Whether prepared data exist and are unchanged."""
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
    """File's name below the folder -> its size and checksum, without the file of the checksums."""
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
    """Whether this edition prepares every array as an earlier edition did; true if that result is gone.

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
    """Upload prepared data for workers that share no disk with this process, unless it is there already.

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
    """The folder of prepared data of a name: below `root` if this machine has it, else downloaded once and kept.

    Args:
        name: The folder's name.
        root: Folder of all prepared data on the driver's machine.
        store: Where the driver has uploaded it.

    Raises:
        OSError: It cannot be downloaded.
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
