"""Preparation, once per content: the same data and options are found again, by any process."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tuner import places
from tuner.adapters.base import Adapter, Prepared
from tuner.errors import DataError

PREPARED = "prepared.json"
"""File in a folder of prepared data that is written last."""


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
    edition = getattr(adapter, "edition", "")  # of what preparation writes; adapters of earlier contracts have none
    digest = hashlib.sha256(f"{name}\n{adapter.fingerprint()}{edition}".encode()).hexdigest()[:16]
    folder = root / digest
    if not (folder / PREPARED).exists():
        _make(root)
        with _locked(root / f"{digest}.lock"):
            if not (folder / PREPARED).exists():
                _prepare_into(folder, adapter)
    return folder, Prepared(**json.loads((folder / PREPARED).read_text()))


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
            fix="Mend storage.checkpoints, or what the store asks for (credentials, an address in AWS_ENDPOINT_URL).",
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
    if (root / name / PREPARED).exists():
        return root / name
    cache = places.cache_folder() / "prepared"
    folder = cache / name
    if not (folder / PREPARED).exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"{name}.lock"):
            if not (folder / PREPARED).exists():
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
            fix="It stands beside the one that `storage` names; name another.",
            where=str(root),
        ) from error


def _prepare_into(folder: Path, adapter: Adapter) -> None:
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
    try:
        prepared = adapter.prepare(made)
        (made / PREPARED).write_text(json.dumps(asdict(prepared)))
        made.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
