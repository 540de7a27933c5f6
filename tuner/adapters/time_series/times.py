"""Reads a column of times in many formats, or refuses it with the reason.

data.time_format is followed if it is set. Else the format is recognized if only one reading is plausible.
The reading of plain digits is reported; an ambiguous column is refused, and the error names both readings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.dates import read_dates
from tuner.adapters.time_series.time_column import CellError, Column, by_slices, either, slices_of
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

AUTO = "auto"
ISO = "ISO8601"
UNIX: Mapping[str, tuple[str, int, str]] = {
    "unix_s": ("s", 0, "seconds"),
    "unix_ms": ("ms", 3, "milliseconds"),
    "unix_us": ("us", 6, "microseconds"),
    "unix_ns": ("ns", 9, "nanoseconds"),
}
"""Names in data.time_format -> numpy's unit, its power of ten in a second, its name."""
EXCEL_DAY_0 = np.datetime64("1899-12-30", "ms")
"""First day of spreadsheets' day numbers; correct for all days since 1900-03-01."""

_INSTANTS = (10**8, 4_102_444_800)
"""Range of numbers that are read as seconds since 1970: from 1973 to 2100."""
_YEARS = (1900, 2100)
"""Range of digits that are read as years."""
_DATES = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 10: "%Y%m%d%H", 8: "%Y%m%d", 6: "%Y%m", 4: "%Y"}
"""Number of digits -> the date formats that they have if all cells fit."""
_DOUBTFUL = {8: ("%d%m%Y", "%m%d%Y"), 7: ("%Y%j",), 6: ("%y%m%d", "%d%m%y", "%m%d%y")}
"""Number of digits -> the date formats that they may have or not."""
_PERIODS = {
    6: (r"(19|20)\d\d(0[1-9]|[1-4]\d|5[0-3])", "weeks", "2024-W05"),
    5: (r"(19|20)\d\d[1-4]", "quarters", "2024-Q1"),
}
"""Number of digits -> the periods of a year that they may be, and an unambiguous way to write these."""
_NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
_ALONE = 20
"""Number of single cells that are reported as faulty before the whole format is doubted."""
_EXCEL = (20_000, 60_000)
"""Range of numbers that may be days of a spreadsheet, from 1954 to 2064."""


class Times(NamedTuple):
    """One time per row.

    Args:
        values: datetime64 in UTC, of any unit, or int64 or float64 if times are plain numbers; (rows,).
        guessed: How digits were read without an option, such as "months written as %Y%m".
    """

    values: NDArray[np.generic]
    guessed: str = ""


def read_times(column: Column, form: str) -> Times:
    """The times of a column.

    Args:
        column: Its cells.
        form: The value of data.time_format.

    Raises:
        DataError: A cell is no time of that format; the format is ambiguous or invalid.
    """
    if form != AUTO:
        return Times(_said(column, form))
    if column.cells.str.fullmatch(r"[-+]?[0-9]+").all():
        form = _form_of_digits(column)
    elif column.cells.str.fullmatch(_NUMBER).all():
        form = _form_of_fractions(column)
    else:
        return Times(read_dates(column))
    return Times(_said(column, form), _told(form))


