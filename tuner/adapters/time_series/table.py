"""Numeric tables: CSV and Parquet through pandas, with the line of any erroneous cell.

Valid tables are read fast, large ones in parts; an invalid one is read a second time, row by row, to find the place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.columns import check_columns
from tuner.adapters.dialect import Dialect, Writing, without_separator_line
from tuner.adapters.files import read_text
from tuner.adapters.lines import Delimited, opened_text
from tuner.adapters.numbers import Refused
from tuner.adapters.parquet import read_parquet
from tuner.adapters.table import Row, advice_on_name
from tuner.adapters.time_series.delimited import Columns, read_delimited, rows_of
from tuner.adapters.time_series.json_lines import SUFFIXES as JSON
from tuner.adapters.time_series.json_lines import read_json_lines
from tuner.adapters.time_series.time_column import CellError, Column
from tuner.adapters.time_series.times import AUTO, Times, read_times, read_times_there
from tuner.adapters.time_series.written import Known, coded, stripped, written_in
from tuner.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".parquet", *JSON)
DROP = "data.drop"
"""The option that leaves a column out that no option names."""
_LARGEST = float(np.finfo(np.float32).max)
_TOO_LARGE = Refused("must be small enough for 32 bits", "Correct the cell, or use another unit")
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
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "Save the sheet as CSV in its spreadsheet program."),
}
"""Endings of other table files, and how to convert them."""


def advice_on_ending(path: Path) -> str:
    """The fix for a file with an unknown ending."""
    known = _ENDINGS.get(path.suffix.lower(), "Convert the file, or rename it if it is one of these.")
    return known.format(path=path, stem=path.with_suffix(""))


class Part(NamedTuple):
    """Some rows of a table.

    Args:
        frame: The rows.
        dialect: Separator and decimal mark of the file.
        numbers: The number of each row in the file, from 1: that of its line, or among the rows.
        before: Text before the number in a place.
        refused: Malformed rows: the number of these rows before it, its place, and the reason.
    """

    frame: pd.DataFrame
    dialect: Dialect
    numbers: NDArray[np.int64]
    before: str
    refused: Sequence[tuple[int, str, str]] = ()

    def place(self, row: int) -> str:
        """The place of a row."""
        return f"{self.before}{self.numbers[row]}"


class Table:
    """A table of at least one row.

    Args:
        path: A .csv or .tsv file with a header line, a .parquet file, or JSON lines.
        text: Required columns that are read as text (labels, names, times).
        wanted: Further required columns, by which the separator is recognized.
        writing: The options of its format.
        frame: The table itself, or a part of one, if there is no file; `path` is then its name in messages.
        known: What is known of its numbers from the table of training.

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
        known: Known = Known(),  # noqa: B008
    ) -> None:
        self.path, self._writing = path, writing
        if frame is None and path.suffix.lower() in JSON:
            rows = read_json_lines(path, text, writing.encoding)
            frame = Part(rows.frame, Dialect(), rows.numbers, f"{path}:")
        self._part = frame if isinstance(frame, Part) else None
        self._parquet = frame is not None or path.suffix.lower() == ".parquet"
        self._frame: Any
        self._frame, self.dialect, self._plain = _columns(path, text, wanted, writing, frame)
        last = self._frame.iloc[:, -1] if not self._parquet else None
        if last is not None and last.isna().any() and _any_damaged(path, writing, text, list(self._frame.columns)):
            self._refuse_rows()
        self.columns: list[str] = [str(name) for name in self._frame.columns]
        self._frame.columns = self.columns
        self._known = set(self.columns)
        for name in text:
            self._check_column(name)
        if not len(self._frame):
            raise DataError("the table must have rows", value=0, fix="Add data below the header.", where=str(path))
        self.written = written_in(self._frame, text, known._replace(asked=writing.decimal), self.dialect.decimal)

    @property
    def notices(self) -> list[str]:
        """Sentences on what was guessed of the file's format, and of the numbers that were asked for."""
        return [*self.dialect.notices(self.path), *self.written.notices(self.path.name)]

    def __len__(self) -> int:
        return len(self._frame)

    def cells(self, name: str) -> pd.Series[Any]:
        """A column: numbers where all of its cells are some, however they are written, else as read."""
        self._check_column(name)
        if self._frame[name].dtype.kind == "O" and (values := self.written.numbers(name)) is not None:
            self._frame[name] = values
        column: pd.Series[Any] = self._frame[name]
        return column

    def text(self, name: str) -> NDArray[np.str_]:
        """The cells of a text column, none of them empty.

        Raises:
            DataError: A cell is empty.
        """
        codes, words = self.coded(name)
        return np.asarray(words, dtype=np.str_)[codes]

    def coded(self, name: str) -> tuple[NDArray[np.int32], list[str]]:
        """The same as a code per row, and the words that the codes stand for, by first appearance.

        Raises:
            DataError: A cell is empty.
        """
        codes, words = coded(self._frame[name])
        if "" in words:
            self._refuse_empty(name, int(np.argmax(codes == words.index(""))))
        return codes, words

    def _refuse_empty(self, name: str, row: int) -> NoReturn:
        self._refuse_rows()
        raise DataError(f"{name} must not be empty", fix="Fill it in, or delete the row.", where=self.place(row))

    def numbers(
        self, names: Sequence[str], option: str = DROP, *, missing: bool = False, timed: bool = False
    ) -> NDArray[np.float64]:
        """The cells of numeric columns, finite in 32 bits, (rows, columns); NaN where they may be missing.

        An error names the option that has named them, else that which leaves one out, and data.time if it may be meant.

        Raises:
            DataError: A column is missing; a cell is not a finite number, or too large for a network.
        """
        values = np.empty((len(self), len(names)))
        for index, name in enumerate(names):
            column = self.cells(name)
            self.written.used[name] = None
            if column.dtype.kind not in "iufb":
                self._refuse_cell(name, option, timed=timed)
            values[:, index] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = (values > _LARGEST) | (values < -_LARGEST)
        bad = np.argwhere(wrong if missing else wrong | np.isnan(values))
        if len(bad):
            row, index = bad[0]
            cell = values[row, index].item()
            _refuse(self, names[index], cell, row, option, _TOO_LARGE if math.isfinite(cell) else Refused())
        return values

    def numbers_there(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Like `numbers`, but NaN where a value is missing, and infinite where a cell is no finite number.

        Raises:
            DataError: A column is missing.
        """
        for name in names:
            self._check_column(name)
        wanted = self._frame[list(names)]  # together: many columns one by one take long
        others = [name for name, dtype in wanted.dtypes.items() if dtype.kind not in "iufb"]
        if others:
            wanted = wanted.assign(**{name: self.written.numbers_there(name) for name in others})
        values: NDArray[np.float64] = wanted.to_numpy(dtype=np.float64, na_value=np.nan)
        return values

    def times(self, name: str, form: str = AUTO) -> Times:
        """The times of a column; see `read_times`. Typed times of a Parquet file are used unchanged.

        Raises:
            DataError: A cell is no time of that format.
        """
        column = self._frame[name]
        if (plain := _dates(column)) is not None:
            self.text(name)  # refuses empty cells
            return Times(plain)
        if str(column.dtype) == "category":
            with suppress(CellError):  # told below, with its row
                return _times_of_words(Column(name, column, self.place), *self.coded(name), self.dialect, form)
        cells = self.text_there(name)
        if (empty := (cells == "").to_numpy()).any():
            self._refuse_empty(name, int(np.argmax(empty)))
        return read_times(Column(name, _time_cells(column, cells, self.dialect), self.place), form)

    def times_there(self, name: str, form: str = AUTO, known: Sequence[str] = ()) -> tuple[Times, dict[int, str]]:
        """The same, and row -> why its cell is no time; see `read_times_there`.

        Raises:
            DataError: Most cells are no times, or the format is ambiguous.
        """
        if (plain := _dates(self._frame[name])) is not None:
            missing = np.flatnonzero(np.isnat(plain))
            return Times(plain), dict.fromkeys(missing.tolist(), f"{name} must not be empty")
        return read_times_there(
            Column(name, _time_cells(self._frame[name], self.text_there(name), self.dialect), self.place), form, known
        )

    def text_there(self, name: str) -> pd.Series[str]:
        """The cells of a text column, without blanks around them; "" for missing ones."""
        return stripped(self.cells(name))

    def places(self) -> list[str]:
        """The place of each row: "file:line"; rows of a Parquet file are counted from 1."""
        if self._part is not None:
            return [self._part.place(row) for row in range(len(self))]
        if self._parquet:
            return [f"{self.path}: row {row + 1}" for row in range(len(self))]
        if self._plain:
            return [f"{self.path}:{row + 2}" for row in range(len(self))]
        return [row.where for row in self._rows()]

    def place(self, row: int) -> str:
        """The place of one row, counted from 0."""
        if self._part is not None:
            return self._part.place(row)
        return f"{self.path}:{row + 2}" if self._plain else self.places()[row]

    def _rows(self) -> Iterator[Row]:
        """Read row by row; the error names the first damaged row."""
        return rows_of(self.path, without_separator_line(read_text(self.path, self._writing.encoding)), self.dialect)

    def _check_column(self, name: str) -> None:
        if name not in self._known:
            fix = nearest(name, self.columns) if self._parquet else advice_on_name(name, self.columns)
            if len(self.columns) == 1 and not self._parquet:
                fix += " The separator must be , ; | or a tab; data.separator names it."
            raise DataError(f"there must be a column {name!r}", fix=fix, where=str(self.path))

    def _refuse_cell(self, name: str, option: str, *, timed: bool) -> NoReturn:
        """Refuse the first cell of a column that is not a number."""
        self._refuse_rows()
        if (found := self.written.refused(name)) is not None:
            row, cell, why = found
            _refuse(self, name, cell, row, option, why, timed=timed)
        raise DataError(f"{name} must hold numbers", value=str(self._frame[name].dtype), where=str(self.path))

    def _refuse_rows(self) -> None:
        """Refuse the first row that is damaged."""
        if not self._parquet:
            for _ in self._rows():
                pass


def _columns(
    path: Path, text: Sequence[str], wanted: Sequence[str], writing: Writing, given: pd.DataFrame | Part | None
) -> Columns:
    """The columns of a table that is given, or read; see `Table`."""
    if given is not None:
        frame = given.frame if isinstance(given, Part) else given
        frame = frame.reset_index(drop=frame.index.name is None and frame.index.nlevels == 1)
        check_columns([str(name) for name in frame.columns], str(path))
        return Columns(frame, given.dialect if isinstance(given, Part) else Dialect(), False)
    if path.suffix.lower() == ".parquet":
        return Columns(read_parquet(path), Dialect(), False)
    return read_delimited(path, text, wanted, writing)


def _any_damaged(path: Path, writing: Writing, text: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether a row is too short, as an empty last cell looks to pandas."""
    with opened_text(path, writing.encoding) as file:
        return any(row.problem for row in Delimited(path, file, text, writing, wanted=columns))


def _times_of_words(column: Column, codes: NDArray[np.int32], words: list[str], dialect: Dialect, form: str) -> Times:
    """The times of a column by its different cells."""
    import pandas as pd

    cells = _time_cells(column.cells, pd.Series(words), dialect)
    times = read_times(Column(column.name, cells, str), form)
    return Times(times.values[codes], times.guessed)


def _refuse(
    table: Table,
    name: str,
    cell: object,
    row: int,
    option: str,
    why: Refused = Refused(),  # noqa: B008
    *,
    timed: bool = False,
) -> NoReturn:
    fix = "Fill the gap or delete the row"
    out = f"to leave the column out, {f'name it in {DROP}' if option == DROP else f'take it out of {option}'}"
    if isinstance(cell, float) and math.isnan(cell):
        raise DataError(f"{name} must not be missing", fix=f"{fix}; {out}.", where=table.place(row))
    if timed and _DATE.match(str(cell)):
        fix = f"If it holds times, set data.time to {name}"
    raise DataError(
        f"{name} {why.rule}",
        value=cell,
        fix=f"{(why.fix or fix).removesuffix('.')}; {out}.",
        where=table.place(row),
    )


def _dates(column: pd.Series[Any]) -> NDArray[np.generic] | None:
    """Typed times of a column, in UTC; None for other types."""
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if column.dtype.kind not in "mM":
        return None
    if column.dtype.kind == "m":
        column = pd.Timestamp(0) + column
    return np.asarray(column.dt.tz_convert(None) if column.dt.tz else column)


def _time_cells(column: pd.Series[Any], cells: pd.Series[str], dialect: Dialect) -> pd.Series[str]:
    """The cells of a column of times for parsing: numbers as they are written."""
    if column.dtype.kind == "f":
        cells = cells.str.replace(r"\.0$", "", regex=True)  # pandas' type of whole numbers with empty cells
    if dialect.decimal == ",":
        cells = cells.str.replace(r"^([-+]?\d+),(\d+)$", r"\1.\2", regex=True)
    return cells
