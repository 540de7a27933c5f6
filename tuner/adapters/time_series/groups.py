"""The rows of a table by group (an item, a series), in order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.delimited import give_back
from tuner.adapters.time_series.table import Table
from tuner.adapters.time_series.times import AUTO, Times
from tuner.errors import DataError


class Groups(NamedTuple):
    """Rows by group: group g has the rows `order[starts[g] : starts[g + 1]]`; `times` is aligned with `order`.

    Args:
        names: Names of the groups, by first appearance.
        order: Row numbers, group after group, each in order of time.
        starts: Where each group begins in `order`.
        times: See `Times.values`; row numbers without a column of times.
        unordered: Number of rows that came after a later one of their group.
        guessed: See `Times.guessed`.
        unsound: Index in `names` -> why that group cannot be sorted: a time occurs twice, or a cell is no
            time or no name.
    """

    names: list[str]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    times: NDArray[np.generic]
    unordered: int = 0
    guessed: str = ""
    unsound: Mapping[int, DataError] = {}

    @property
    def as_written(self) -> bool:
        """Whether the rows stand in the table in this order."""
        return bool((self.order[1:] > self.order[:-1]).all())

    def notices(self, time: str | None) -> list[str]:
        """Sentences on how the times of that column were read, and whether rows were sorted."""
        told = []
        if self.guessed:
            told.append(f"{time} is read as {self.guessed}; set data.time_format to change that")
        if self.unordered:
            told.append(f"rows were sorted by {time}: {self.unordered} came after a later one")
        return told


def groups_of(
    table: Table,
    name: str | None,
    time: str | None,
    form: str = AUTO,
    *,
    tolerant: bool = False,
    known: Sequence[str] = (),
) -> Groups:
    """The rows of each group (an item, a series), in order of time.

    Args:
        table: The table.
        name: Text column with a row's group; None: all rows are one group.
        time: Column that orders a group's rows; None keeps the file's order.
        form: Format of times.
        tolerant: Whether groups that cannot be sorted are reported in `unsound` rather than refused.
        known: See `read_times_there`.

    Raises:
        DataError: A group has a time twice, or a cell is no time or no name; only if not tolerant.
    """
    number, labels = _numbered(table, name, tolerant=tolerant)
    unread: dict[int, str] = {}
    (times, guessed) = Times(np.arange(len(table)))
    if time and tolerant:
        (times, guessed), unread = table.times_there(time, form, known)
    elif time:
        times, guessed = table.times(time, form)
        give_back()
    unsound = {int(number[row]): DataError(why, where=table.place(row)) for row, why in sorted(unread.items())[::-1]}
    if name and "" in labels:
        row = int(np.argmax(number == labels.index("")))
        unsound[int(number[row])] = DataError(f"{name} must not be empty", fix="Fill it in.", where=table.place(row))
    order, unordered = _in_order(number, times)
    number, times = number[order], times[order]
    twice = np.flatnonzero((number[1:] == number[:-1]) & (times[1:] == times[:-1]))
    for at in twice if time else ():
        if int(number[at]) not in unsound:
            row = order[at + 1]
            unsound[int(number[at])] = DataError(
                f"{time} must differ from row to row" + (f" within one {name}" if name else ""),
                value=str(table.cells(str(time)).iloc[row]),
                fix=_advice_on_repeated(name, times[at]),
                where=table.place(row),
            )
            if not tolerant:
                raise unsound[int(number[at])]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    return Groups(labels, order, starts, times, unordered, guessed, unsound)


def _numbered(table: Table, name: str | None, *, tolerant: bool) -> tuple[NDArray[np.int32], list[str]]:
    """The number of each row's group, and the groups' names, by first appearance."""
    import pandas as pd

    if not name:
        return np.zeros(len(table), dtype=np.int32), [""]
    if not tolerant:
        return table.coded(name)
    number, names = pd.factorize(table.text_there(name))
    return number.astype(np.int32), list(names)


def _in_order(number: NDArray[np.int32], times: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Rows by group and time, and how many of them came after a later one of their group."""
    order = np.arange(len(number))
    if (number[1:] < number[:-1]).any():
        order = np.argsort(number, kind="stable")
        number, times = number[order], times[order]
    same = number[1:] == number[:-1]
    unordered = int(((times[1:] < times[:-1]) & same).sum())
    if not (times[1:] >= times[:-1])[same].all():
        order = order[np.lexsort((times, number))]
    return order, unordered


def _advice_on_repeated(name: str | None, instant: np.generic) -> str:
    fix = "Delete the repeated row" + ("." if name else ", or name the column that tells series apart in data.series.")
    if isinstance(instant, np.datetime64):
        weekday = (instant.astype("datetime64[D]").astype(int) + 3) % 7
        hour = instant.astype("datetime64[h]").astype(int) % 24
        if weekday == 6 and 1 <= hour < 4:  # Sundays, between 1 and 4: clocks may have been set back
            fix += " If clocks were set back, write times with their offset, as in 2024-10-27T02:00+01:00."
    return fix
