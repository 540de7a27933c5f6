"""Which columns of a table are measurements, rather than row numbers, ids, groups, constants or copies of the label.

If the options name no columns, the values decide which columns to learn from; a rule must hold in
every row, because leaving out a measurement is as wrong as learning from a row number. N rows, C columns, U
units (items, or rows if each row is an item).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.groups import Groups
from tuner.adapters.time_series.table import Table
from tuner.errors import DataError
from tuner.words import first_few

ENOUGH = 10
"""With at least this many rows, values that count them are no coincidence."""
_NAMELESS = re.compile(r"(?i)|unnamed(: ?|_|\.)\d+(\.\d+|_level_\d+)*")
_CELLS = 1 << 18
"""Cells that are looked at together."""
_INDEX = re.compile(r"(?i)(__)?index(_level_\d+)?(__)?|level_\d+|idx|row|rows|row_?(id|no|nr|num|number|index)|rownum")
_ID = frozenset(("id", "ids", "uid", "uuid", "guid", "nr", "pk"))
_NUMBER = re.compile(
    r"(?i)index|idx|rownum|(row|item|sample|series|record|case|entry|example|instance)[ _.-]?(idx|index|no|num|number)"
)
"""Names of ids; the last word alone would also match a heat index."""
_GROUP = frozenset(("patient", "subject", "speaker", "user", "participant", "person", "session", "author"))
_SPLIT = re.compile(r"(?i)(.*[^a-z])?(fold|split)|is_?(train|training|val|valid|validation|test|testing)")


@dataclass
class Inputs:
    """The columns to learn from, and sentences about the others.

    Args:
        names: The columns, in the table's order.
        left_out: The others.
        notices: A sentence for each reason to leave columns out, or to doubt them.
    """

    names: list[str]
    left_out: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def inputs(
    table: Table,
    names: Sequence[str],
    *,
    option: str,
    labels: NDArray[np.str_] | None = None,
    groups: Groups | None = None,
    asked: bool = False,
    forecast: bool = False,
) -> Inputs:
    """Separate measurements from the other columns.

    Args:
        table: The table.
        names: Columns that may be measurements: all except those that other options name.
        option: The option that names columns: "data.channels".
        labels: The label of each row, (N,), if it is that of its unit; None: of each row, or none.
        groups: The rows of each item or series; None if a row is an item.
        asked: Whether the option names these columns: then all are kept, and doubtful ones are only reported.
        forecast: Whether they are to be forecast: missing values are then gaps, and nothing is constant in a series.

    Raises:
        DataError: A column has no name and does not count rows; an id may separate series; nothing is left.
    """
    look = _Look(table, list(names), labels, groups, forecast=forecast)
    if asked:
        found = {name: reason for name, reason in look.reasons().items() if reason in (_COPY, _COUNTS)}
        notices = [f"{_listed(found, reason)} kept, as {option} names it, but {reason}" for reason in _of(found)]
        return Inputs(list(names), notices=notices)
    look.refuse_nameless(option)
    look.refuse_series(option)
    found = look.reasons()
    left = [name for name in names if name not in found]
    if not left:  # the named columns may be the only ones
        found = {name: reason for name, reason in found.items() if _NAMELESS.fullmatch(name)}
        left = [name for name in names if name not in found]
    if not left:
        raise DataError(
            "the table must have a column of values", value=table.columns, fix="Add one.", where=str(table.path)
        )
    keep = f"{option} names what is to be kept"
    notices = [f"{_listed(found, reason)} left out: {reason}; {keep}" for reason in _of(found)]
    return Inputs(left, list(found), [*notices, *look.doubts(left, option)])


_EMPTY = "it is empty: a separator ends each line"
_BLANK = "it is empty"
_MOSTLY = "more than half of its cells are empty"
_COPY = "it repeats the label in other words, in every row"
_COUNTS = "it counts rows"
_NAMES = "it has another value in each row, as an index without a name has"
_TIMES = f"{_NAMES}; if it holds times, name it in the header and in data.time"
_IDS = "by its name and values it is an id"
_GROUPS = "by its name it holds groups, for data.group"
_SPLITS = "by its name it holds splits, for data.split"
_SAME = "it has only one value"


class _Look:
    """Properties of columns by their values."""

    def __init__(
        self, table: Table, names: list[str], labels: NDArray[np.str_] | None, groups: Groups | None, *, forecast: bool
    ) -> None:
        self.table, self.names, self.long, self.forecast = table, names, groups is not None, forecast
        kinds = {name: table.cells(name).dtype.kind for name in names}
        self.numeric = [name for name in names if kinds[name] in "iufb"]
        self.text = [name for name in names if kinds[name] not in "iufb"]
        columns = [table.cells(name).to_numpy(dtype=np.float64, na_value=np.nan) for name in self.numeric]
        self.values_NC = np.column_stack(columns) if len(columns) > 1 else np.zeros((len(table), 0))
        if len(columns) == 1:  # of a long table without a copy
            self.values_NC = columns[0][:, None]
        self.item_N = self.first_U = np.arange(len(table))
        if groups is not None:
            rows = np.diff([*groups.starts, len(table)])
            self.item_N = np.empty(len(table), dtype=np.int32)
            self.item_N[groups.order] = np.repeat(np.arange(len(rows), dtype=np.int32), rows)
            self.first_U = np.minimum.reduceat(groups.order, groups.starts)
        self.label_U = None if labels is None else labels[self.first_U]

    def refuse_nameless(self, option: str) -> None:
        """Refuse a column without a name that holds values."""
        nameless = list(filter(_NAMELESS.fullmatch, self.names))
        if not nameless:
            return
        counting = set(self._that(self._counting(named=False))) | set(self._that(self._unique()))
        for name in nameless:
            cells = self.table.cells(name)
            if name in counting or _is_empty(cells) or (name in self.text and cells.astype(str).is_unique):
                continue
            raise DataError(
                "a column without a name must count the rows, so that it can be left out",
                value=name,
                fix=f"Name it in the header, or name the columns to learn from in {option}.",
                where=f"{self.table.path}:1",
            )

    def refuse_series(self, option: str) -> None:
        """Refuse an id that may separate series if all rows are read as one series."""
        if not self.forecast or len(self.first_U) > 1 or len(self.table) < ENOUGH:
            return
        ids = self._named(_is_id)
        if not ids.any():
            return
        for name in self._that(ids & self._whole() & ~self._same() & ~self._unique()):
            raise DataError(
                "an id must not be forecast",
                value=name,
                fix=f"data.series: {name} makes each of its values a series; {option} names the columns to forecast.",
                where=f"{self.table.path}:1",
            )

    def reasons(self) -> dict[str, str]:
        """Columns that are no measurements -> the reason."""
        found: dict[str, str] = {}
        for name in self.text:
            if reason := self._reason_of_text(name):
                found[name] = reason
        whole, within = self._whole(), self._within()
        index = self._named(lambda name: _NAMELESS.fullmatch(name) or _INDEX.fullmatch(name))
        nameless, ids = self._named(_NAMELESS.fullmatch), self._named(_is_id)
        missing_C = np.isnan(self.values_NC).mean(axis=0)
        rules = (
            (_EMPTY, (missing_C == 1) & nameless),
            (_BLANK, missing_C == 1),
            (_MOSTLY, (missing_C > 0.5) & self.forecast),
            (_COPY, self._copies()),
            (_COUNTS, self._counting(named=True) | (index & self._counting(named=False))),
            (_NAMES, nameless & self._unique() if nameless.any() else nameless),
            (_IDS, ids & whole & within & self._unique(units=True) if ids.any() else ids),
            (_GROUPS, whole & within & (ids | self._named(_is_group)) & ~self._same()),
            (_SPLITS, whole & within & self._named(_SPLIT.fullmatch)),
            (_SAME, self._same() & self.long),
        )
        for reason, column_C in rules:
            if self.forecast and reason in (_GROUPS, _SPLITS):
                continue
            for name in self._that(column_C):
                found.setdefault(name, reason)
        return {name: found[name] for name in self.names if name in found}

    def doubts(self, names: Sequence[str], option: str) -> list[str]:
        """Warnings about columns that are kept."""
        if len(self.table) < ENOUGH:
            return []
        none = np.zeros(len(self.numeric), dtype=bool)
        growing = none if self.long else self._whole() & (np.diff(self.values_NC, axis=0) > 0).all(0)
        numbers = none if self.long else (np.diff(np.sort(self.values_NC, axis=0), axis=0) == 1).all(0) & ~growing
        doubts = (
            ("with values that increase from row to row, like an id", growing),
            ("with values that number the rows in another order, like an id", numbers),
            ("with one value per label, in every row", self._telling()),
        )
        sentences = []
        for what, column_C in doubts:
            seen = {name: what for name in self._that(column_C) if name in names}
            if seen and len(seen) < len(names):
                sentences.append(f"{_listed(seen, what)} {what}, kept; to leave out what is no measurement, name the "
                                 f"others in {option}")  # fmt: skip
        return sentences

    def _reason_of_text(self, name: str) -> str:
        cells = self.table.cells(name)
        if _NAMELESS.fullmatch(name):
            return _EMPTY if _is_empty(cells) else _TIMES if self.forecast else _NAMES
        words = np.asarray(cells.astype(str), dtype=np.str_)
        if self.forecast or (words != words[self.first_U][self.item_N]).any():
            return ""
        words_U: NDArray[np.str_] = words[self.first_U]
        if self.label_U is not None and _one_to_one(words_U, self.label_U):
            return _COPY
        if _is_id(name) and len(set(words_U)) == len(words_U):
            return _IDS
        return _GROUPS if _is_group(name) or _is_id(name) else _SPLITS if _SPLIT.fullmatch(name) else ""

    def _that(self, column_C: NDArray[np.bool_]) -> list[str]:
        return [self.numeric[index] for index in np.flatnonzero(column_C)]

    def _named(self, test: Callable[[str], object]) -> NDArray[np.bool_]:
        return np.array([bool(test(name)) for name in self.numeric], dtype=bool)

    def _every(self, holds: Callable[[slice], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Columns of which something holds in every row; some rows at a time."""
        found = np.ones(self.values_NC.shape[1], dtype=bool)
        rows = max(1, _CELLS // max(1, len(found)))
        for first in range(0, len(self.table), rows):
            found &= holds(slice(first, first + rows)).all(0)
            if not found.any():
                break
        return found

    def _whole(self) -> NDArray[np.bool_]:
        return self._every(lambda at: self.values_NC[at] == np.floor(self.values_NC[at]))

    def _same(self) -> NDArray[np.bool_]:
        enough = len(self.table) >= ENOUGH
        return self._every(lambda at: self.values_NC[at] == self.values_NC[0]) & enough

    def _within(self) -> NDArray[np.bool_]:
        """Columns that are constant within each item."""
        return self._every(lambda at: self.values_NC[at] == self.values_NC[self.first_U[self.item_N[at]]])

    def _unique(self, *, units: bool = False) -> NDArray[np.bool_]:
        """Columns of whole numbers that are different in every row, or in every unit."""
        found = self._whole()
        values = self.values_NC[:, found]
        values = values[self.first_U] if units else values
        values.sort(axis=0)
        found[found] = (values[1:] != values[:-1]).all(0) & (len(values) > 2)
        return found

    def _counting(self, *, named: bool) -> NDArray[np.bool_]:
        """Columns that count all rows, or the rows of each item from 0 or 1 on; named columns only with enough rows."""
        rows = len(self.table)
        if named and rows < ENOUGH:
            return np.zeros(len(self.numeric), dtype=bool)
        first_C = self.values_NC[0]
        row_N = np.arange(rows)
        counts = self._every(lambda at: self.values_NC[at] - row_N[at][:, None] == first_C)
        from_start = np.isin(first_C, (0, 1))
        if not self.long or not from_start.any():
            return np.asarray(counts & (rows > 1))
        place_N = np.empty(rows)
        order = np.argsort(self.item_N, kind="stable")
        starts = np.flatnonzero(np.diff(self.item_N[order], prepend=-1))
        place_N[order] = np.arange(rows) - np.repeat(starts, np.diff([*starts, rows]))
        each = self._every(lambda at: self.values_NC[at] == place_N[at][:, None] + first_C) & from_start
        return np.asarray((counts | (each & (len(self.first_U) < rows))) & (rows > 1))

    def _copies(self) -> NDArray[np.bool_]:
        """Columns whose values map one-to-one to labels, in every unit; none if many do, because these are data."""
        if self.label_U is None:
            return np.zeros(len(self.numeric), dtype=bool)
        copies = label_copies(self.values_NC[self.first_U], self.label_U) & self._within()
        return np.asarray(copies & (copies.sum() <= max(1, len(self.names) // 10)))

    def _telling(self) -> NDArray[np.bool_]:
        """Columns whose value follows from the label, in every unit, such as an indicator of one label."""
        if self.label_U is None:
            return np.zeros(len(self.numeric), dtype=bool)
        values_UC = self.values_NC[self.first_U]
        return np.asarray(label_tells(values_UC, self.label_U) & self._within() & (values_UC != values_UC[0]).any(0))


def label_copies(values_UC: NDArray[np.float64], label_U: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Columns whose values map one-to-one to labels, in every unit, (C,)."""
    _, first_K = np.unique(label_U, return_index=True)
    differ = (np.diff(np.sort(values_UC[first_K], axis=0), axis=0) > 0).all(0)
    return np.asarray(label_tells(values_UC, label_U) & differ)


def label_tells(values_UC: NDArray[np.float64], label_U: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Columns whose value follows from the label, in every unit, (C,)."""
    if not _enough(label_U):
        return np.zeros(values_UC.shape[1], dtype=bool)
    _, first_K, kind_U = np.unique(label_U, return_index=True, return_inverse=True)
    return np.asarray((values_UC == values_UC[first_K][kind_U]).all(0))


def doubtful_values(items: Sequence[NDArray[np.float64]], labels: Sequence[str]) -> list[str]:
    """Sentences about values of arrays (without named columns) that count the items or repeat their labels.

    Args:
        items: (steps, channels) each.
        labels: Their labels.
    """
    label_U = np.asarray(labels, dtype=np.str_)
    steps, channels = items[0].shape
    if not _enough(label_U) or steps * channels < 2 or any(item.shape != (steps, channels) for item in items):
        return []
    values_UC = np.stack(items).reshape(len(items), -1)
    counts = (values_UC - np.arange(len(items))[:, None] == values_UC[0]).all(0)
    copies = label_copies(values_UC, label_U)
    sentences = []
    for found, reason in ((counts, "count the items"), (copies, "repeat the label in other words")):
        places = [f"step {index // channels + 1}, channel {index % channels + 1}" for index in np.flatnonzero(found)]
        same = np.flatnonzero(found.reshape(steps, channels).all(0))  # a channel that is constant within each item
        if 0 < len(same) < channels:
            places = [f"channel {index + 1}" for index in same]
        if places and len(places) <= max(1, steps * channels // 10):
            sentences.append(f"values of X {reason}, in every item: {'; '.join(places[:3])}; take them out of X if so")
    return sentences


def _enough(label_U: NDArray[np.str_]) -> bool:
    """Whether there are enough items per label that agreement with all of them is no coincidence."""
    _, counts = np.unique(label_U, return_counts=True)
    return len(counts) > 1 and len(label_U) >= max(ENOUGH, 2 * len(counts))


def _one_to_one(words_U: NDArray[np.str_], label_U: NDArray[np.str_]) -> bool:
    pairs = set(zip(words_U.tolist(), label_U.tolist(), strict=True))
    return _enough(label_U) and len(pairs) == len({word for word, _ in pairs}) == len({label for _, label in pairs})


def _is_empty(cells: object) -> bool:
    return bool((cells.isna() | (cells.astype(str).str.strip() == "")).all())  # type: ignore[attr-defined]


def _is_id(name: str) -> bool:
    return _last(name) in _ID or _NUMBER.fullmatch(name) is not None


def _is_group(name: str) -> bool:
    return _last(name) in _GROUP or name.lower() == "group"


def _last(name: str) -> str:
    """The last word of a name: "id" of item_id, itemId and ITEM-ID."""
    return re.split(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])", name)[-1].lower()


def _of(found: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(found.values()))


def _listed(found: dict[str, str], reason: str) -> str:
    names = [name for name, why in found.items() if why == reason]
    words = [repr(name) if name else "without a name" for name in names]
    return f"column{'s' if len(names) > 1 else ''} {first_few(words, 5)}"
