"""Reads new sequences of numbers for prediction. See `tuner.adapters.base.Codec`.

Accepted data: files of the formats for training, whose classes may be missing; arrays (items, steps[,
channels]), lists of arrays (steps[, channels]), tables in memory, paths. T steps, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tuner.adapters.arrays import array_shapes, check_lengths, read_arrays, read_rows
from tuner.adapters.base import Graph, Item
from tuner.adapters.scaling import Scaling
from tuner.adapters.time_series.columns import inputs
from tuner.adapters.time_series.graphs import StandardizedFirst
from tuner.adapters.time_series.groups import groups_of
from tuner.adapters.time_series.item_arrays import items_in, steps_and_channels
from tuner.adapters.time_series.item_example import long_example, wide_example
from tuner.adapters.time_series.item_options import ItemOptions
from tuner.adapters.time_series.item_steps import ItemSteps
from tuner.adapters.time_series.missing import filled, told_by, with_masks
from tuner.adapters.time_series.parts import Sections
from tuner.adapters.time_series.table import SUFFIXES, Part, Table
from tuner.adapters.time_series.ts_file import item_of, read_new
from tuner.adapters.time_series.written import Known
from tuner.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


_AT_ONCE = 1 << 20
"""Number of values of an archive that are read at once."""
_TOO_LARGE = "its values must be small enough for 32 bits"


class ItemReader:
    """Reads sequences in the same way as for training.

    Args:
        facts: Facts of the prepared data: channels, their scaling, steps.
        options: The adapter's.
        steps: Makes steps of rows; None: each row is a step.
    """

    def __init__(self, facts: Mapping[str, Any], options: ItemOptions, steps: ItemSteps | None = None) -> None:
        self._options, self._steps = options, steps
        channels: Sequence[str] = facts["channels"]
        self._policies = tuple(facts.get("missing") or ["interpolate"] * len(channels))  # earlier versions had none
        self._channels = list(channels[: len(self._policies)])
        self._repeated = [options.id] if options.id else []
        # data prepared by earlier versions have no "steps"
        self._long = options.id is not None or options.per_step
        self._names = list(self._channels if self._long else facts.get("steps", options.channels))
        self._scaling = Scaling.known(facts["mean"], facts["scale"])
        self._written = Known.of(facts, options.decimal)
        self._time: str = facts.get("time", "")

    def read(self, path: Path) -> Iterator[Item]:
        """A .ts file, a table or an .npz. See `Codec`."""
        suffix = path.suffix.lower()
        if suffix == ".ts":
            yield from self._ts(path)
        elif suffix == ".npz":
            yield from self._npz(path)
        elif suffix in SUFFIXES:
            yield from self._table(path)
        else:
            raise DataError(
                "the file's ending must be one of .ts .npz " + " ".join(SUFFIXES), value=path.name, where=str(path)
            )

    def items(self, data: Any) -> Iterator[Item]:
        """Arrays, tables or paths. See `Codec`."""
        if isinstance(data, str | Path):
            yield from self.read(Path(data))
        elif hasattr(data, "columns"):
            yield from self._table(Path("table"), data)
        else:
            for number, each in enumerate(data):
                if isinstance(each, str | Path):
                    yield from self._listed(Path(each))
                else:
                    yield self._in_memory(each, f"item {number}")

    def example(self) -> dict[str, list[Any]]:
        """An item, in the columns of the training table; empty if these, or their times, are unknown. See `Codec`."""
        options = self._options
        if not self._names or (options.time and not self._time):
            return {}
        if not self._long:
            return wide_example(self._names, self._scaling)
        return long_example(self._names, self._scaling, options, self._time)

    def graph(self, network: nn.Module, said: Mapping[str, str]) -> Graph:
        """A graph that takes unscaled values. See `Codec`.

        Args:
            network: The network.
            said: Description of its predictions.
        """
        whole = StandardizedFirst(network, self._scaling, self._steps)
        names = ", ".join(with_masks(self._channels, self._policies))
        how = told_by(self._channels, self._policies)
        rule = f"unscaled values of {names}; missing ones are filled before, by data.missing: {how}"
        return Graph(whole, whole.example, {"x": rule, **said})

    def _npz(self, path: Path) -> Iterator[Item]:
        """The items of an archive, a few at a time."""
        shapes = array_shapes(path)
        lengths = read_arrays(path, ("lengths",))[0]["lengths"] if "lengths" in shapes else None
        shape = shapes.get("X", ())
        turned = lengths is not None and self._options.layout == "channels_first"
        if len(shape) < 2 - (lengths is not None) or 0 in shape or turned:
            x = read_arrays(path, ("X",))[0]["X"]  # reports what it lacks
            parts = iter([(x, lengths)])
        else:
            parts = _parts(path, shape, lengths)
        steps = ((steps_and_channels(x, its_lengths, self._options, path), its_lengths) for x, its_lengths in parts)
        for number, item in enumerate(item for x, its_lengths in steps for item in items_in(x, its_lengths, path)):
            if not number:
                self._check_channels(item.shape[1], path)
            yield self._item(item, f"{path}: item {number}")

    def _ts(self, path: Path) -> Iterator[Item]:
        for channels, where in read_new(path):
            try:
                yield self._item(item_of(channels, where), where)
            except DataError as error:
                yield Item(where, None, error.problem)

    def _listed(self, path: Path) -> Iterator[Item]:
        """The items of a file; if it has none, one item with the problem."""
        try:
            yield from self.read(path)
        except DataError as error:
            yield Item(str(path), None, error.problem, dict.fromkeys(self._repeated, str(path)))

    def _in_memory(self, each: object, where: str) -> Item:
        """An item (steps[, channels]), in the layout of the option."""
        facts = dict.fromkeys(self._repeated, where)
        try:
            values = np.asarray(each, dtype=np.float64)
        except (TypeError, ValueError):
            return Item(where, None, f"it must be an array of numbers, (steps[, channels]), but is {each!r:.80}", facts)
        if values.ndim == 1:
            values = values[:, None]
        elif self._options.layout == "channels_first":
            values = values.swapaxes(-1, -2)
        return self._item(values, where, facts)

    def _table(self, path: Path, frame: pd.DataFrame | None = None) -> Iterator[Item]:
        options = self._options
        text = [name for name in (options.id, options.time) if name]
        read_as = (options.writing, self._written)
        found = Sections(path, text, self._names, *read_as, frame, name=options.id, time=options.time)
        names = self._names
        if not self._long:
            self._check_channels(1, path)
            for part in found.parts():
                table = found.table(part)
                names = names or (self._steps_of(table) if table is not None else [])
                yield from _in_place(self._rows(table, names), part)
        else:
            for table, part in found.tables():
                if table is not None:
                    names = names or self._steps_of(table)
                    yield from self._groups(table, names, options.id, found.known)
                yield from (
                    Item(where, None, why, {options.id: where} if options.id else {}) for _, where, why in part.refused
                )

    def _rows(self, table: Table | None, names: Sequence[str]) -> Iterator[Item]:
        """Each row of a table as an item."""
        if table is None:
            return
        values, places = table.numbers_there(names), table.places()
        broken = set(np.flatnonzero(np.isinf(values).any(axis=1)).tolist())
        for row, where in enumerate(places):
            if row in broken:
                yield Item(where, None, _first_broken(table, names, values[row : row + 1], [""], [row]))
            else:
                yield self._item(values[row, :, None], where)

    def _groups(self, table: Table, names: Sequence[str], name: str | None, known: Sequence[str]) -> Iterator[Item]:
        """The rows of each id of a table as an item; without ids, all rows."""
        values, places = table.numbers_there(names), table.places()
        groups = groups_of(table, name, self._options.time, self._options.time_format, tolerant=True, known=known)
        for number, rows in enumerate(np.split(groups.order, groups.starts[1:])):
            where = places[rows[0]]
            facts = {name: groups.names[number] or where} if name else {}
            told = _first_broken(table, names, values[rows], [f"{places[row]}: " for row in rows], rows.tolist())
            if number in groups.unsound:
                told = str(groups.unsound[number].of_model())
            yield Item(where, None, told, facts) if told else self._item(values[rows], where, facts)

    def _steps_of(self, table: Table) -> list[str]:
        """The columns that hold the steps, if training was on a ready source, whose columns are unknown."""
        options = self._options
        told = {*options.words, *options.numbers, options.group, options.split}
        others = [name for name in table.columns if name not in told]
        return inputs(table, others, option="data.channels").names

    def _check_channels(self, found: int, path: Path) -> None:
        if found != len(self._channels):
            raise DataError(f"items must have {len(self._channels)} channels", value=found, where=str(path))

    def _item(self, values_TC: NDArray[np.float64], where: str, facts: Mapping[str, Any] | None = None) -> Item:
        problem = ""
        if values_TC.ndim != 2 or values_TC.shape[1] != len(self._channels):
            problem = f"it must be (steps, {len(self._channels)} channels), but is {values_TC.shape}"
        elif not len(values_TC):
            problem = "it has no steps"
        elif np.isinf(values_TC).any():
            step, channel = np.argwhere(np.isinf(values_TC))[0]
            problem = f"step {step + 1} of {self._channels[channel]} must be a finite number"
        if problem:
            return Item(where, None, problem, facts or {})
        values_TC = filled(values_TC, self._policies)
        if problem := _missing_value(values_TC, self._channels):
            return Item(where, None, problem, facts or {})
        x = self._scaled(values_TC)
        if not np.isfinite(x).all():
            return Item(where, None, _TOO_LARGE, facts or {})
        return Item(where, self._stepped(x), facts=facts or {})

    def _stepped(self, x_TC: NDArray[np.float32]) -> NDArray[np.float32]:
        """The steps of an item's standardized rows."""
        return x_TC if self._steps is None else self._steps.of(x_TC[None])[0]

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Values standardized by the training items, (..., C); infinite if too large for 32 bits."""
        with np.errstate(over="ignore"):
            return self._scaling(values).astype(np.float32)


def _missing_value(values_TC: NDArray[np.float64], channels: Sequence[str]) -> str:
    """A sentence on the first value that is missing still; "" without one."""
    for step, channel in np.argwhere(np.isnan(values_TC))[:1]:
        never = np.isnan(values_TC[:, channel]).all()
        return f"{channels[channel]} has no value" if never else f"step {step + 1} of {channels[channel]} is missing"
    return ""


def _parts(
    path: Path, shape: tuple[int, ...], lengths: NDArray[np.generic] | None
) -> Iterator[tuple[NDArray[Any], NDArray[np.generic] | None]]:
    """X of a few items at a time, with their lengths if they are concatenated."""
    a_row = math.prod(shape[1:])
    if lengths is None:
        most = max(1, _AT_ONCE // a_row)
        counts = [most] * (shape[0] // most) + [shape[0] % most] * (shape[0] % most > 0)
        yield from ((x, None) for x in read_rows(path, "X", counts))
        return
    end_N = np.cumsum(check_lengths(lengths, shape[0], path))
    of_N = (end_N * a_row - 1) // _AT_ONCE
    parts = np.split(lengths, np.flatnonzero(np.diff(of_N)) + 1)
    counts = [int(part.sum()) for part in parts]
    yield from zip(read_rows(path, "X", counts), parts, strict=True)


def _in_place(items: Iterator[Item], part: Part) -> Iterator[Item]:
    """The items of rows, with an item with a problem for each malformed row."""
    passed = 0
    for before, where, why in part.refused:
        yield from islice(items, before - passed)
        passed = before
        yield Item(where, None, why)
    yield from items


def _first_broken(
    table: Table, names: Sequence[str], values: NDArray[np.float64], places: Sequence[str], rows: Sequence[int]
) -> str:
    """A sentence on the first row with a cell that is no finite number; "" without one."""
    for index, column in np.argwhere(np.isinf(values))[:1]:
        cell = str(table.cells(names[column]).iloc[rows[index]])
        return f"{places[index]}{names[column]} {table.written.rule_of(names[column], cell)}, but is {cell!r:.80}"
    return ""


class ReadsItems:
    """Common part of all codecs of sequences: reading."""

    reader: ItemReader

    def read(self, path: Path) -> Iterator[Item]:
        """See `Codec`."""
        return self.reader.read(path)

    def items(self, data: Any) -> Iterator[Item]:
        """See `Codec`."""
        return self.reader.items(data)

    def example(self) -> dict[str, list[Any]]:
        """See `Codec`."""
        return self.reader.example()
