"""Finds the column of times in the first rows of a table, and their format."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import last_word, said_column
from tuner.adapters.glimpsed_table import GlimpsedColumn, GlimpsedTable
from tuner.adapters.proposal import Line
from tuner.adapters.time_series.steps import step_of
from tuner.adapters.time_series.time_column import Column
from tuner.adapters.time_series.times import AUTO, Times, read_times
from tuner.errors import DataError

_NAMES = frozenset(
    ("time", "times", "date", "datetime", "timestamp", "ts", "ds", "day", "month", "year", "week", "hour", "step", "t",
     "zeit", "datum", "fecha", "minute", "quarter", "period")
)  # fmt: skip
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y%m%d",
         "%d%m%Y", "%Y%j", "%Y.%m", "excel", "number")  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_MOST = 2_000
"""Number of cells that each format is tried on."""


class FoundTimes(NamedTuple):
    """A column of times.

    Args:
        column: The column.
        why: The evidence that it holds times.
        guessed: Whether the evidence leaves it open.
        values: The times, one per row.
        form: The line with their format, if it must be given.
    """

    column: GlimpsedColumn
    why: str
    guessed: bool
    values: NDArray[np.generic]
    form: list[Line]


def find_times(seen: Glimpse, table: GlimpsedTable) -> FoundTimes | None:
    """The column of times; None if there is none."""
    if name := seen.said.get("time"):
        column = said_column(table, "time", name).column
        return _found(seen, column, "as asked for")
    dates = [column for column in table.columns if _may_be_dates(column)]
    for column in sorted(dates, key=lambda column: last_word(column.name) not in _NAMES):
        if (found := _found(seen, column, "its cells are dates")) is not None:
            return found
    for column in table.columns:
        if last_word(column.name) in _NAMES and column.is_number and not column.empty and len(column.counts) > 2:
            return _found(seen, column, "numbers, but the column's name suggests times")
    return None


def _may_be_dates(column: GlimpsedColumn) -> bool:
    if column.empty or not column.counts:
        return False
    cell = column.cells[0]
    return column.timed or (not column.is_number and re.search(r"\d", cell) is not None and len(cell) <= 40)


def _found(seen: Glimpse, column: GlimpsedColumn, why: str) -> FoundTimes | None:
    said = seen.said.get("time_format")
    if said is not None:
        form = [Line(("data", "time_format"), said, "as asked for")]
        return FoundTimes(column, why, False, _read(column, said).values, form)
    try:
        times = _read(column, AUTO)
    except DataError as error:
        return _guessed(column, why, str(error.rule))
    if times.values.dtype.kind == "M" and column.is_number:
        why = f"{why}; {times.guessed}"
    return FoundTimes(column, f"{why}, such as {column.cells[0]}", False, times.values, [])


def _guessed(column: GlimpsedColumn, why: str, rule: str) -> FoundTimes | None:
    """The format that fits all cells; of several, the one with the most even steps."""
    if column.cells and "doubt" not in rule and "reading" not in rule and column.is_number:
        return None
    fits = []
    for day in _DAYS:
        for clock in _CLOCKS if "%" in day else ("",):
            form = day + clock
            try:
                values = _read(column, form, most=_MOST).values
            except DataError:
                continue
            fits.append((_unevenness(values), form))
    if not fits:
        return None
    form = min(fits, key=lambda fit: fit[0])[1]
    values = _read(column, form).values
    others = [other for _, other in fits if other != form and other != "number"][:2]
    or_else = f"; it may also be {' or '.join(others)}" if others else ""
    line = Line(("data", "time_format"), form, f"{column.cells[0]} read so gives the most even steps{or_else}", True)
    return FoundTimes(column, why, False, values, [line])


def _read(column: GlimpsedColumn, form: str, most: int | None = None) -> Times:
    import pandas as pd

    cells = pd.Series(list(column.cells[:most]), dtype=str)
    if column.timed:
        try:
            return Times(pd.to_datetime(cells, format="mixed", utc=True).dt.tz_localize(None).to_numpy())
        except ValueError as error:
            raise DataError(f"{column.name} must hold times that can be read", value=str(error)) from error
    if column.decimal == ",":
        cells = cells.str.replace(r"^([-+]?\d+),(\d+)$", r"\1.\2", regex=True)
    return read_times(Column(column.name, cells, lambda row: f"row {row + 1}"), form)


def _unevenness(values: NDArray[np.generic]) -> float:
    """Share of positions on the grid without a row plus share of steps back in time; plus 2 without a regular step."""
    each = np.unique(values)
    if len(each) < 3:
        return 0.0
    back = float((values[1:] < values[:-1]).mean())  # type: ignore[operator]  # numbers or datetime64
    step = step_of(each, np.zeros(1, dtype=np.int64))
    if step is None:
        return 2 + back
    return 1 - (len(each) - 1) / max(int(step.places(each)[-1]), 1) + back