def read_times_there(column: Column, form: str, known: Sequence[str] = ()) -> tuple[Times, dict[int, str]]:
    """The times of a column, and row -> why its cell is no time; the values of such rows are arbitrary.

    Args:
        column: Its cells; empty ones are no times.
        form: The value of data.time_format.
        known: Further valid cells of the same column, which help to recognize the format.

    Raises:
        DataError: As for `read_times`, if most cells are no times or the format is ambiguous.
    """
    left = (column.cells != "").to_numpy().copy()
    problems = dict.fromkeys(np.flatnonzero(~left).tolist(), f"{column.name} must not be empty")
    number = column.cells.str.fullmatch(_NUMBER).to_numpy(dtype=bool)
    if form == AUTO and 2 * (number & left).sum() > left.sum():  # among numbers, other cells are the faulty ones
        told = f"{column.name} must be a number like most of its cells"
        problems |= dict.fromkeys(np.flatnonzero(left & ~number).tolist(), told)
        left &= number
    first: CellError | None = None
    alone = 0  # single faulty cells so far
    while left.any():
        rows = np.flatnonzero(left)
        try:
            times = read_times(_among(column, rows, known), form)
        except CellError as error:
            first = first or error
            sound, bad = ~error.cells[: len(known)], error.cells[len(known) :]
            alone += int(bad.sum() <= 1)
            if alone > _ALONE:
                break
            known = [cell for cell, kept in zip(known, sound, strict=True) if kept]
            if 2 * bad.sum() > len(bad) > 1:  # then the first cell is the faulty one
                alone, bad = alone + 1, np.arange(len(bad)) == 0
            problems |= dict.fromkeys(rows[bad].tolist(), error.of_model().problem.removesuffix("."))
            left[rows[bad]] = False
        else:
            values = np.resize(times.values[len(known) :], len(left))
            values[rows] = times.values[len(known) :]
            return Times(values, times.guessed), problems
    raise first or DataError(f"{column.name} must not be empty", fix="Fill it in.", where=column.place(0))


def _among(column: Column, rows: NDArray[np.intp], known: Sequence[str]) -> Column:
    """Some cells of a column, after further known cells."""
    import pandas as pd

    cells = column.cells if len(rows) == len(column.cells) else column.cells.iloc[rows]
    cells = pd.concat([pd.Series(known, dtype=str), cells], ignore_index=True) if known else cells
    return Column(column.name, cells, lambda row: column.place(int(rows[max(row - len(known), 0)])))


def _told(form: str) -> str:
    if form == "number":
        return ""
    if form in UNIX:
        return f"{UNIX[form][2]} since 1970"
    return {"%Y": "years", "%Y%m": "months, as %Y%m"}.get(form, f"dates, as {form}")


def _said(column: Column, form: str) -> NDArray[np.generic]:
    """The times of a column in a known format."""
    if form == "number":
        return _plain(column)
    if form in UNIX:
        return _instants(column, form)
    if form == "excel":
        days = _floats(column, "be the number of a day, as in spreadsheets")
        rule, fix = "be the number of a day from 1900 on", "Correct the cell, or data.time_format."
        column.check((days > 0) & (days < 3_000_000), rule, fix)
        instants: NDArray[np.generic] = EXCEL_DAY_0 + np.rint(days * 86_400_000).astype("timedelta64[ms]")
        return instants
    return _by_pattern(column, form)


def _form_of_digits(column: Column) -> str:
    """The format of whole numbers: dates or instants if all of them are plausible ones, else numbers."""
    cells = column.cells
    lengths = cells.str.len().unique()
    length = int(lengths[0]) if len(lengths) == 1 and not cells.str.contains(r"^[-+]").any() else 0
    if length in _DATES and _plausible(cells, _DATES[length]):
        return _DATES[length]
    known = ""
    if length in _PERIODS:
        pattern, periods, written = _PERIODS[length]
        known = f"If these are {periods}, write them as {written}. " if cells.str.fullmatch(pattern).all() else ""
    doubtful = [form for form in _DOUBTFUL.get(length, ()) if _plausible(cells, form)]
    if doubtful or (known and length == 6):
        dates = f"{either(doubtful)} if these are dates, or to " if doubtful else ""
        fix = f"{known}Set data.time_format to {dates}number if they only count."
        column.refuse(0, "be a date or a number beyond doubt", fix)
    if length == 5:
        _refuse_days(column, cells.astype(float).to_numpy(), known)
    return _form_of_instants(_plain(column))


def _form_of_fractions(column: Column) -> str:
    """The format of fractional numbers."""
    cells = column.cells
    if cells.str.fullmatch(r"(19|20)[0-9]{2}\.(0?[1-9]|1[0-2])").all():
        column.refuse(
            0,
            "be a date or a number beyond doubt",
            "Set data.time_format to '%Y.%m' if these are months, or to number.",
        )
    values = _plain(column)
    _refuse_days(column, values)
    return _form_of_instants(values)


def _form_of_instants(values: NDArray[np.generic]) -> str:
    low, high = float(values.min()), float(values.max())
    for form, (_, power, _) in UNIX.items():
        if low >= _INSTANTS[0] * 10**power and high < _INSTANTS[1] * 10**power:
            return form
    return "number"


