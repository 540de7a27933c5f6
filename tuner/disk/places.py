"""Files in a place, which is a folder or an address in an object store (s3://bucket/prefix), written atomically.

A file in a folder is written under another name and renamed. An object store shows an object only when it is complete.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from tuner.disk import regular

PATIENCE_SECONDS = 120.0
"""How long necessary operations are retried while a store does not answer."""
_RETRY_SECONDS = 2.0

T = TypeVar("T")


def is_store(place: str) -> bool:
    """Whether a place is in an object store."""
    return "://" in place


def join(place: str, *names: str) -> str:
    """A place within another one."""
    return "/".join((place.rstrip("/"), *names)) if is_store(place) else str(Path(place, *names))


def write(path: str, content: bytes | memoryview) -> None:
    """Write a file; an existing one stays until the new one is complete.

    Raises:
        OSError: The disk is full, the place cannot be written, or the store does not answer.
    """
    if is_store(path):
        with _as_os_error(path):
            system, name = _store(path)
            system.pipe_file(name, bytes(content))
        return
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_suffix(".tmp")
    try:
        with regular.create(temporary) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(path: str) -> bytes:
    """A file's content.

    Raises:
        FileNotFoundError: There is none.
        OSError: It cannot be read, or the store does not answer.
    """
    if not is_store(path):
        return regular.read_bytes(path)
    with _as_os_error(path):
        system, name = _store(path)
        content: bytes = system.cat_file(name)
        return content


def remove(path: str) -> None:
    """Remove a file; does nothing if it is missing or the store does not answer."""
    if not is_store(path):
        Path(path).unlink(missing_ok=True)
        return
    with suppress(OSError), _as_os_error(path):
        system, name = _store(path)
        system.rm_file(name)


def patiently(action: Callable[[], T]) -> T:
    """Retry for two minutes while a store does not answer; a missing file is an answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except FileNotFoundError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def pack(folder: Path, path: str) -> None:
    """Put a folder into a store as one object, unless it exists.

    Raises:
        OSError: The store does not answer, or refuses.
    """
    with _as_os_error(path):
        system, name = _store(path)
        if system.exists(name):
            return
        with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
            with tarfile.open(archive.name, "w") as tar:
                tar.add(folder, arcname=".")
            system.put_file(archive.name, name)


def unpack(path: str, folder: Path) -> None:
    """Fetch a folder from a store; it appears atomically.

    Raises:
        FileNotFoundError: There is no such object.
        OSError: The store does not answer, or the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
    try:
        archive = made / "folder.tar"
        with _as_os_error(path):
            system, name = _store(path)
            system.get_file(name, str(archive))
        with tarfile.open(archive) as tar:
            tar.extractall(made / "folder", filter="data")  # no paths and no links outside the folder
        shutil.rmtree(folder, ignore_errors=True)
        (made / "folder").rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def cache_folder() -> Path:
    """This machine's folder for fetched data."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tuner"


def _store(path: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # where there is a store

    options: dict[str, Any] = {}
    if path.startswith("s3://"):
        options["config_kwargs"] = {"connect_timeout": 10, "read_timeout": 30}
    system, name = url_to_fs(path, **options)
    return system, name


@contextmanager
def _as_os_error(path: str) -> Iterator[None]:
    """Turn the various errors of stores into an OSError."""
    try:
        yield
    except OSError:
        raise
    except ImportError as error:
        raise OSError(f"{path.partition('://')[0]}:// needs a package: {error}") from error
    except Exception as error:
        raise OSError(" ".join(f"{type(error).__name__}: {error}".split())[:300]) from error
