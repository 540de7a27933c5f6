"""Reading labelled sequences: a .ts file, a table, or NumPy arrays."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.options import ClassificationOptions
from tuner.adapters.time_series.table import SUFFIXES, Table
from tuner.adapters.time_series.ts_file import read_ts
from tuner.errors import DataError, nearest


def read_items(path: Path, options: ClassificationOptions) -> Items:
    """Read the items of a file; its ending says the form.

    Raises:
        DataError: The file is missing, damaged, or of no known form.
    """
    suffix = path.suffix.lower()
    if suffix in (".ts", ".npz") and (options.id or options.channels):
        raise DataError(
            "data.id and data.channels must be left out where the file is no table",
            value=path.name,
            key=("data", "id" if options.id else "channels"),
        )
    if suffix == ".ts":
        return read_ts(path)
    if suffix == ".npz":
        return _read_npz(path)
    if suffix in SUFFIXES:
        return _read_long(path, options) if options.id else _read_wide(path, options)
    raise DataError(
        "the file's ending must be one of .ts .npz " + " ".join(SUFFIXES),
        value=path.name,
        fix="Convert the file, or rename it if it is one of these.",
        key=("data", "path"),
    )


def _read_wide(path: Path, options: ClassificationOptions) -> Items:
    """One row per item: one channel whose steps are the columns."""
    table = Table(path, [options.label], options.channels, options.writing)
    columns = options.channels or [name for name in table.columns if name != options.label]
    values = table.numbers(columns)
    labels = table.text(options.label).tolist()
    return Items([row[:, None] for row in values], labels, table.places(), ("value",))


def _read_long(path: Path, options: ClassificationOptions) -> Items:
    """One row per step: items by `id`, steps by `time`, channels by column."""
    assert options.id is not None
    text = [name for name in (options.id, options.label, options.time) if name is not None]
    table = Table(path, text, options.channels, options.writing)
    channels = options.channels or tuple(name for name in table.columns if name not in text)
    groups = table.groups(options.id, options.time)
    values, labels = table.numbers(channels)[groups.order], table.text(options.label)[groups.order]
    first = np.repeat(labels[groups.starts], np.diff([*groups.starts, len(table)]))
    other = np.flatnonzero(labels != first)
    if len(other):
        raise DataError(
            f"{options.label} must be the same in all rows of an item",
            value=str(labels[other[0]]),
            fix=f"The item's first row says {str(first[other[0]])!r}.",
            where=table.place(groups.order[other[0]]),
        )
    places = table.places()
    return Items(
        np.split(values, groups.starts[1:]),
        labels[groups.starts].tolist(),
        [places[row] for row in groups.order[groups.starts]],
        channels,
    )


def _read_npz(path: Path) -> Items:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            "the file must be a readable .npz of plain arrays",
            value=str(error),
            fix="Save it by numpy.savez without objects.",
            where=str(path),
        ) from error
    for name in ("X", "y"):
        if name not in arrays:
            raise DataError(f"there must be an array {name!r}", fix=nearest(name, arrays), where=str(path))
    x, y, lengths = arrays["X"], arrays["y"], arrays.get("lengths")
    wanted = (1, 2) if lengths is not None else (2, 3)
    if x.ndim not in wanted or x.dtype.kind not in "iufb":
        raise DataError(
            "X must hold numbers, (items, steps[, channels]), or with lengths (all steps[, channels])",
            value=f"{x.dtype} {x.shape}",
            where=str(path),
        )
    x = np.asarray(x, dtype=np.float64)
    if not np.isfinite(x).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(x))[0])
        raise DataError(
            f"X{list(place)} must be a finite number",
            value=x[place].item(),
            fix="Fill the gap.",
            where=str(path),
        )
    if x.ndim == wanted[0]:
        x = x[..., None]
    sequences = list(x) if lengths is None else np.split(x, _ends(lengths, len(x), path))
    if y.shape != (len(sequences),) or y.dtype.kind not in "iuUb":
        raise DataError(
            f"y must hold {len(sequences)} classes, whole numbers or texts",
            value=f"{y.dtype} {y.shape}",
            where=str(path),
        )
    if not sequences:
        raise DataError("X must have items", value=0, where=str(path))
    places = [f"{path}: item {index}" for index in range(len(sequences))]
    channels = tuple(f"channel {index + 1}" for index in range(x.shape[-1]))
    return Items(sequences, [str(label) for label in y.tolist()], places, channels)


def _ends(lengths: NDArray[np.generic], steps: int, path: Path) -> NDArray[np.int64]:
    """Where each item but the last ends in the concatenated steps."""
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or not len(lengths) or (lengths.astype(int) < 0).any():
        raise DataError(
            "lengths must be whole numbers >= 0, one per item",
            value=f"{lengths.dtype} {lengths.shape}",
            where=str(path),
        )
    ends = np.cumsum(lengths.astype(np.int64))
    if ends[-1] != steps:
        raise DataError("lengths must add up to the rows of X", value=f"{ends[-1]}, {steps}", where=str(path))
    return ends[:-1]
