"""Numeric tables: CSV and Parquet through pandas, with the line of any cell at fault.

Reading is fast where the table is sound; one that is not is read a second time, row by row, to name the
place.
"""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.columns import check_columns
from tuner.adapters.dialect import Dialect, Writing, recognize
from tuner.adapters.files import read_text
from tuner.adapters.parquet import read_parquet
from tuner.adapters.table import Row, advice_on_name, delimited_rows
from tuner.adapters.time_series.numbers import advice_on
from tuner.adapters.time_series.time_column import Column
from tuner.adapters.time_series.times import AUTO, Times, read_times, read_times_there
from tuner.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".parquet")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?![\d.,])")
_CONVERTED = (
    """Write it as Parquet: python -c "import pandas as p; p.read_feather('{path}').to_parquet('{stem}.parquet')\""""
)
_ENDINGS = {
    ".gz": "Unpack it: gunzip {path}",
    ".bz2": "Unpack it: bunzip2 {path}",
    ".xz": "Unpack it: unxz {path}",
    ".zip": "Unpack it: unzip {path}",
    **dict.fromkeys((".feather", ".arrow", ".ipc"), _CONVERTED),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "Save the sheet as CSV in the program that it is from."),
}
"""Endings of other files that hold tables, and what makes one of the known ones of them."""


def advice_on_ending(path: Path) -> str:
    """What to do with a file whose ending is not known."""
    known = _ENDINGS.get(path.suffix.lower(), "Convert the file, or rename it if it is one of these.")
    return known.format(path=path, stem=path.with_suffix(""))


class Part(NamedTuple):
    """Some rows of a table.

    Args:
        frame: The rows.
        dialect: How the file is written.
        numbers: The number of each row in the file, from 1: of its line, or of it among the rows.
        before: What stands before the number where a place is told.
        refused: Rows that are none: how many of these rows stand before it, its place, and why.
    """

    frame: pd.DataFrame
    dialect: Dialect
    numbers: NDArray[np.int64]
    before: str
    refused: Sequence[tuple[int, str, str]] = ()

    def place(self, row: int) -> str:
        """Where a row is."""
        return f"{self.before}{self.numbers[row]}"


