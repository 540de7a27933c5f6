"""The first rows of a table, and properties of its columns."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tuner.adapters.dialect import LONGEST_CELL, Decimal, Dialect, recognize
from tuner.adapters.missing import WORDS
from tuner.adapters.numbers import Cells, read
from tuner.adapters.parquet import first_rows
from tuner.adapters.table import Form, json_object
from tuner.errors import DataError

MOST_ROWS = 20_000
MOST_COLUMNS = 20_000
_NEARLY_ALL = 0.1
"""Share of different cells that may be no numbers where a column was meant to hold some."""


@dataclass(frozen=True)
class GlimpsedColumn:
    """The first cells of a column.

    Args:
        name: Name of the column.
        cells: As they are written, without blanks around them; empty for missing values.
        decimal: The decimal mark.
        timed: Whether the file's types say that it holds times.
        beside: The decimal mark that other columns show, for cells such as 1,003.
        lists: Of JSON lines: its values, if all are lists of texts; its cells are empty then.
    """

    name: str
    cells: tuple[str, ...]
    decimal: Decimal = "."
    timed: bool = False
    beside: Decimal | None = None
    lists: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value occurs, without empty cells; without words for missing values among numbers, too."""
        counts = Counter(cell for cell in self.cells if cell and cell.lower() != "nan")
        values = Counter({cell: count for cell, count in counts.items() if cell not in WORDS})
        return values if not self.timed and values and self._are_numbers(tuple(values)) else counts

    @property
    def empty(self) -> int:
        """Number of cells without a value."""
        return len(self.cells) - self.counts.total()

    @cached_property
    def is_number(self) -> bool:
        """Whether every cell that is not empty holds a finite number, however it is written."""
        return not self.timed and bool(self.counts) and self._are_numbers(tuple(self.counts))

    @cached_property
    def is_whole(self) -> bool:
        """Whether every cell that is not empty holds a whole number."""
        return self.is_number and all(re.fullmatch(r"[-+]?\d+(\.0)?", cell) for cell in self.counts)

    @cached_property
    def written(self) -> Cells | None:
        """The different cells as numbers that are not plain; None where they are plain, or are no numbers."""
        plain = not self.is_number or all(map(self._finite, self.counts))
        return None if plain else read(tuple(self.counts), whole=True)

    @cached_property
    def shown(self) -> Decimal | None:
        """The decimal mark that the cells show; None if they show none, or are no numbers."""
        if self.written is not None:
            return self.written.shown
        fractions = self.is_number and any(re.fullmatch(r"[-+]?\d*[.,]\d+", cell) for cell in self.counts)
        return self.decimal if fractions else None

    @property
    def in_doubt(self) -> str:
        """A cell that may be one of two numbers, 1,003, where nothing tells which; empty if there is none."""
        cells = self.written
        if cells is None or cells.shown or self.beside or not cells.doubtful.any():
            return ""
        return cells.words[int(cells.doubtful.argmax())]

    @cached_property
    def odd(self) -> str:
        """The first cell that is no number where nearly all others are; empty elsewhere."""
        words = [cell for cell in self.counts if cell not in WORDS]
        if self.timed or not words or self.is_number:
            return ""
        cells = read(words)
        assert cells is not None
        wrong = ~np.isfinite(cells.values(cells.written(cells.shown or self.beside or ".")))
        return words[int(wrong.argmax())] if wrong.mean() <= _NEARLY_ALL else ""

    def _are_numbers(self, words: tuple[str, ...]) -> bool:
        if all(map(self._finite, words)):
            return True
        cells = read(words, whole=True)
        if cells is None:
            return False
        values = cells.values(cells.written(cells.shown or self.beside or "."))
        return bool(np.isfinite(values[~cells.missing]).all())

    @cached_property
    def words(self) -> float:
        """Mean number of words in a cell that is not empty."""
        total = sum(len(cell.split()) * count for cell, count in self.counts.items())
        return total / max(self.counts.total(), 1)

    def _finite(self, cell: str) -> bool:
        if self.decimal == ",":
            if "." in cell:
                return False
            cell = cell.replace(",", ".")
        try:
            return math.isfinite(float(cell)) and "_" not in cell
        except ValueError:
            return False


