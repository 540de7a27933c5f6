"""The beginning of a file or the names in a folder, for `init`; the amount that is read is bounded.

Nothing is decided here; each adapter draws its own conclusions.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from tuner.adapters.files import Encoding, marked_encoding, paired_encoding
from tuner.adapters.glimpsed_table import GlimpsedTable, glimpsed_parquet, glimpsed_text
from tuner.adapters.table import form_of
from tuner.disk import regular
from tuner.errors import DataError

MOST_BYTES = 1 << 22
"""Bytes of a file that are read, 4 MB."""
MOST_FILES = 20_000
"""Largest number of files below a folder whose names are read."""


@dataclass(frozen=True)
class Glimpse:
    """The beginning of the user's files.

    Args:
        path: The file or folder to learn from.
        start: The beginning of a file; empty for a folder.
        whole: Whether that is all of the file's bytes or the folder's names.
        files: The files below a folder that are not hidden, in the order of their names; empty for a file.
        held: Further given paths: "val_path" and "test_path" -> a file or folder.
        said: Options of `data` that the user has given: "label" -> a column.
    """

    path: Path
    start: bytes = b""
    whole: bool = True
    files: tuple[Path, ...] = ()
    held: Mapping[str, Path] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return not self.start and self.path.is_dir()

    @property
    def suffix(self) -> str:
        """The ending of the name, in lower case."""
        return self.path.suffix.lower()

    @cached_property
    def encoding(self) -> tuple[Encoding, bool] | None:
        """The text's encoding, and whether it is guessed; None if the file is no text.

        "utf-8" also stands for any encoding with a byte-order mark.
        """
        if self.is_folder:
            return None
        if marked_encoding(self.start):
            return "utf-8", False
        if paired := paired_encoding(self.start):
            return paired, False
        if b"\0" in self.start:
            return None
        if _decodes(self.start, "utf-8"):
            return "utf-8", False
        return _single_bytes(self.start), True

    @cached_property
    def text(self) -> str | None:
        """The beginning as text, without a last line that was cut off; None if the file is no text."""
        if self.encoding is None:
            return None
        name = marked_encoding(self.start) or self.encoding[0]
        try:
            text = codecs.getincrementaldecoder(name)("strict").decode(self.start)
        except UnicodeDecodeError:
            text = self.start.decode("latin-1")
        return text if self.whole or "\n" not in text else text[: text.rfind("\n") + 1]

    @cached_property
    def table(self) -> GlimpsedTable | None:
        """The first rows of a table; None if the name's ending is not a table's, or it has no columns.

        Raises:
            DataError: A Parquet file is damaged.
        """
        if self.is_folder:
            return None
        if self.suffix == ".parquet":
            return glimpsed_parquet(self.path)
        form = form_of(self.path)
        return None if form is None or self.text is None else glimpsed_text(self.path, self.text, form)


def glimpse(path: Path, held: Mapping[str, Path] | None = None, said: Mapping[str, str] | None = None) -> Glimpse:
    """Read the beginning of a file or folder.

    Args:
        path: The file or folder.
        held: See `Glimpse.held`.
        said: See `Glimpse.said`.

    Raises:
        DataError: It does not exist, cannot be read, is empty, or is a pipe or device.
    """
    held, said = held or {}, said or {}
    try:
        if os.path.isdir(path):
            files = tuple(islice(_files(path), MOST_FILES + 1))
            if not files:
                raise DataError("the folder must hold a file that is not hidden", where=str(path))
            kept = tuple(sorted(files[:MOST_FILES]))
            return Glimpse(path, whole=len(files) <= MOST_FILES, files=kept, held=held, said=said)
        with regular.open_bytes(path) as file:
            start = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(
            "there must be a file or folder that can be read", value=error.strerror, where=str(path)
        ) from error
    if not start.strip():
        raise DataError("the file must not be empty", fix="Check the path.", where=str(path))
    return Glimpse(path, start[:MOST_BYTES], len(start) <= MOST_BYTES, held=held, said=said)


def size_of(path: Path) -> int:
    """The size of a file in bytes; 0 if it cannot be read."""
    try:
        return regular.status(path).st_size
    except OSError:
        return 0


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, except hidden ones and those in hidden folders."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent) / name for name in sorted(names) if not name.startswith("."))


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether bytes are text in an encoding; the last character may be cut off."""
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _single_bytes(data: bytes) -> Encoding:
    """A likely encoding with one byte per character: a Cyrillic one if most letters are beyond ASCII."""
    beyond = sum(byte >= 0xC0 for byte in data)
    letters = sum(chr(byte).isalpha() for byte in data if byte < 0x80)
    if beyond > letters and _decodes(data, "cp1251"):
        return "cp1251"
    return "cp1252" if _decodes(data, "cp1252") else "latin-1"
