"""Files that adapters read: the user's own and those inside packages. Does not import torch, numpy or pandas."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tuner.adapters.room import must_fit
from tuner.config.options import Options
from tuner.disk import regular
from tuner.errors import DataError, TaskFileError
from tuner.registry import Catalog

Encoding = Literal[
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "iso8859-2", "iso8859-15", "cp1250", "cp1251", "cp1252",
    "cp1253", "cp1254", "koi8-r", "mac-roman", "shift-jis", "cp932", "euc-jp", "gb18030", "big5", "euc-kr",
]  # fmt: skip
"""Python's names of encodings. A byte-order mark at the beginning of a file overrides them."""

_OTHERS = {
    b"PK\x03\x04": ("a ZIP archive or a workbook (.xlsx, .ods)", "Unpack it, or save the sheet as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old workbook (.xls)", "Save the sheet as CSV."),
    b"\x1f\x8b": ("a gzip archive", "Unpack it: gunzip."),
    b"BZh91AY": ("a bzip2 archive", "Unpack it: bunzip2."),
    b"\xfd7zXZ\x00": ("an xz archive", "Unpack it: unxz."),
    b"\x28\xb5\x2f\xfd": ("a zstd archive", "Unpack it: unzstd."),
    b"PAR1\x15": ("a Parquet file", "Name it .parquet where the adapter reads that, or save it as CSV."),
    b"\x89HDF": ("an HDF5 file", "Save the table in it as CSV."),
    b"SQLite format 3\x00": ("an SQLite database", "Save the table in it as CSV."),
    b"%PDF-": ("a PDF document", "Save it as plain text."),
}
"""First bytes of files that are no text, their kind, and the fix."""
_COPIES = 2
"""Bytes of memory per byte of a text file: for its bytes and its characters."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def existing(path: str, option: str, *, folder: bool = True) -> Path:
    """The path written under `data.<option>`.

    Args:
        path: The path.
        option: The option that holds it.
        folder: Whether it may be a folder; a pipe or a device never is accepted.

    Raises:
        DataError: There is nothing of that kind.
    """
    found = os.path.expanduser(path)
    what = regular.kind(found)
    if (what == "" and not os.path.isfile(found)) or (what and not (folder and os.path.isdir(found))):
        is_there = f" What is there is {what}." if what else ""
        fix = f"Correct the path; relative paths start at the task file or the current folder.{is_there}"
        if not what and not folder and any(mark in path for mark in "*?["):
            fix = f"Put the rows of all these files into one: awk 'FNR > 1 || NR == 1' {path} > all{Path(path).suffix}"
        raise DataError(
            f"data.{option} must name an existing file{' or folder' if folder else ''}",
            value=path,
            fix=fix,
            key=("data", option),
        )
    return Path(found)


def check_origin(source: str | None, path: str | None, sources: Catalog) -> None:
    """Check that the data come either from a known ready source or from the user's own path.

    Raises:
        TaskFileError: They do not, or do both.
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
    """Check that the named options have their defaults, because they would have no effect.

    Args:
        options: The adapter's options.
        names: Options without effect on these data.
        when: Why they have no effect: "with a ready source".
        fix: What they are for, a sentence.

    Raises:
        TaskFileError: One of them was changed.
    """
    for name in names:
        given = getattr(options, name)
        if given != type(options).model_fields[name].default:
            raise TaskFileError(f"data.{name} must be left out {when}", value=given, fix=fix, key=("data", name))


def check_shares(val: float, test: float) -> None:
    """Check that shares of the items leave some for training.

    Args:
        val: Share for validation.
        test: Share for the test.

    Raises:
        TaskFileError: Together they are 1 or more.
    """
    if val + test >= 1:
        raise TaskFileError(
            "data.val and test together must be below 1",
            value=val + test,
            fix="The rest is for training.",
            key=("data", "val"),
        )


def package_folder(package: str, distribution: str, *, option: str = "source") -> Path:
    """The folder of an installed package, without importing it.

    Args:
        package: Its import name.
        distribution: Its name for pip.
        option: The option under `data` that needs it.

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


def read_text(path: Path, encoding: Encoding | None = None) -> str:
    """The text of a file, with a byte-order mark left out.

    Args:
        path: The file.
        encoding: The value of data.encoding; None if the adapter has no such option: UTF-8.

    Raises:
        DataError: The file cannot be opened, or is in another encoding.
    """
    try:
        must_fit(_COPIES * regular.status(path).st_size, path)
        data = regular.read_bytes(path)
    except OSError as error:
        raise DataError("the file must be readable", value=error.strerror, where=str(path)) from error
    check_plain(data, path)
    marked = marked_encoding(data)
    used = marked or encoding or "utf-8"
    if not used.startswith("utf-16") and not marked and (order := paired_encoding(data)):
        raise DataError(
            f"the text must be {used}",
            value=f"a NUL in every second byte, as in {order}",
            fix="Save it as UTF-8." if encoding is None else f"Set data.encoding to {order}, or save it as UTF-8.",
            where=str(path),
        )
    try:
        return data.decode(used)
    except UnicodeDecodeError as error:
        read = error.object  # without the mark
        line = read.count(b"\n", 0, error.start) + 1
        fix = "Check that it is a text file; save it as UTF-8"
        if marked:
            fix += "" if encoding is None else ": data.encoding does not act on a file with such a mark"
        elif encoding is not None:
            fix += ", or name its encoding in data.encoding, such as cp1252 (Western Windows)"
        raise DataError(
            f"the text must be {used.removesuffix('-sig')}" + (", as its byte-order mark says" if marked else ""),
            value=read[error.start : error.start + 1],
            fix=f"{fix}.",
            where=f"{path}:{line}",
        ) from error


def check_plain(data: bytes, path: Path) -> None:
    """Refuse files that begin like a known binary format.

    Raises:
        DataError: It does.
    """
    for start, (kind, fix) in _OTHERS.items():
        if data.startswith(start):
            raise DataError("the file must be plain text", value=kind, fix=fix, where=str(path))


def marked_encoding(data: bytes) -> str | None:
    """The encoding of a byte-order mark at the beginning; None without one."""
    return next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)


def paired_encoding(data: bytes) -> Literal["utf-16-le", "utf-16-be"] | None:
    """The UTF-16 encoding that bytes without a byte-order mark look like; None if they do not."""
    low, high = data[0:2000:2], data[1:2000:2]
    if high.count(0) > len(high) // 2 and not low.count(0):
        return "utf-16-le"
    return "utf-16-be" if low.count(0) > len(low) // 2 and not high.count(0) else None


def content_digest(paths: Iterable[Path], root: Path, used: Mapping[str, object]) -> str:
    """A digest of the files' names below `root`, their contents, and the options that preparation uses.

    Raises:
        DataError: A file cannot be read.
    """
    whole = hashlib.sha256(json.dumps(used, sort_keys=True).encode())
    for path in paths:
        try:
            status = regular.status(path)
            content = _file_digest(path, status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise DataError("the file must be readable", value=error.strerror, where=str(path)) from error
        whole.update(b"\x1f" + os.fsencode(os.path.relpath(path, root)) + f"\x1f{content}".encode())
    return whole.hexdigest()


@cache  # a sweep asks again for every searched value of `data.*`
def _file_digest(path: Path, _size: int, _modified: int) -> str:
    with regular.open_bytes(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
