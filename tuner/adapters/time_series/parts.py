"""Tables in parts, for prediction: only a part is in memory, and a malformed row is reported in its place."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuner.adapters import parquet
from tuner.adapters.dialect import Dialect, Writing
from tuner.adapters.lines import Delimited, opened_text
from tuner.adapters.time_series.delimited import read_csv
from tuner.adapters.time_series.json_lines import SUFFIXES as JSON
from tuner.adapters.time_series.json_lines import json_parts
from tuner.adapters.time_series.table import Part, Table
from tuner.adapters.time_series.written import Known
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1 << 22
"""Characters of a part of a CSV file."""
_CELLS = 1 << 19
"""Cells of a part of a Parquet file."""
_SAMPLED = 8
"""Number of cells per part that are kept for recognizing the format of times."""
_TELLING = (re.compile(r"(1[3-9]|2\d|3[01])\D.*"), re.compile(r"\d{1,2}\D(1[3-9]|2\d|3[01])\D.*"))
"""Matches dates that show which number is the day and which the month."""


class Sections:
    """A table as a sequence of tables with whole groups, in the order of their first appearance.

    A group whose rows are contiguous in the file takes memory only while it is read; rows of mixed groups stay until
    the last row of each.

    Args:
        path: The file; without a file, the name of the table in messages.
        text: Columns to be read as text.
        numbers: Further required columns; empty for all.
        writing: The options of the format of the table of training, which this one need not have.
        written: How numbers are written in the table of training. Where this one shows that it is written otherwise,
            it is read so.
        frame: The table itself, if there is no file.
        name: Column with a row's group; None: all rows are one group.
        time: Column of times; a few of its cells are kept as `known`.
    """

    def __init__(
        self,
        path: Path,
        text: Sequence[str],
        numbers: Sequence[str],
        writing: Writing,
        written: Known = Known(),  # noqa: B008
        frame: pd.DataFrame | None = None,
        *,
        name: str | None = None,
        time: str | None = None,
    ) -> None:
        self._path, self._text, self._numbers, self._frame = path, text, numbers, frame
        self._writing, self._written = writing, written._replace(shown={})
        self._raw = [*text, *(column for column, how in written.columns.items() if how.decimal)]
        """Columns that pandas must not read as numbers, as it may take thousands for decimals."""
        self._name, self._time = name, time
        self.known: list[str] = []
        """Cells of times from the whole file, if it has several parts."""

    def tables(
        self,
        worth: Callable[[Table], NDArray[np.bool_]] | None = None,
        see: Callable[[Table], None] = lambda _: None,
    ) -> Iterator[tuple[Table | None, Part]]:
        """The tables and the parts that they come from; None instead of a table if no row is well-formed.

        Args:
            worth: Selects the rows of a table to be kept in memory; None: all.
            see: Is shown every row once, in parts.

        Raises:
            DataError: The file is missing or damaged, has no rows, or lacks a column.
        """
        parts = self.parts()
        first = next(parts)
        second = next(parts, None)
        if second is None:
            if (whole := self.table(first)) is not None:
                see(whole)
            yield whole, first
            return
        del first, second, parts
        rows_of = self._look(see)
        held: list[Part] = []
        there: Counter[str] = Counter()
        order, size, worthwhile = iter(rows_of), 0, 0
        done: list[str] = []
        at = next(order, None)
        for part in self.parts():
            there.update(self._names(part))
            held.append(part)
            size += len(part.frame)
            while at is not None and there[at] == rows_of[at]:
                done.append(at)
                at = next(order, None)
            if worth is not None and size > 2 * worthwhile and at is not None:
                joined = _joined(held)
                table = self.table(joined)
                held = [joined if table is None else _some(joined, worth(table))]
                size = worthwhile = len(held[0].frame)
            if done and (at is None or 2 * sum(rows_of[name] for name in done) > size):
                joined = _joined(held)
                mine = np.isin(self._names(joined), done)
                found, left = _some(joined, mine), _some(joined, ~mine)
                yield self.table(found), found
                held, size, worthwhile = [left._replace(refused=())], len(left.frame), 0
                done.clear()

    def table(self, part: Part) -> Table | None:
        """A part as a table; None if no row is well-formed."""
        if part.refused and not len(part.frame):
            return None
        return Table(self._path, self._text, self._numbers, frame=part, known=self._written)

    def parts(self) -> Iterator[Part]:
        """The rows in parts, at least one, regardless of their groups."""
        if self._frame is not None:
            frame = self._frame
            frame = frame.reset_index(drop=frame.index.name is None and frame.index.nlevels == 1)
            yield Part(frame, Dialect(), np.arange(1, len(frame) + 1), f"{self._path}: row ")
        elif self._path.suffix.lower() in JSON:
            wanted = [*self._text, *self._numbers]
            for rows in json_parts(self._path, self._text, wanted, self._writing.encoding, LARGEST):
                yield Part(rows.frame, Dialect(), rows.numbers, f"{self._path}:", rows.refused)
        elif self._path.suffix.lower() == ".parquet":
            columns = [*self._text, *self._numbers] if self._numbers else []
            read = 0
            for frame in parquet.parts(self._path, _CELLS, columns):
                numbers = np.arange(read + 1, read + len(frame) + 1)
                read += len(frame)
                yield Part(frame, Dialect(), numbers, f"{self._path}: row ")
        else:
            with opened_text(self._path, self._writing.encoding) as file:
                writing = self._writing._replace(separator=None, decimal=None)
                usual = self._writing.separator
                yield from self._delimited(Delimited(self._path, file, self._text, writing, self._numbers, usual))

    def _delimited(self, rows: Delimited) -> Iterator[Part]:
        content, numbers = io.StringIO(newline=""), array("q")
        refused: list[tuple[int, str, str]] = []
        size, any_before = 0, False
        for row in rows:
            if row.problem:
                refused.append((len(numbers), row.where, row.problem))
                continue
            if not numbers:
                content.write(_ended(rows.header_line))
            content.write(_ended(row.text))
            numbers.append(int(row.where.rpartition(":")[2]))
            size += len(row.text)
            if size >= LARGEST:
                yield self._part(rows, content.getvalue(), numbers, refused)
                content, numbers = io.StringIO(newline=""), array("q")
                refused, size, any_before = [], 0, True
        if numbers or refused or not any_before:
            yield self._part(rows, content.getvalue(), numbers, refused)

    def _part(
        self, rows: Delimited, content: str, numbers: array[int], refused: Sequence[tuple[int, str, str]]
    ) -> Part:
        """The rows, and the numbers of their lines."""
        frame = _frame(self._path, content or _ended(rows.header_line), rows.dialect, self._raw, len(numbers))
        return Part(frame, rows.dialect, np.array(numbers, dtype=np.int64), f"{self._path}:", refused)

    def _names(self, part: Part) -> NDArray[np.str_]:
        table = self.table(part) if self._name is not None else None
        if table is None:
            return np.full(len(part.frame), "", dtype=np.str_)
        return np.asarray(table.text_there(str(self._name)), dtype=np.str_)

    def _look(self, see: Callable[[Table], None]) -> dict[str, int]:
        """Number of rows per group, in the order of first appearance; also collects cells of times."""
        rows: dict[str, int] = {}
        for part in self.parts():
            table = self.table(part)
            if table is None:
                continue
            see(table)
            names = self._names(part)
            _, first, counts = np.unique(names, return_index=True, return_counts=True)
            for index in np.argsort(first):
                name = str(names[first[index]])
                rows[name] = rows.get(name, 0) + int(counts[index])
            table.numbers_there([column for column in self._numbers if table.cells(column).dtype.kind == "O"])
            if self._time is not None:
                self._keep(table.text_there(self._time))
        return rows

    def _keep(self, cells: pd.Series[str]) -> None:
        known = cells.iloc[:: max(1, len(cells) // _SAMPLED)].tolist()
        for pattern in _TELLING:
            matched = cells[cells.str.fullmatch(pattern)]
            known += matched.iloc[:1].tolist()
        self.known += [cell for cell in dict.fromkeys(known) if cell]


def _ended(line: str) -> str:
    return line if line.endswith(("\n", "\r")) else line + "\n"


def _frame(path: Path, content: str, dialect: Dialect, text: Sequence[str], rows: int) -> pd.DataFrame:
    """The part as when the whole table is read; parsed row by row if pandas counts other rows."""
    import pandas as pd

    try:
        frame = read_csv(path, content, dialect, text, lambda: None)
        if len(frame) == rows:
            return frame
    except DataError:
        pass
    cells = csv.reader(
        io.StringIO(content, newline=""), delimiter=dialect.separator, skipinitialspace=dialect.spaced, strict=True
    )
    header, *lines = [row for row in cells if row]
    return pd.DataFrame(lines, columns=[name.strip() for name in header], dtype=str)


def _joined(parts: Sequence[Part]) -> Part:
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    refused, rows = [], 0
    for part in parts:
        refused += [(rows + before, where, why) for before, where, why in part.refused]
        rows += len(part.frame)
    frame = pd.concat([part.frame for part in parts if len(part.frame)] or [parts[0].frame], ignore_index=True)
    return parts[0]._replace(frame=frame, numbers=np.concatenate([part.numbers for part in parts]), refused=refused)


def _some(part: Part, mask: NDArray[np.bool_]) -> Part:
    """Some rows of a part; refused rows keep their position among them."""
    behind = np.concatenate([[0], np.cumsum(mask)])
    refused = [(int(behind[before]), where, why) for before, where, why in part.refused]
    return part._replace(frame=part.frame[mask].reset_index(drop=True), numbers=part.numbers[mask], refused=refused)
