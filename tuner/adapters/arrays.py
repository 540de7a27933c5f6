"""Untrusted NumPy archives (.npz): headers are checked against the file's size before anything is allocated.

The format: a ZIP file of members NAME.npy, each a header with shape and type, then the values
(https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tuner.adapters.room import must_fit
from tuner.disk import regular
from tuner.errors import DataError, nearest

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DEFLATE_RATIO = 1032
"""Largest compression ratio of a deflated member (zlib's manual, "Maximum Compression Factor")."""
_BLOCK = 1 << 24
_DAMAGED = (OSError, ValueError, EOFError, KeyError, RuntimeError, OverflowError, SyntaxError, MemoryError)
"""Exceptions that zipfile and numpy raise on damaged bytes, besides their own."""
_OWN = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, tokenize.TokenError)


def read_arrays(
    path: Path, needed: Sequence[str], optional: Sequence[str] = ()
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The arrays of an .npz file by name, and the names of further arrays in it, which are not read.

    Args:
        path: The file.
        needed: Required arrays.
        optional: Arrays to read if they exist.

    Raises:
        DataError: The file is no .npz, is damaged, has a member that is no array, or lacks one; an array holds objects
            or no values, is not as large as its header says, or does not fit into memory.
    """
    with _opened(path) as archive:
        members = _members(archive, path)
        _check_needed(needed, members, path)
        wanted = [name for name in (*needed, *optional) if name in members]
        arrays = {name: _read_member(archive, members[name], name, path) for name in wanted}
        return arrays, sorted(members.keys() - arrays.keys())


def read_rows(path: Path, name: str, counts: Iterable[int]) -> Iterator[NDArray[Any]]:
    """An array of an .npz file in chunks of the given numbers of rows; only one chunk is in memory at a time.

    An array in Fortran order is first read whole.

    Args:
        path: The file.
        name: Name of the array, which must exist.
        counts: Rows per chunk; their sum is the array's number of rows.

    Raises:
        DataError: As `read_arrays`.
    """
    with _opened(path) as archive, _member(archive, _members(archive, path)[name], name, path) as found:
        if found.is_fortran:
            whole, at = found.values(path), 0
            for count in counts:
                yield whole[at : at + count]
                at += count
            return
        for count in counts:
            rows = np.empty(count * math.prod(found.shape[1:]), found.dtype)
            _fill(rows.view(np.uint8), found.stream)
            yield rows.reshape(count, *found.shape[1:])
        found.stream.read(1)  # the end, where the checksum is compared


def array_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays of an .npz file by name, from their headers alone.

    Raises:
        DataError: The file is no .npz, or is damaged.
    """
    with _opened(path) as archive:
        shapes = {}
        for name, member in _members(archive, path).items():
            with archive.open(member) as stream:
                shapes[name] = _header(stream)[0]
        return shapes


def check_lengths(lengths: NDArray[Any], rows: int, path: Path, *, fix: str = "") -> NDArray[np.int64]:
    """Check the lengths of items that are concatenated along the rows of X.

    Args:
        lengths: As read.
        rows: Number of rows of X.
        path: The file.
        fix: What to do if they do not add up to the rows.

    Raises:
        DataError: They are no whole numbers >= 0 that add up to the rows.
    """
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not len(lengths) or (lengths < 0).any():
        raise DataError(
            "lengths must be whole numbers >= 0, one per item",
            value=f"{lengths.dtype} {lengths.shape}",
            where=str(path),
        )
    total = sum(lengths.tolist())  # a sum of Python integers, which cannot overflow
    if total != rows:
        raise DataError(f"lengths must add up to the {rows} rows of X", value=total, fix=fix, where=str(path))
    return lengths.astype(np.int64)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the file; errors of zipfile and numpy about damaged bytes become one line."""
    try:
        with regular.open_bytes(path) as file:
            _check_start(file, path)
            with zipfile.ZipFile(file) as archive:
                yield archive
    except DataError:
        raise
    except (*_DAMAGED, *_OWN) as error:
        found = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        raise _no_archive(path, found) from error


def _check_start(file: IO[bytes], path: Path) -> None:
    start = file.read(6)
    file.seek(0)
    if start == b"\x93NUMPY":
        raise DataError(
            "the file must be an .npz of named arrays",
            value="a single .npy array",
            fix="Save them together: numpy.savez(path, X=..., y=...).",
            where=str(path),
        )


def _check_needed(needed: Sequence[str], members: Collection[str], path: Path) -> None:
    for name in needed:
        if name not in members:
            raise DataError(f"there must be an array {name!r}", fix=nearest(name, members), where=str(path))


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name == member.filename or "/" in name or name in members:
            raise _no_archive(path, f"a member {member.filename!r}" + (" twice" if name in members else ""))
        members[name] = member
    return members


class _Member(NamedTuple):
    """An array whose header has been checked; the stream is positioned at its values."""

    name: str
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]
    stream: IO[bytes]

    def values(self, path: Path) -> NDArray[Any]:
        """All of it."""
        count = math.prod(self.shape)
        must_fit(count * self.dtype.itemsize + 8 * count, path, what=f"{self.name} {self.shape}")
        values = np.empty(count, self.dtype)
        _fill(values.view(np.uint8), self.stream)
        self.stream.read(1)  # the end, where the checksum is compared
        _check_text(values, self.name, path)
        return values.reshape(self.shape[::-1]).T if self.is_fortran else values.reshape(self.shape)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, path: Path) -> NDArray[Any]:
    with _member(archive, member, name, path) as found:
        return found.values(path)


@contextmanager
def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, path: Path) -> Iterator[_Member]:
    if member.flag_bits & 1:
        raise _no_archive(path, f"{name} is encrypted")
    if member.compress_type not in _METHODS:
        raise _no_archive(path, f"{name} is compressed by method {member.compress_type}")
    with archive.open(member) as stream:
        shape, is_fortran, dtype = _header(stream)
        if dtype.hasobject:
            raise _no_archive(path, f"{name} holds objects")
        if dtype.names or dtype.subdtype or not dtype.itemsize or dtype.kind == "V":
            raise _no_archive(path, f"{name} has the type {str(dtype)[:60]}")
        if min(shape, default=1) < 1:
            raise DataError(f"{name} must have items", value=0, where=f"{path}: {name} {shape}")
        claimed, held = math.prod(shape) * dtype.itemsize, member.file_size - stream.tell()
        possible = member.compress_size * (_DEFLATE_RATIO if member.compress_type == zipfile.ZIP_DEFLATED else 1)
        if claimed != held or held > possible:
            raise DataError(
                f"{name} must be as large as its header says, {claimed} bytes",
                value=f"{min(held, possible)} bytes",
                fix="The file is cut off or damaged: save it again.",
                where=str(path),
            )
        yield _Member(name, shape, is_fortran, dtype, stream)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)  # type: ignore[no-untyped-call]  # numpy has no types here
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} of the .npy format")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(stream)  # type: ignore[no-untyped-call]
    return shape, is_fortran, dtype


def _fill(into: NDArray[np.uint8], stream: IO[bytes]) -> None:
    filled = 0
    while filled < len(into):
        block = stream.read(min(_BLOCK, len(into) - filled))
        if not block:
            raise EOFError(f"{filled} of {len(into)} bytes")
        into[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)


def _check_text(values: NDArray[Any], name: str, path: Path) -> None:
    """Refuse invalid text: code points beyond Unicode, and halves of surrogate pairs."""
    if values.dtype.kind == "U":
        codes = values.astype(values.dtype.newbyteorder("=")).view(np.uint32)
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes <= 0xDFFF))).any():
            raise _no_archive(path, f"{name} holds invalid Unicode text")


def _no_archive(path: Path, found: str) -> DataError:
    return DataError(
        "the file must be a readable .npz of plain arrays",
        value=found,
        fix="Save it by numpy.savez or savez_compressed, without objects.",
        where=str(path),
    )
