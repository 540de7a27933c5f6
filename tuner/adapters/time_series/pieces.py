"""Recordings with a class per step are cut into pieces; one or two recordings are also split in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tuner.adapters.base import Split
from tuner.adapters.splits import SPLITS
from tuner.adapters.time_series.item_options import ItemOptions, LabellingOptions
from tuner.adapters.time_series.items import Items
from tuner.errors import DataError
from tuner.words import counted

PIECES, SHORTEST, LONGEST = 50, 16, 1000
"""Pieces of one or two recordings if the option is not given, and the bounds of their rows."""


class Cut(NamedTuple):
    """The items, one or two recordings in pieces with their splits; rows of a piece, None if all are whole."""

    parts: list[Items]
    window: int | None
    notices: list[str]


def cut_few(options: ItemOptions, parts: list[Items]) -> Cut:
    """Cut recordings that are too few to be split as a whole.

    Args:
        options: The adapter's; of others than labelling nothing is cut.
        parts: The items, and the test items if they are in another file.

    Raises:
        DataError: A recording has too few pieces.
    """
    if not isinstance(options, LabellingOptions):
        return Cut(parts, None, [])
    items, *held = parts
    if items.splits is not None or len(items) >= (2 if held else 3):
        return Cut(parts, options.window, [])
    rows = sum(map(len, items.sequences))
    window = options.window or min(max(rows // PIECES, SHORTEST), LONGEST)
    splits = [
        split
        for sequence, place in zip(items.sequences, items.places, strict=True)
        for split in _in_time(len(sequence), window, options, place, held=bool(held))
    ]
    shares = ", ".join(f"{splits.count(split)} {split}" for split in SPLITS if split in splits)
    told = (
        f"{counted(len(items), 'recording')} cut into pieces of {window} rows, in time {shares}; "
        "data.window sets their rows"
    )
    return Cut([replace(items.cut(window), splits=splits), *held], window, [told])


def _in_time(rows: int, window: int, options: LabellingOptions, place: str, *, held: bool) -> Sequence[Split]:
    """The split of each piece of a recording."""
    pieces = -(-rows // window)
    test = 0 if held else max(1, round(pieces * options.test))
    val = max(1, round((pieces - test) * options.val))
    if test + val >= pieces:
        raise DataError(
            "a recording that is split in time must have a piece for each split",
            value=f"{rows} rows, pieces of {window}",
            fix="Set data.window to fewer rows, or give at least three recordings.",
            where=place,
            key=("data", "window"),
        )
    shares: dict[Split, int] = {"train": pieces - val - test, "val": val, "test": test}
    return [split for split, count in shares.items() for _ in range(count)]
