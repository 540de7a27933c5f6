"""Text files line by line, for prediction: an unreadable row is reported in its place, and the rest is read.

Preparation of training data reads whole files and stops at the first error; see `tuner.adapters.table`.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from tuner.adapters.dialect import LONGEST_CELL, SEPARATORS, Separator, Writing, recognize
from tuner.adapters.files import Encoding, check_plain, marked_encoding, paired_encoding
from tuner.adapters.table import Form, advice_on_name, json_object
from tuner.disk import regular
from tuner.errors import DataError, is_text

NO_TEXT = "it has bytes that are no text in the file's encoding"
_BEGINNING = 1 << 12
"""Number of bytes by which a file of another kind is recognized."""
_SAMPLE = 1 << 22
"""Number of characters by which separator and decimal mark are recognized."""


class Told(NamedTuple):
    """A row, or why it cannot be read.

    Args:
        cells: The wanted columns; empty if the row cannot be read.
        where: "file:line".
        problem: Why it cannot be read; "" if it can.
        text: Its lines in the file, unchanged.
    """

    cells: dict[str, str]
    where: str
    problem: str = ""
    text: str = ""


@contextmanager
def opened_text(path: Path, encoding: Encoding | None = None) -> Iterator[TextIO]:
    """Open a text file for reading without its byte-order mark, with line ends unchanged.

    Undecodable bytes become halves of surrogate pairs, which `tuner.errors.is_text` finds.

    Args:
        path: The file.
        encoding: The value of data.encoding; None if the adapter has no such option: UTF-8.

    Raises:
        DataError: The file cannot be opened, or is no text.
    """
    try:
        file = regular.open_bytes(path)
    except OSError as error:
        raise DataError("the file must be readable", value=error.strerror, where=str(path)) from error
    with file:
        beginning = file.peek(_BEGINNING)[:_BEGINNING]
        check_plain(beginning, path)
        used = marked_encoding(beginning) or encoding or "utf-8"
        if not used.startswith("utf-16") and (order := paired_encoding(beginning)):
            raise DataError(
                f"the text must be {used}",
                value=f"a NUL in every second byte, as in {order}",
                fix="Save it as UTF-8.",
                where=str(path),
            )
        errors = "strict" if used.startswith(("utf-16", "utf-32")) else "surrogateescape"
        with io.TextIOWrapper(file, encoding=used, errors=errors, newline="") as text:
            try:
                yield text
            except UnicodeDecodeError as error:  # in encodings of two bytes, line ends can no longer be found
                raise DataError(f"the text must be {used}", value=str(error), where=str(path)) from error


def lines_of(path: Path, encoding: Encoding | None = None) -> Iterator[tuple[str, str]]:
    """Each line without its end, and its "file:line"; blank lines at the end of the file are skipped."""
    blank: list[tuple[str, str]] = []
    with opened_text(path, encoding) as file:
        for number, line in enumerate(file, start=1):
            told = line.rstrip("\r\n"), f"{path}:{number}"
            if line.strip():
                yield from blank
                blank.clear()
                yield told
            else:
                blank.append(told)


def told_rows(path: Path, form: Form, columns: Sequence[str], encoding: Encoding | None = None) -> Iterator[Told]:
    """The rows of a table, a few at a time; blank lines are skipped.

    Args:
        path: The file.
        form: csv (a header line, then rows) or jsonl (one object a line).
        columns: Columns that every row must have.
        encoding: The value of data.encoding.

    Raises:
        DataError: The file cannot be opened, or its header is damaged or lacks a column.
    """
    if form == "csv":
        with opened_text(path, encoding) as file:
            yield from Delimited(path, file, columns, Writing(encoding=encoding or "utf-8"))
    else:
        for line, where in lines_of(path, encoding):
            if line.strip():
                yield _object(line, where, columns)


def _object(line: str, where: str, columns: Sequence[str]) -> Told:
    if not is_text(line):
        return Told({}, where, NO_TEXT)
    try:
        row = json_object(line, where)
    except DataError as error:
        return Told({}, where, error.problem)
    for name in columns:
        if name not in row:
            return Told({}, where, f"the line must be an object with {name!r}")
        if not isinstance(row[name], str) or not is_text(row[name]):
            return Told({}, where, f"{name} must be a text, but is {row[name]!r:.80}")
    return Told({name: row[name] for name in columns}, where)


class Delimited:
    """Delimited text, a row at a time.

    Args:
        path: The file's name.
        file: The opened file.
        columns: Columns that every row must have.
        writing: The options of its format.
        wanted: Further columns, by which the separator is recognized.
        usual: The separator of such files, where several fit.

    Raises:
        DataError: There is no header, or it lacks a column.
    """

    def __init__(
        self,
        path: Path,
        file: TextIO,
        columns: Sequence[str],
        writing: Writing,
        wanted: Sequence[str] = (),
        usual: Separator | None = None,
    ) -> None:
        self._path = path
        sample = file.read(_SAMPLE) + file.readline()
        sample, self.dialect = recognize(
            sample,
            path,
            separator=writing.separator,
            decimal=writing.decimal,
            wanted=(*columns, *wanted),
            usual=usual,
        )
        self._lines = _Lines(sample, file)
        csv.field_size_limit(LONGEST_CELL)
        header = next((cells for cells, _ in self._rows() if cells or cells is None), None)
        if header is None:
            raise DataError("the table must have a header line that can be read", value="none", where=f"{path}:1")
        self.header = [name.strip() for name in header]
        self.header_line = self._lines.latest
        for name in columns:
            if name not in self.header:
                raise DataError(
                    f"there must be a column {name!r}", fix=advice_on_name(name, self.header), where=str(path)
                )
        self._wanted = [(name, self.header.index(name)) for name in columns]

    def __iter__(self) -> Iterator[Told]:
        """The rows below the header."""
        parted = SEPARATORS[self.dialect.separator]
        for cells, why in self._rows():
            where = f"{self._path}:{self._lines.first}"
            if cells is None:
                yield Told({}, where, f"the row must be well-formed CSV: {why}")
            elif len(cells) != len(self.header):
                had = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}"
                yield Told({}, where, f"a row must have {len(self.header)} cells like the header, separated by "
                                      f"{parted}, but has {had}")  # fmt: skip
            elif not is_text(self._lines.latest):
                yield Told({}, where, NO_TEXT)
            else:
                yield Told({name: cells[index] for name, index in self._wanted}, where, "", self._lines.latest)

    def _rows(self) -> Iterator[tuple[list[str] | None, str]]:
        """The cells of each row that is not empty, or None and why they cannot be read."""
        while True:
            reader = csv.reader(
                self._lines, delimiter=self.dialect.separator, skipinitialspace=self.dialect.spaced, strict=True
            )
            try:
                for cells in reader:
                    self._lines.end()
                    if cells:
                        yield cells, ""
            except csv.Error as error:
                self._lines.again()
                yield None, str(error)
            else:
                return


class _Lines:
    """Lines that can be read again: after a malformed row, all of its lines but the first."""

    def __init__(self, sample: str, file: TextIO) -> None:
        self._sources = [io.StringIO(sample, newline=""), file]
        self._left: deque[str] = deque()
        self._row: list[str] = []
        self.first, self.latest = 0, ""
        """Number of the first line of the latest row, from 1, and the row's text."""
        self._read = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._left.popleft() if self._left else ""
        while not line and self._sources:
            line = self._sources[0].readline()
            if not line:
                del self._sources[0]
        if not line:
            raise StopIteration
        self._row.append(line)
        return line

    def end(self) -> None:
        """Accept the lines since the last row as a row."""
        self.first, self.latest = self._read + 1, self._row[0] if len(self._row) == 1 else "".join(self._row)
        self._read += len(self._row)
        self._row.clear()

    def again(self) -> None:
        """Skip the first line since the last row, and read the others again."""
        self._left.extendleft(reversed(self._row[1:]))
        del self._row[1:]
        self.end()
