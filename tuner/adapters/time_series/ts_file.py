"""The .ts format of the UCR/UEA and TSER archives: tags, `@data`, then one item a line.

    @problemName GunPoint
    @classLabel true 1 2
    @data
    -0.64,-0.62,0.31:1.0,1.1,1.2:2          commas separate steps, colons channels; the class is last

With @targetLabel true, the last value is a number instead.

Reference:
    Bagnall et al. 2018, arXiv:1811.00075; the format's page at time-series-classification.com. Deviation:
    time stamps and missing values (`?`) are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.files import read_text
from tuner.adapters.lines import lines_of
from tuner.adapters.missing import WORDS
from tuner.adapters.time_series.items import Items
from tuner.errors import DataError

_CLASS, _TARGET = "classLabel", "targetLabel"
"""Tags for the last value of a line."""
_ADAPTERS = {_CLASS: "time_series/classification", _TARGET: "time_series/regression"}


def read_ts(path: Path, targets: Sequence[str] = ()) -> Items:
    """Every item of a .ts file.

    Args:
        path: The file.
        targets: The name of the items' number, if items have numbers instead of classes.

    Raises:
        DataError: A tag, a line or a cell is damaged, or there is no class to learn.
    """
    tags: dict[str, list[str]] = {}
    sequences: list[NDArray[np.float64]] = []
    labels: list[str] = []
    places: list[str] = []
    lines = enumerate(read_text(path).split("\n"), start=1)
    if len(targets) > 1:
        raise DataError(
            "data.targets must name one number where the file is of the form .ts",
            value=list(targets),
            fix="A .ts file has one number per item; for several, use a table or an .npz.",
            key=("data", "targets"),
        )
    kind, what = (_TARGET, "a number") if targets else (_CLASS, "a class")
    for line, where in _lines(((line, f"{path}:{number}") for number, line in lines), tags, kind):
        *channels, label = line.split(":")
        if not channels or not label.strip():
            raise DataError(f"the line must hold values and then {what}, separated by ':'", value=line, where=where)
        sequences.append(item_of(channels, where))
        labels.append(label.strip())
        places.append(where)
        if targets and not _is_finite(labels[-1]):
            raise DataError("the last value of the line must be a finite number", value=labels[-1], where=where)
        _check_item(sequences, labels[-1], tags, where)
    if not sequences:
        raise DataError("the file must have items after @data", value=0, fix="Check that it is whole.", where=str(path))
    width = sequences[0].shape[1]
    return Items(
        sequences,
        labels,
        places,
        tuple(f"channel {index + 1}" for index in range(width)),
        targets=tuple(targets),
        values=np.array(labels, dtype=np.float64)[:, None] if targets else None,
    )


def read_new(path: Path) -> Iterator[tuple[list[str], str]]:
    """The unparsed channels of every item, and its place; a class or number is left out if tags announce one.

    Raises:
        DataError: A tag is damaged.
    """
    tags: dict[str, list[str]] = {}
    for line, where in _lines(lines_of(path), tags):
        parts = line.split(":")
        told = any(tags.get(kind.lower(), ["false"])[0].lower() == "true" for kind in (_CLASS, _TARGET))
        yield parts[:-1] if told else parts, where


def _lines(lines: Iterable[tuple[str, str]], tags: dict[str, list[str]], kind: str = "") -> Iterator[tuple[str, str]]:
    """The lines after @data, and their places; the tags before are stored in `tags`."""
    for raw, where in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if "data" in tags:
            yield line, where
        else:
            _read_tag(line, tags, where, kind)


def _read_tag(line: str, tags: dict[str, list[str]], where: str, kind: str) -> None:
    name, *values = line.split()
    if not name.startswith("@"):
        raise DataError(
            "the lines before @data must be tags or comments",
            value=line,
            fix="Begin the file with @classLabel true ... and @data.",
            where=where,
        )
    tags[name[1:].lower()] = values
    if name.lower() == "@timestamps" and values[:1] != ["false"]:
        raise DataError("@timeStamps must be false", value=" ".join(values), fix="Save the values alone.", where=where)
    if kind and name.lower() == "@data" and tags.get(kind.lower(), [""])[0].lower() != "true":
        other = _TARGET if kind == _CLASS else _CLASS
        fix = "Add @classLabel true 1 2." if kind == _CLASS else "Add @targetLabel true."
        if tags.get(other.lower(), [""])[0].lower() == "true":
            fix = f"It has @{other}: the adapter for such files is {_ADAPTERS[other]}."
        rule = "@classLabel must be true and list the classes" if kind == _CLASS else "@targetLabel must be true"
        raise DataError(rule, fix=fix, where=where)


def item_of(channels: Sequence[str], where: str) -> NDArray[np.float64]:
    """Parse the values of an item (steps, channels); NaN where they are missing.

    Raises:
        DataError: The channels are not equally long, or a cell is no finite number.
    """
    cells = [channel.split(",") if channel.strip() else [] for channel in channels]
    cells = [["nan" if cell.strip() in WORDS - {""} else cell for cell in values] for values in cells]
    if len({len(values) for values in cells}) > 1:
        raise DataError(
            "the channels of an item must have the same number of steps",
            value=[len(values) for values in cells],
            fix="Cut or resample them.",
            where=where,
        )
    try:
        item = np.array(cells, dtype=np.float64).T
        if not np.isinf(item).any():
            return item
    except ValueError:
        pass  # the faulty cell is named below
    bad = next(cell for values in cells for cell in values if cell != "nan" and not _is_finite(cell))
    raise DataError("a value must be a finite number", value=bad, fix="Correct it, or delete the item.", where=where)


def _check_item(sequences: Sequence[NDArray[np.float64]], label: str, tags: dict[str, list[str]], where: str) -> None:
    width = sequences[-1].shape[1]
    if width != sequences[0].shape[1]:
        raise DataError(f"an item must have {sequences[0].shape[1]} channels like the first", value=width, where=where)
    if "classlabel" in tags and label not in tags["classlabel"][1:]:
        raise DataError(
            "a class must be listed in @classLabel",
            value=label,
            fix=f"Listed: {', '.join(tags['classlabel'][1:])}.",
            where=where,
        )


def _is_finite(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
