"""Tables in parts, for models in use: memory for the rows at work, and what is no row is told in its place."""

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
from tuner.adapters.time_series.table import Part, Table, read_csv
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1 << 22
"""Characters of a CSV file that are a part."""
_CELLS = 1 << 19
"""Cells of a Parquet file that are a part."""
_SAMPLED = 8
"""Cells of a part that are kept to tell how times are written."""
_TELLING = (re.compile(r"(1[3-9]|2\d|3[01])\D.*"), re.compile(r"\d{1,2}\D(1[3-9]|2\d|3[01])\D.*"))
"""Dates that tell day and month apart."""


class Sections:
    """A table as some tables one after the other, each with whole groups, by their first appearance.

    A group that has all its rows in one place of the file takes memory only then; rows of mixed groups are held until
    the last row of each.

    Args:
        path: The file; without one what messages call the table.
        text: Columns kept as they are written.
        numbers: Further columns that must be there; none for all.
        writing: What options say of how the file is written.
        frame: The table itself, where there is no file.
        name: Column that tells groups apart; None: all rows are one group.
        time: Column of times, of which a few cells are kept as `known`.
    """

    def __init__(
        self,
        path: Path,
        text: Sequence[str],
        numbers: Sequence[str],
        writing: Writing,
        frame: pd.DataFrame | None = None,
        *,
        name: str | None = None,
        time: str | None = None,
    ) -> None:
        self._path, self._text, self._numbers, self._writing, self._frame = path, text, numbers, writing, frame
        self._name, self._time = name, time
        self.known: list[str] = []
        """Cells of times from all of the file, where it has several parts."""

    def tables(self, worth: Callable[[Table], NDArray[np.bool_]] | None = None) -> Iterator[tuple[Table | None, Part]]:
        """The tables, and what they are made of; None where all that is there is no row.

        Args:
            worth: Which rows of a table are to be held, where not all are.

        Raises:
            DataError: The file is missing or damaged, has no rows, or lacks a column.
        """
        parts = self.parts()
        first = next(parts)
        second = next(parts, None)
        if second is None:
            yield self.table(first), first
            return
        del first, second, parts
        rows_of = self._look()
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
        """A part as a table; None where all that is there is no row."""
        if part.refused and not len(part.frame):
            return None
        return Table(self._path, self._text, self._numbers, frame=part)

    def parts(self) -> Iterator[Part]:
        """Rows after rows, a part at least, whatever groups they are of."""
        if self._frame is not None:
            frame = self._frame
            frame = frame.reset_index(drop=frame.index.name is None and frame.index.nlevels == 1)
            yield Part(frame, Dialect(), np.arange(1, len(frame) + 1), f"{self._path}: row ")
        elif self._path.suffix.lower() == ".parquet":
            columns = [*self._text, *self._numbers] if self._numbers else []
            read = 0
            for frame in parquet.parts(self._path, _CELLS, columns):
                numbers = np.arange(read + 1, read + len(frame) + 1)
                read += len(frame)
                yield Part(frame, Dialect(), numbers, f"{self._path}: row ")
        else:
            with opened_text(self._path, self._writing.encoding) as file:
                yield from self._delimited(Delimited(self._path, file, self._text, self._writing, wanted=self._numbers))

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
        """Rows, and the numbers of their lines."""
        frame = _frame(self._path, content or _ended(rows.header_line), rows.dialect, self._text, len(numbers))
        return Part(frame, rows.dialect, np.array(numbers, dtype=np.int64), f"{self._path}:", refused)

    def _names(self, part: Part) -> NDArray[np.str_]:
        table = self.table(part) if self._name is not None else None
        if table is None:
            return np.full(len(part.frame), "", dtype=np.str_)
        return np.asarray(table.text_there(str(self._name)), dtype=np.str_)

    def _look(self) -> dict[str, int]:
        """How many rows each group has, by first appearance; on the way cells of times are kept."""
        rows: dict[str, int] = {}
        for part in self.parts():
            table = self.table(part)
            if table is None:
                continue
            names = self._names(part)
            _, first, counts = np.unique(names, return_index=True, return_counts=True)
            for index in np.argsort(first):
                name = str(names[first[index]])
                rows[name] = rows.get(name, 0) + int(counts[index])
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
    """As a table that is read whole; as text cell by cell where pandas counts the rows otherwise."""
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
    """Some of its rows; what was refused stays behind those that stood before it."""
    behind = np.concatenate([[0], np.cumsum(mask)])
    refused = [(int(behind[before]), where, why) for before, where, why in part.refused]
    return part._replace(frame=part.frame[mask].reset_index(drop=True), numbers=part.numbers[mask], refused=refused)