class Table:
    """A table of at least one row.

    Args:
        path: A .csv or .tsv file with a header line, or a .parquet file.
        text: Columns kept as they are written (labels, names, times); they must be there.
        wanted: Further columns that must be there, by which the separator is recognized.
        writing: What options say of how the file is written.
        frame: The table itself, where there is no file, or a part of one; `path` is then what messages call it.

    Raises:
        DataError: The file is missing, damaged or empty, or lacks a column.
    """

    def __init__(
        self,
        path: Path,
        text: Sequence[str],
        wanted: Sequence[str] = (),
        writing: Writing = Writing(),  # noqa: B008
        frame: pd.DataFrame | Part | None = None,
    ) -> None:
        self.path = path
        self._part = frame if isinstance(frame, Part) else None
        frame = frame.frame if isinstance(frame, Part) else frame
        self._parquet = frame is not None or path.suffix.lower() == ".parquet"
        self._text, self.dialect, self._plain = "", Dialect(), False
        self._frame: Any
        if frame is not None:
            self._frame = frame.reset_index(drop=frame.index.name is None and frame.index.nlevels == 1)
            check_columns([str(name) for name in self._frame.columns], str(path))
        elif self._parquet:
            self._frame = read_parquet(path)
        else:
            self._text, self.dialect = recognize(
                read_text(path, writing.encoding),
                path,
                separator=writing.separator,
                decimal=writing.decimal,
                wanted=(*text, *wanted),
            )
            self._frame = read_csv(path, self._text, self.dialect, text, self._refuse_rows)
            self._plain = self._text.rstrip().count("\n") == len(self._frame)
        if self._part is not None:
            self.dialect = self._part.dialect
        self.columns: list[str] = [str(name) for name in self._frame.columns]
        self._frame.columns = self.columns
        self._known = set(self.columns)
        for name in text:
            self._check_column(name)
        if not len(self._frame):
            raise DataError("the table must have rows", value=0, fix="Add data below the header.", where=str(path))

    @property
    def notices(self) -> list[str]:
        """What was guessed of how the file is written."""
        return self.dialect.notices(self.path)

    def __len__(self) -> int:
        return len(self._frame)

    def cells(self, name: str) -> pd.Series[Any]:
        """A column as it was read."""
        self._check_column(name)
        column: pd.Series[Any] = self._frame[name]
        return column

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

    def numbers(self, names: Sequence[str], option: str = "data.channels") -> NDArray[np.float64]:
        """The cells of numeric columns, all finite: (rows, columns).

        Args:
            names: The columns.
            option: The option that names them.

        Raises:
            DataError: A column is missing; a cell is not a finite number.
        """
        for name in names:
            self._check_column(name)
        values = np.empty((len(self), len(names)))
        for index, name in enumerate(names):
            column = self._frame[name]
            if column.dtype.kind not in "iufb":
                self._refuse_cell(name, option)
            values[:, index] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, index = bad[0]
            _refuse(self, names[index], values[row, index].item(), row, option)
        return values

    def numbers_there(self, names: Sequence[str]) -> NDArray[np.float64]:
        """The same, but NaN where a cell is no finite number.

        Raises:
            DataError: A column is missing.
        """
        for name in names:
            self._check_column(name)
        wanted = self._frame[list(names)]  # at once: one by one, many columns take long
        others = [name for name, dtype in wanted.dtypes.items() if dtype.kind not in "iufb"]
        if others:
            wanted = wanted.assign(**{name: _numbers_in(wanted[name], self.dialect.decimal) for name in others})
        values = wanted.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)

    def times(self, name: str, form: str = AUTO) -> Times:
        """The cells of a time column; see `read_times`. What a Parquet file has as times is taken as it is.

        Raises:
            DataError: A cell is no time of that form.
        """
        import pandas as pd

        if (plain := _dates(self._frame[name])) is not None:
            self.text(name)  # refuses what is empty
            return Times(plain)
        return read_times(
            Column(name, _time_cells(self._frame[name], pd.Series(self.text(name)), self.dialect), self.place), form
        )

    def times_there(self, name: str, form: str = AUTO, known: Sequence[str] = ()) -> tuple[Times, dict[int, str]]:
        """The same, and by their rows why cells are no times; see `read_times_there`.

        Raises:
            DataError: Most cells are none, or all are to be read otherwise.
        """
        if (plain := _dates(self._frame[name])) is not None:
            missing = np.flatnonzero(np.isnat(plain))
            return Times(plain), dict.fromkeys(missing.tolist(), f"{name} must not be empty")
        return read_times_there(
            Column(name, _time_cells(self._frame[name], self.text_there(name), self.dialect), self.place), form, known
        )

    def text_there(self, name: str) -> pd.Series[str]:
        """The cells of a text column, without blanks around them; "" where there is nothing."""
        column = self.cells(name)
        return column.astype(str).str.strip().where(column.notna(), "")

    def places(self) -> list[str]:
        """Where each row is: "file:line"; the rows of a Parquet file are counted from 1."""
        if self._part is not None:
            return [self._part.place(row) for row in range(len(self))]
        if self._parquet:
            return [f"{self.path}: row {row + 1}" for row in range(len(self))]
        if self._plain:
            return [f"{self.path}:{row + 2}" for row in range(len(self))]
        return [row.where for row in self._rows()]

    def place(self, row: int) -> str:
        """Where one row, counted from 0, is."""
        return self.places()[row] if self._part is None else self._part.place(row)

    def _rows(self) -> Iterator[Row]:
        """Row by row, which names the first damaged one."""
        more = "If other characters part cells, name them in data.separator."
        return delimited_rows(self.path, self._text, self.dialect, more=more)

    def _check_column(self, name: str) -> None:
        if name not in self._known:
            fix = nearest(name, self.columns) if self._parquet else advice_on_name(name, self.columns)
            if len(self.columns) == 1 and not self._parquet:
                fix += " Cells must be parted by , ; | or tabs; data.separator says by which."
            raise DataError(f"there must be a column {name!r}", fix=fix, where=str(self.path))

    def _refuse_cell(self, name: str, option: str) -> NoReturn:
        """Refuse the first cell of a column that is not a number."""
        self._refuse_rows()
        for row, cell in enumerate(self._frame[name].astype(str)):
            try:
                sound = math.isfinite(float(cell.replace(",", ".") if self.dialect.decimal == "," else cell))
            except ValueError:
                sound = False
            if not sound or (self.dialect.decimal == "," and "." in cell):
                _refuse(self, name, cell, row, option)
        raise DataError(f"{name} must hold numbers", value=str(self._frame[name].dtype), where=str(self.path))

    def _refuse_rows(self) -> None:
        """Refuse the first row that is too short: pandas fills it with empty cells."""
        if not self._parquet:
            for _ in self._rows():
                pass


