"""Reading sequences: a .ts file, a table, or NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.arrays import read_arrays
from tuner.adapters.base import Split
from tuner.adapters.splits import split_named
from tuner.adapters.time_series.columns import Inputs, doubtful_values, inputs, label_copies
from tuner.adapters.time_series.groups import Groups, groups_of
from tuner.adapters.time_series.item_arrays import (
    items_in,
    laid_out,
    numbers_in,
    step_labels_in,
    steps_and_channels,
    targets_in,
    unused_in,
)
from tuner.adapters.time_series.item_options import ItemOptions
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.missing import said_of
from tuner.adapters.time_series.named_columns import matches, named, plain, without_dropped
from tuner.adapters.time_series.table import DROP, SUFFIXES, Table, advice_on_ending
from tuner.adapters.time_series.ts_file import read_ts
from tuner.adapters.time_series.written import Known
from tuner.errors import DataError

_FORMS = {
    "id": SUFFIXES,
    "channels": SUFFIXES,
    "drop": SUFFIXES,
    "group": (".npz", *SUFFIXES),
    "split": (".npz", *SUFFIXES),
    "layout": (".npz",),
}
"""Option -> endings of the files that it applies to."""
_WORDS = {".ts": "of the form .ts", ".npz": "an .npz"}


class _Dealing(TypedDict):
    groups: list[str] | None
    splits: list[Split] | None


def read_items(path: Path, options: ItemOptions, like: Items | None = None) -> Items:
    """Read the items of a file, in the format of its ending.

    Args:
        path: The file.
        options: The adapter's.
        like: The training items, if these are test items: their channels are used, and no split column is read.

    Raises:
        DataError: The file is missing, damaged, or of an unknown format.
    """
    suffix = path.suffix.lower()
    for name, forms in _FORMS.items():
        given = getattr(options, name)
        if given and suffix not in forms and suffix in (".ts", ".npz", *SUFFIXES):
            raise DataError(
                f"data.{name} must be left out where the file is {_WORDS.get(suffix, 'a table')}",
                value=path.name,
                key=("data", name),
            )
    if options.per_step and suffix == ".ts":
        raise DataError(
            "classes of steps must stand in a table with a row per step, or in an .npz",
            value=path.name,
            fix="For a class of whole items the adapter is time_series/classification.",
            key=("data", "path"),
        )
    if suffix == ".ts":
        return read_ts(path, options.numbers)
    if suffix == ".npz":
        return _read_npz(path, options, like)
    if suffix in SUFFIXES:
        long = options.id is not None or options.per_step
        return _read_long(path, options, like) if long else _read_wide(path, options, like)
    raise DataError(
        "the file's ending must be one of .ts .npz " + " ".join(SUFFIXES),
        value=path.name,
        fix=advice_on_ending(path),
        key=("data", "path"),
    )


def _read_wide(path: Path, options: ItemOptions, like: Items | None) -> Items:
    """One row per item: one channel whose steps are the columns."""
    told = _told(options, like)
    table = Table(path, told, plain((*options.channels, *options.numbers)), options.writing, known=_known(like))
    labels, numbers = _answers(table, options)
    found = _inputs(table, options, like, labels)
    values = table.numbers(found.names, _naming(options), missing=said_of("value", options.missing) != "refuse")
    places = table.places()
    return Items(
        [row[:, None] for row in values],
        labels.tolist(),
        places,
        ("value",),
        **_dealing({name: _words(table, name, options).tolist() for name in told}, places, options, like),
        left_out=tuple(found.left_out),
        steps=tuple(found.names),
        notices=(*table.notices, *found.notices, *_one_step(len(found.names), "row")),
        targets=options.numbers,
        values=numbers,
        numbers_known=table.written.known(),
    )


def _read_long(path: Path, options: ItemOptions, like: Items | None) -> Items:
    """One row per step: items by `id`, steps by `time`, channels by column."""
    told = _told(options, like)
    text = [*told, *(name for name in (options.id, options.time) if name)]
    table = Table(path, text, plain((*options.channels, *options.numbers)), options.writing, known=_known(like))
    groups = groups_of(table, options.id, options.time, options.time_format)
    labels, numbers = _answers(table, options)
    found = _inputs(table, options, like, None if options.per_step else labels, groups)
    if options.per_step and like is None and not options.channels:
        found = _no_copies(table, found, labels)
    table.numbers([name for name in found.names if said_of(name, options.missing) == "refuse"], _naming(options))
    values = table.numbers(found.names, _naming(options), missing=True)[groups.order]
    longest = int(np.diff([*groups.starts, len(table)]).max())
    places = table.places()
    first = groups.order[groups.starts]
    firsts = [places[row] for row in first]
    of_items = [name for name in told if not options.per_step or name not in options.words]
    words = {name: _per_item(table, name, _words(table, name, options), groups) for name in of_items}
    for name in options.numbers:
        _per_item(table, name, table.numbers([name], missing=True)[:, 0].astype(str), groups)
    return Items(
        np.split(values, groups.starts[1:]),
        labels[first].tolist(),
        firsts,
        tuple(found.names),
        **_dealing(words, firsts, options, like),
        left_out=tuple(found.left_out),
        notices=(
            *table.notices,
            *groups.notices(options.time),
            *found.notices,
            *_one_step(longest, f"value of {options.id}" if options.id else "table"),
        ),
        targets=options.numbers,
        values=None if numbers is None else numbers[first],
        of_steps=np.split(labels[groups.order], groups.starts[1:]) if options.per_step else None,
        numbers_known=table.written.known(),
        time=groups.times.dtype.kind if options.time else "",
    )


def _no_copies(table: Table, found: Inputs, labels: NDArray[np.str_]) -> Inputs:
    """The columns without those that repeat the label of each row in other words."""
    copies = label_copies(table.numbers(found.names, missing=True), labels)
    names = [name for name, copy in zip(found.names, copies, strict=True) if not copy]
    if len(names) == len(found.names) or not names:
        return found
    away = [name for name in found.names if name not in names]
    told = (
        f"left out, as they repeat the label in other words, in every row: {', '.join(map(repr, away))}; data.channels "
    )
    return Inputs(names, [*found.left_out, *away], [*found.notices, f"{told}names what is to be kept"])


def _known(like: Items | None) -> Known:
    """What the training items tell of the numbers of a table with test items."""
    return Known() if like is None else like.numbers_known


def _told(options: ItemOptions, like: Items | None) -> list[str]:
    """The columns that describe an item (label, group, split), rather than its measurements."""
    names = (*options.words, options.group, None if like else options.split)
    return list(dict.fromkeys(name for name in names if name is not None))


def _answers(table: Table, options: ItemOptions) -> tuple[NDArray[np.str_], NDArray[np.float64] | None]:
    """The label of each row as text, (rows,), and for numeric targets their values, (rows, targets)."""
    if not options.numbers:
        return _words(table, options.words[0], options), None
    numbers = table.numbers(options.numbers, "data.targets", missing=True)
    return _in_words(numbers), numbers


def _words(table: Table, name: str, options: ItemOptions) -> NDArray[np.str_]:
    """The cells of a column that describes items; only their label may be missing: such items are left out."""
    if name in options.words and not options.per_step:
        return table.text_there(name).to_numpy(dtype=np.str_)
    return table.text(name)


def _in_words(numbers: NDArray[np.float64]) -> NDArray[np.str_]:
    return np.array([" ".join(f"{value:.9g}" for value in row) for row in numbers])


def _inputs(
    table: Table,
    options: ItemOptions,
    like: Items | None,
    labels: NDArray[np.str_] | None,
    groups: Groups | None = None,
) -> Inputs:
    """The input columns: those that the option names, else those that hold measurements.

    For test items, those of the training items.
    """
    roles = {*options.words, *options.numbers, options.group, options.split, options.id, options.time}
    if like is not None and (options.id or options.per_step):
        return Inputs(list(like.channels))
    if like is not None:
        others = [name for name in table.columns if name not in {*roles, *like.left_out}]
        rest = [name for name in others if not matches(name, options.drop)]
        return Inputs(list(like.steps if options.channels else rest))
    others = without_dropped(options.drop, table, {*roles, *(set(options.channels) & set(table.columns))})
    asked = bool(options.channels)
    names = named(options.channels, table, others, "channels") if asked else others
    found = inputs(table, names, option="data.channels", labels=labels, groups=groups, asked=asked)
    dropped = [name for name in table.columns if name not in {*roles, *names, *others}]
    return replace(found, left_out=[*found.left_out, *dropped])


def _naming(options: ItemOptions) -> str:
    """The option that names the columns of values, or those that are none."""
    return "data.channels" if options.channels else DROP


def _one_step(longest: int, what: str) -> list[str]:
    """A sentence if items are no sequences."""
    if longest > 1:
        return []
    return [f"every item has one step, as each {what} is an item: there is nothing to remember from step to step"]


def _per_item(table: Table, name: str, written: NDArray[np.str_], groups: Groups) -> list[str]:
    """The value of each item in a column, which must be the same in all rows of the item.

    Raises:
        DataError: A value differs within an item.
    """
    cells = written[groups.order]
    first = np.repeat(cells[groups.starts], np.diff([*groups.starts, len(table)]))
    other = np.flatnonzero(cells != first)
    if len(other):
        raise DataError(
            f"{name} must be the same in all rows of an item",
            value=str(cells[other[0]]),
            fix=f"The item's first row says {str(first[other[0]])!r}.",
            where=table.place(groups.order[other[0]]),
        )
    return [str(cell) for cell in cells[groups.starts]]


def _dealing(words: Mapping[str, list[str]], places: list[str], options: ItemOptions, like: Items | None) -> _Dealing:
    """The groups and given splits of the items, if the table has them."""
    splits: list[Split] | None = None
    if options.split is not None and like is None:
        cells = words[options.split]
        splits = [split_named(cell, place, options.split) for cell, place in zip(cells, places, strict=True)]
    return {"groups": words[options.group] if options.group is not None else None, "splits": splits}


def _read_npz(path: Path, options: ItemOptions, like: Items | None) -> Items:
    told = [name for name in (options.group, None if like else options.split) if name is not None]
    arrays, unused = read_arrays(path, ("X", "y", *told), ("lengths",))
    lengths = arrays.get("lengths")
    x = steps_and_channels(arrays["X"], lengths, options, path)
    if np.isinf(x).any():
        place = tuple(int(index) for index in np.argwhere(np.isinf(x))[0])
        raise DataError(
            f"X{list(place)} must be a finite number",
            value=x[place].item(),
            fix="A missing value is NaN.",
            where=str(path),
        )
    sequences = items_in(x, lengths, path)
    numbers = numbers_in(arrays["y"], len(sequences), path) if options.numbers else None
    for name in told if options.numbers or options.per_step else ("y", *told):
        if arrays[name].shape != (len(sequences),) or arrays[name].dtype.kind not in "iuUb":
            raise DataError(
                f"{name} must hold {len(sequences)} {'classes' if name == 'y' else 'names'}, whole numbers or texts",
                value=f"{arrays[name].dtype} {arrays[name].shape}",
                where=str(path),
            )
    places = [f"{path}: item {index}" for index in range(len(sequences))]
    channels = tuple(f"channel {index + 1}" for index in range(sequences[0].shape[1]))
    words = {name: [str(word) for word in arrays[name].tolist()] for name in told}
    of_steps = step_labels_in(arrays["y"], sequences, path) if options.per_step else None
    if of_steps is not None:
        labels = [""] * len(sequences)
    else:
        labels = [str(word) for word in arrays["y"].tolist()] if numbers is None else _in_words(numbers).tolist()
    doubts = doubtful_values(sequences, labels) if like is None else []
    notices = [*laid_out(sequences, options, path), *doubts, *unused_in(unused, path)]
    return Items(
        sequences,
        labels,
        places,
        channels,
        **_dealing(words, places, options, like),
        notices=tuple(notices),
        targets=() if numbers is None else targets_in(options, numbers.shape[1]),
        values=numbers,
        of_steps=of_steps,
    )