def _refuse_days(column: Column, values: NDArray[np.generic], more: str = "") -> None:
    low, high = float(values.min()), float(values.max())
    if low >= _EXCEL[0] and high <= _EXCEL[1]:
        column.refuse(
            0,
            "be a date or a number beyond doubt",
            f"{more}Set data.time_format to excel if these are a spreadsheet's days since 1900, or to number.",
        )


def _plausible(cells: pd.Series[str], form: str) -> bool:
    import pandas as pd

    dates = by_slices(cells, lambda some: pd.to_datetime(some, format=form, errors="coerce"))
    return bool(dates.notna().all() and dates.dt.year.between(*_YEARS).all())


def _plain(column: Column) -> NDArray[np.generic]:
    """Numbers: int64 if all are whole, so that different numbers stay different, else float64."""
    if column.cells.str.fullmatch(r"[-+]?[0-9]+").all():
        try:
            return _whole_numbers(column.cells)
        except OverflowError:
            wide = np.array([abs(int(cell)) < 2**63 for cell in column.cells])
            column.check(wide, "fit into 64 bits", "Subtract a common number from all of them.")
    values = _floats(column, "be a number")
    if len(np.unique(values)) < column.cells.nunique():
        exact = column.cells.map(Decimal)
        lost = (~exact.duplicated() & _duplicated(values)).to_numpy()
        fix = "Subtract a common number from all of them, or name their unit in data.time_format (unix_s)."
        column.check(~lost, "differ from the others within 64 bits", fix)
    return values


def _whole_numbers(cells: pd.Series[str]) -> NDArray[np.int64]:
    numbers, start = np.empty(len(cells), dtype=np.int64), 0
    for some in slices_of(cells):
        numbers[start : start + len(some)] = [int(cell) for cell in some]
        start += len(some)
    return numbers


def _duplicated(values: NDArray[np.float64]) -> pd.Series[bool]:
    import pandas as pd

    return pd.Series(values).duplicated()


def _floats(column: Column, rule: str) -> NDArray[np.float64]:
    import pandas as pd

    parsed = by_slices(column.cells, lambda some: pd.to_numeric(some, errors="coerce"))
    values = np.asarray(parsed, dtype=np.float64)
    column.check(np.isfinite(values), rule, "Correct the cell, or data.time_format.")
    return values


def _instants(column: Column, form: str) -> NDArray[np.generic]:
    """Instants counted since 1970, exact to the nanosecond."""
    unit, power, words = UNIX[form]
    if not column.cells.str.fullmatch(r"[-+]?[0-9]+").all():
        unit, scale = "ns", Decimal(10) ** (9 - power)
    else:
        scale = Decimal(1)
    numbers, sound = np.zeros(len(column.cells), dtype=np.int64), np.ones(len(column.cells), dtype=bool)
    for row, cell in enumerate(chain.from_iterable(slices_of(column.cells))):
        try:
            numbers[row] = int(Decimal(cell) * scale)
        except (InvalidOperation, ValueError, OverflowError):
            sound[row] = False
    column.check(sound, f"be a number of {words} since 1970", "Correct the cell, or data.time_format.")
    return numbers.astype(f"datetime64[{unit}]")


def _by_pattern(column: Column, form: str) -> NDArray[np.generic]:
    """Dates by strptime, or by pandas' parser of ISO 8601."""
    import pandas as pd

    try:
        dates = by_slices(column.cells, lambda some: pd.to_datetime(some, format=form, errors="coerce", utc=True))
    except ValueError as error:
        raise DataError(
            f"data.time_format must be {AUTO}, {ISO}, number, {', '.join(UNIX)}, excel or a pattern such as %d.%m.%Y",
            value=form,
            fix=f"It is no pattern: {error}.",
            key=("data", "time_format"),
        ) from error
    rule = f"be a date written as {form}"
    column.check(dates.notna().to_numpy(), rule, "Correct the cell, or say how dates are written in data.time_format.")
    instants: NDArray[np.generic] = dates.dt.tz_localize(None).to_numpy()
    return instants
