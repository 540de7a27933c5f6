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

from tuner.adapters.base import Adapter, Prepared
from tuner.errors import DataError

_FACTS = "prepared.json"


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
    digest = hashlib.sha256(f"{name}\n{adapter.fingerprint()}".encode()).hexdigest()[:16]
    folder = root / digest
    if not (folder / _FACTS).exists():
        _make(root)
        with _locked(root / f"{digest}.lock"):
            if not (folder / _FACTS).exists():
                _prepare_into(folder, adapter)
    return folder, Prepared(**json.loads((folder / _FACTS).read_text()))


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
        (made / _FACTS).write_text(json.dumps(asdict(prepared)))
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
