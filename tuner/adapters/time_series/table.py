"""Numeric tables: CSV and Parquet through pandas, with the line of any cell at fault.

Reading is fast where the table is sound; one that is not is read a second time, row by row, to name the
place.
"""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.files import read_text
from tuner.adapters.table import read_rows
from tuner.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".parquet")


class Groups(NamedTuple):
    """Rows by group: group g has the rows `order[starts[g] : starts[g + 1]]`; `times` go with `order`."""

    names: list[str]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    times: NDArray[np.generic]


class Table:
    """A table of at least one row.

    Args:
        path: A .csv or .tsv file with a header line, or a .parquet file.
        text: Columns kept as they are written (labels, names, times); they must be there.

    Raises:
        DataError: The file is missing, damaged or empty, or lacks a column.
    """

    def __init__(self, path: Path, text: Sequence[str]) -> None:
        self.path = path
        self._parquet = path.suffix.lower() == ".parquet"
        self._frame: Any
        self._frame, self._plain = (_read_parquet(path), False) if self._parquet else _read_csv(path, text)
        self.columns: list[str] = [str(name) for name in self._frame.columns]
        self._frame.columns = self.columns
        for name in text:
            self._check_column(name)
        if not len(self._frame):
            raise DataError("the table must have rows", value=0, fix="Add data below the header.", where=str(path))

    def __len__(self) -> int:
        return len(self._frame)

    def text(self, name: str) -> NDArray[np.str_]:
        """The cells of a text column, none of them empty.

        Raises:
            DataError: A cell is empty.
        """
        column = self._frame[name]
        cells = column.astype(str).str.strip()
        empty = np.flatnonzero(column.isna().to_numpy() | (cells == "").to_numpy())
        if len(empty):
            self._refuse_rows()
            raise DataError(
                f"{name} must not be empty", fix="Fill it in, or delete the row.", where=self.place(empty[0])
            )
        return np.asarray(cells, dtype=np.str_)

    def numbers(self, names: Sequence[str]) -> NDArray[np.float64]:
        """The cells of numeric columns, all finite: (rows, columns).

        Raises:
            DataError: A column is missing; a cell is not a finite number.
        """
        for name in names:
            self._check_column(name)
        values = np.empty((len(self), len(names)))
        for index, name in enumerate(names):
            column = self._frame[name]
            if column.dtype.kind not in "iufb":
                self._refuse_cell(name)
            values[:, index] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, index = bad[0]
            self._refuse(names[index], values[row, index].item(), row)
        return values

    def times(self, name: str, form: str) -> NDArray[np.generic]:
        """The cells of a time column: float64 when all are numbers, else datetime64[us].

        Raises:
            DataError: A cell is neither a number nor a date of that form.
        """
        import pandas as pd

        cells = pd.Series(self.text(name))
        numbers = np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)
        if np.isfinite(numbers).all():
            return numbers
        try:
            dates = pd.to_datetime(cells, format=form, errors="coerce", utc=True)
        except ValueError as error:
            raise DataError(
                "data.time_format must be ISO8601 or a pattern such as %d.%m.%Y",
                value=form,
                fix=f"It is no pattern: {error}.",
                key=("data", "time_format"),
            ) from error
        bad = np.flatnonzero(dates.isna().to_numpy())
        if len(bad):
            raise DataError(
                f"{name} must be a number or a date written as {form}",
                value=str(cells.iloc[bad[0]]),
                fix="Mend the cell, or say how dates are written in data.time_format.",
                where=self.place(bad[0]),
            )
        return np.asarray(dates.dt.tz_localize(None), dtype="datetime64[us]")

    def groups(self, name: str | None, time: str | None, form: str) -> Groups:
        """The rows of each group (an item, a series), in order of time.

        Args:
            name: Text column whose cells tell the groups apart; None: all rows are one.
            time: Column that orders a group's rows; None keeps the order of the rows.
            form: How dates are written.

        Raises:
            DataError: A group has one time twice.
        """
        names = self.text(name) if name else np.full(len(self), "")
        labels, first, number = np.unique(names, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))  # groups by first appearance
        number = rank[number]
        times = self.times(time, form) if time else np.arange(len(self))
        order = np.lexsort((times, number))
        number, times = number[order], times[order]
        twice = np.flatnonzero((number[1:] == number[:-1]) & (times[1:] == times[:-1]))
        if len(twice):
            row = order[twice[0] + 1]
            raise DataError(
                f"{time} must differ from row to row" + (f" within one {name}" if name else ""),
                value=str(self._frame[time].iloc[row]),
                fix="Delete the repeated row" + ("." if name else ", or name the column that tells series apart."),
                where=self.place(row),
            )
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        return Groups(labels[np.argsort(rank)].tolist(), order, starts, times)

    def places(self) -> list[str]:
        """Where each row is: "file:line"; the rows of a Parquet file are counted from 1."""
        if self._parquet:
            return [f"{self.path}: row {row + 1}" for row in range(len(self))]
        if self._plain:
            return [f"{self.path}:{row + 2}" for row in range(len(self))]
        return [row.where for row in read_rows(self.path, "csv", ())]

    def place(self, row: int) -> str:
        """Where one row, counted from 0, is."""
        return self.places()[row]

    def _check_column(self, name: str) -> None:
        if name not in self.columns:
            raise DataError(f"there must be a column {name!r}", fix=nearest(name, self.columns), where=str(self.path))

    def _refuse_cell(self, name: str) -> None:
        """Refuse the first cell of a column that is not a number."""
        self._refuse_rows()
        for row, cell in enumerate(self._frame[name].astype(str)):
            try:
                sound = math.isfinite(float(cell))
            except ValueError:
                sound = False
            if not sound:
                self._refuse(name, cell, row)
        raise DataError(f"{name} must hold numbers", value=str(self._frame[name].dtype), where=str(self.path))

    def _refuse_rows(self) -> None:
        """Refuse the first row that is too short: pandas fills it with empty cells."""
        if not self._parquet:
            _refuse_rows(self.path)

    def _refuse(self, name: str, cell: object, row: int) -> None:
        raise DataError(
            f"{name} must be a finite number",
            value=cell,
            fix="Fill the gap or delete the row; to leave a column out, name the others.",
            where=self.place(row),
        )


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError("the file must be readable Parquet", value=str(error), where=str(path)) from error
    return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()  # often the time


def _read_csv(path: Path, text: Sequence[str]) -> tuple[pd.DataFrame, bool]:
    """The table, and whether row n stands on line n + 2: no blank lines, no cells that span lines."""
    import pandas as pd

    content = read_text(path)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    header = next((row for row in csv.reader(io.StringIO(content), delimiter=delimiter) if row), [])
    names = [name.strip() for name in header]
    if not names:
        raise DataError(
            "the table must have a header line and rows",
            value="an empty file",
            fix="Add data.",
            where=str(path),
        )
    for name in names:
        if names.count(name) > 1:
            raise DataError("column names must differ", value=name, fix="Rename one.", where=f"{path}:1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(content),
                sep=delimiter,
                header=0,
                names=names,
                index_col=False,
                dtype={name: str for name in text if name in names},
                keep_default_na=False,
                low_memory=False,
            )
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        _refuse_rows(path)
        raise DataError("the table must be well-formed CSV", value=str(error), where=str(path)) from error
    return frame, content.rstrip().count("\n") == len(frame)


def _refuse_rows(path: Path) -> None:
    """Read row by row, which names the first damaged one."""
    for _ in read_rows(path, "csv", ()):
        pass