def _refuse(table: Table, name: str, cell: object, row: int, option: str) -> NoReturn:
    fix = "Fill the gap or delete the row"
    if _DATE.match(str(cell)) and option == "data.targets":
        fix = f"If it holds times, set data.time to {name}"
    fix = (advice_on(str(cell), table.dialect.decimal) or fix).removesuffix(".")
    raise DataError(
        f"{name} must be a finite number",
        value=cell,
        fix=f"{fix}; to leave a column out, name the others in {option}.",
        where=table.place(row),
    )


def _dates(column: pd.Series[Any]) -> NDArray[np.generic] | None:
    """What is held as times, in UTC; None where it is not."""
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if column.dtype.kind not in "mM":
        return None
    if column.dtype.kind == "m":
        column = pd.Timestamp(0) + column
    return np.asarray(column.dt.tz_convert(None) if column.dt.tz else column)


def _time_cells(column: pd.Series[Any], cells: pd.Series[str], dialect: Dialect) -> pd.Series[str]:
    """The cells of a column of times as they are read: numbers as they were written."""
    if column.dtype.kind == "f":
        cells = cells.str.replace(r"\.0$", "", regex=True)  # whole numbers beside empty cells, as pandas keeps them
    if dialect.decimal == ",":
        cells = cells.str.replace(r"^([-+]?\d+),(\d+)$", r"\1.\2", regex=True)
    return cells


def _numbers_in(column: pd.Series[Any], decimal: str) -> pd.Series[float]:
    """The numbers of a column of text; NaN where there is none."""
    import pandas as pd

    cells = column.astype(str).str.strip()
    if decimal == ",":
        cells = cells.str.replace(".", "?", regex=False).str.replace(",", ".", regex=False)
    return pd.to_numeric(cells, errors="coerce")


def read_csv(
    path: Path, content: str, dialect: Dialect, text: Sequence[str], refuse_rows: Callable[[], None]
) -> pd.DataFrame:
    """The table by pandas; the columns of `text` are kept as they are written."""
    import pandas as pd

    lines = csv.reader(io.StringIO(content, newline=""), delimiter=dialect.separator, skipinitialspace=dialect.spaced)
    names = [name.strip() for name in next((row for row in lines if row), [])]
    if names.count("") > 1:  # separators at the ends of lines
        names = [name or f"Unnamed: {index}" for index, name in enumerate(names)]
    if not names:
        raise DataError(
            "the table must have a header line and rows",
            value="an empty file",
            fix="Add data.",
            where=str(path),
        )
    check_columns(names, f"{path}:1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(content),
                sep=dialect.separator,
                decimal=dialect.decimal,
                header=0,
                names=names,
                index_col=False,
                dtype={name: str for name in text if name in names},
                keep_default_na=False,
                low_memory=False,
                skipinitialspace=dialect.spaced,
            )
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        refuse_rows()
        raise DataError("the table must be well-formed CSV", value=str(error), where=str(path)) from error