@dataclass(frozen=True)
class GlimpsedTable:
    """The first rows of a table.

    Args:
        columns: In their order; names differ.
        rows: Number of rows that were read.
        form: Format of the file.
        dialect: Dialect of delimited text.
        headed: Whether the first line looks like a header rather than a row.
        whole: Whether these are all rows of the file.
    """

    columns: tuple[GlimpsedColumn, ...]
    rows: int
    form: Form | None
    dialect: Dialect
    headed: bool = True
    whole: bool = True

    def column(self, name: str) -> GlimpsedColumn | None:
        """The column of that name; None if there is none."""
        return next((column for column in self.columns if column.name == name), None)


def glimpsed_text(path: Path, text: str, form: Form) -> GlimpsedTable | None:
    """The first rows of delimited text or JSON lines; None if there are no columns.

    Args:
        path: The file.
        text: Its beginning, in whole lines.
        form: Format of the file.
    """
    if form == "jsonl":
        return _objects(text)
    text, dialect = recognize(text, path)
    rows = _rows(text, dialect)
    if not rows:
        return None
    names = [name.strip() for name in rows[0]]
    even = [row for row in rows[1:] if len(row) == len(names)]
    if len(set(names)) < len(names) or len(names) > MOST_COLUMNS or not even:
        return None
    columns = _together(
        GlimpsedColumn(name, tuple(row[index].strip() for row in even), dialect.decimal)
        for index, name in enumerate(names)
    )
    return GlimpsedTable(columns, len(even), "csv", dialect, _is_header(columns), len(rows) <= MOST_ROWS)


def glimpsed_parquet(path: Path) -> GlimpsedTable:
    """The first rows of a Parquet file.

    Raises:
        DataError: It is damaged.
    """
    frame, whole = first_rows(path, MOST_ROWS)
    columns = []
    for name in frame.columns[:MOST_COLUMNS]:
        cells = frame[name]
        texts = tuple("" if gone else str(cell).strip() for cell, gone in zip(cells, cells.isna(), strict=True))
        columns.append(GlimpsedColumn(name, texts, timed=cells.dtype.kind in "mM"))
    return GlimpsedTable(_together(columns), len(frame), None, Dialect(), whole=whole)


def _together(columns: Iterable[GlimpsedColumn]) -> tuple[GlimpsedColumn, ...]:
    """The columns, each with what the others show of the decimal mark."""
    found = tuple(columns)
    if not any(column.in_doubt for column in found):
        return found
    marks = {column.shown for column in found if column.written} - {None}
    marks = marks or {column.shown for column in found} - {None}
    mark = marks.pop() if len(marks) == 1 else None
    return tuple(replace(column, beside=mark) if column.in_doubt else column for column in found)


def _rows(text: str, dialect: Dialect) -> list[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    rows: list[list[str]] = []
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.separator, skipinitialspace=dialect.spaced)
    try:
        for row in lines:
            if row:
                rows.append(row)
            if len(rows) > MOST_ROWS:
                break
    except csv.Error:
        return rows  # the reader of the whole file will name the line
    return rows


def _objects(text: str) -> GlimpsedTable | None:
    cells: dict[str, list[str]] = {}
    lists: dict[str, list[tuple[str, ...]]] = {}
    rows = 0
    for line in filter(str.strip, text.split("\n")):
        if rows == MOST_ROWS:
            break
        try:
            row = json_object(line, "")
        except DataError:
            break  # the reader of the whole file will name the line
        for name in row:
            cells.setdefault(str(name), [""] * rows)
        for name, column in cells.items():
            value = row.get(name)
            column.append("" if value is None or isinstance(value, list) else str(value).strip())
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                lists.setdefault(name, []).append(tuple(value))
        rows += 1
    if not rows:
        return None
    whole = {name: tuple(values) for name, values in lists.items() if len(values) == rows}
    columns = _together(GlimpsedColumn(name, tuple(each), lists=whole.get(name, ())) for name, each in cells.items())
    return GlimpsedTable(columns, rows, "jsonl", Dialect())


def _is_header(columns: Sequence[GlimpsedColumn]) -> bool:
    """False if a name is a number in a column of numbers, or if all names also occur among the cells."""
    numbers = [column for column in columns if column.is_number]
    if numbers and all(re.fullmatch(r"[-+]?\d*[.,]\d+(e[-+]?\d+)?", column.name.lower()) for column in numbers):
        return False
    return not any(column.counts[column.name] > 1 for column in columns if column.name)
