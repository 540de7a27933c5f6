"""Arrays of items: their layout, their steps, and their labels or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.arrays import check_lengths
from tuner.adapters.time_series.item_options import ItemOptions
from tuner.errors import DataError


def step_labels_in(
    y: NDArray[np.generic], sequences: Sequence[NDArray[np.float64]], path: Path
) -> list[NDArray[np.str_]]:
    """The labels of the steps of each item.

    Raises:
        DataError: There is not one for each step.
    """
    lengths = [len(item) for item in sequences]
    shapes = [(sum(lengths),), *([(len(lengths), lengths[0])] if len(set(lengths)) == 1 else [])]
    if y.shape not in shapes or y.dtype.kind not in "iuUb":
        raise DataError(
            f"y must hold a class for each of the {sum(lengths)} steps, whole numbers or texts",
            value=f"{y.dtype} {y.shape}",
            where=str(path),
        )
    return np.split(y.ravel().astype(np.str_), np.cumsum(lengths)[:-1])


def numbers_in(y: NDArray[np.generic], items: int, path: Path) -> NDArray[np.float64]:
    """The numbers of items, (items, targets).

    Raises:
        DataError: They are not.
    """
    if y.ndim not in (1, 2) or len(y) != items or y.dtype.kind not in "iuf" or not y.size:
        raise DataError(
            f"y must hold numbers, ({items} items,) or ({items} items, targets)",
            value=f"{y.dtype} {y.shape}",
            where=str(path),
        )
    values = np.asarray(y, dtype=np.float64).reshape(items, -1)
    for row in np.flatnonzero(~np.isfinite(values).all(axis=1))[:1]:
        raise DataError(
            "the targets of an item must be finite numbers",
            value=values[row].tolist(),
            fix="Leave the item out.",
            where=f"{path}: item {row}",
        )
    return values


def targets_in(options: ItemOptions, count: int) -> tuple[str, ...]:
    """The names of the targets of an archive."""
    if len(options.numbers) == count:
        return options.numbers
    return tuple(f"target {index + 1}" for index in range(count))


def steps_and_channels(
    x: NDArray[np.generic], lengths: NDArray[np.generic] | None, options: ItemOptions, path: Path
) -> NDArray[np.float64]:
    """X as (items, steps[, channels]), or with lengths (all steps[, channels]), from either layout.

    Raises:
        DataError: It has another shape or type.
    """
    wanted = (1, 2) if lengths is not None else (2, 3)
    if x.ndim not in wanted or x.dtype.kind not in "iufb":
        raise DataError(
            "X must hold numbers, (items, steps[, channels]), or with lengths (all steps[, channels])",
            value=f"{x.dtype} {x.shape}",
            where=str(path),
        )
    if options.layout == "channels_first":
        if x.ndim == wanted[0]:
            raise DataError(
                "data.layout must be left out where X has no axis of channels", value=x.shape, key=("data", "layout")
            )
        x = x.swapaxes(-1, -2)
    return np.asarray(x, dtype=np.float64)


def items_in(x: NDArray[np.float64], lengths: NDArray[np.generic] | None, path: Path) -> list[NDArray[np.float64]]:
    """The items (steps, channels) from the result of `steps_and_channels`.

    Raises:
        DataError: The lengths do not fit.
    """
    x = x[..., None] if x.ndim == (2 if lengths is None else 1) else x
    return list(x) if lengths is None else np.split(x, _ends(lengths, x, path))


def laid_out(sequences: Sequence[NDArray[np.float64]], options: ItemOptions, path: Path) -> list[str]:
    """Sentences about items with more channels than steps.

    Raises:
        DataError: They have one step, and data.layout is not set.
    """
    steps, channels = max(map(len, sequences)), sequences[0].shape[1]
    if options.layout is not None or channels <= steps:
        return []
    other = "if it is laid out (item, channel, step), as in aeon, sktime and tsai, set data.layout: channels_first"
    if steps == 1:
        raise DataError(
            f"items must have more than one step, but X holds items of 1 step with {channels} channels",
            fix=f"{other[:1].upper()}{other[1:]}; if one step is meant, channels_last.",
            where=str(path),
        )
    return [f"X is read as items of {steps} steps with {channels} channels; {other}, else channels_last"]


def unused_in(names: Sequence[str], path: Path) -> list[str]:
    """A sentence about unused arrays."""
    if not names:
        return []
    return [
        f"{path.name} has arrays that are not used: {', '.join(sorted(names))}; data.group and data.split name "
        "the arrays of groups and of train, val or test"
    ]


def _ends(lengths: NDArray[np.generic], x: NDArray[np.float64], path: Path) -> NDArray[np.int64]:
    """The ends of all items but the last in the concatenated steps."""
    turned = "X is laid out the other way: give the other data.layout, channels_first or channels_last."
    other = lengths.dtype.kind in "iu" and sum(lengths.ravel().tolist()) == x.shape[1]
    return np.cumsum(check_lengths(lengths, len(x), path, fix=turned if other else ""))[:-1]
