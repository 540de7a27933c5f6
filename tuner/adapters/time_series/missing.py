"""Missing values among the measurements of items. T steps, C channels; NaN stands for a missing value."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.classification import check_kept
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.options import Missing
from tuner.errors import DataError

_MASK = " missing"
"""Ends the name of a channel that says where another one's value is missing."""
_SHOWN = 3
_DONE = {
    "interpolate": "filled by interpolation within the item",
    "forward": "filled with the value before",
    "zero": "filled with 0",
    "mask": "filled by interpolation within the item, with a channel beside that says where",
}
"""Policy -> what it did."""


class Treated(NamedTuple):
    """Items without missing values, and the number of those left out because of them."""

    items: Items
    left_out: int


def filled(values_TC: NDArray[np.float64], policy: Missing) -> NDArray[np.float64]:
    """The values with missing ones filled in, (T, C), or (T, 2 C) with mask; other values are unchanged.

    Missing values remain in a channel without any value, and with drop or refuse; zero fills all of them.
    """
    missing_TC = np.isnan(values_TC)
    if policy == "mask":
        return np.concatenate([filled(values_TC, "interpolate"), missing_TC.astype(np.float64)], axis=1)
    if policy in ("drop", "refuse") or not missing_TC.any():
        return values_TC
    if policy == "zero":
        return np.where(missing_TC, 0.0, values_TC)
    found_TC = values_TC.copy()
    step_T = np.arange(len(values_TC))
    for channel in np.flatnonzero(missing_TC.any(axis=0) & ~missing_TC.all(axis=0)):
        there = np.flatnonzero(~missing_TC[:, channel])
        if policy == "forward":
            before_T = np.searchsorted(there, step_T, side="right") - 1
            found_TC[:, channel] = values_TC[there[before_T.clip(0)], channel]
        else:
            found_TC[:, channel] = np.interp(step_T, there, values_TC[there, channel])
    return found_TC


def with_masks(channels: tuple[str, ...], policy: Missing) -> tuple[str, ...]:
    """The names of the channels of `filled`."""
    return (*channels, *(name + _MASK for name in channels)) if policy == "mask" else channels


def measured(channels: tuple[str, ...], policy: Missing) -> tuple[str, ...]:
    """Those of `with_masks` that are in the data."""
    return channels[: len(channels) // 2] if policy == "mask" else channels


def treated(items: Items, policy: Missing) -> Treated:
    """The items by the policy; those that still have missing values are left out.

    Raises:
        DataError: A value is missing, with refuse; no item, or none of a class, is left.
    """
    missing_N = np.array([int(np.isnan(item).sum()) for item in items.sequences])
    if policy == "refuse":
        for index in np.flatnonzero(missing_N)[:1]:
            step, channel = np.argwhere(np.isnan(items.sequences[index]))[0]
            raise DataError(
                f"{items.channels[channel]} must not be missing",
                value=f"step {step + 1} of the item",
                fix="Fill the gap, or set data.missing.",
                where=items.places[index],
            )
    if policy != "mask" and not missing_N.any():
        return Treated(items, 0)
    sequences = [filled(item, policy) for item in items.sequences]
    whole_N = np.array([not np.isnan(item).any() for item in sequences])
    found = replace(items, sequences=sequences, channels=with_masks(items.channels, policy))
    kept = found.subset(np.flatnonzero(whole_N))
    if not len(kept):
        raise DataError(
            "at least one item must be without missing values",
            value=0,
            fix="data.missing says how they are filled; a column without values is left out by data.channels.",
            where=items.places[0],
        )
    if items.classified:
        fix = "data.missing says how they are filled."
        check_kept(items.labels, kept.labels, items.places, "with missing values", fix)
    told = _told(items, missing_N * whole_N, policy)
    return Treated(replace(kept, notices=(*items.notices, *told)), int((~whole_N).sum()))


def _told(items: Items, filled_N: NDArray[np.int64], policy: Missing) -> list[str]:
    """A sentence on what was filled."""
    if not filled_N.any():
        return []
    missing_C = sum(np.isnan(items.sequences[index]).any(axis=0) for index in np.flatnonzero(filled_N))
    names = [items.channels[channel] for channel in np.flatnonzero(missing_C)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    where = f" ({', '.join(names[:_SHOWN])}{more})" if len(items.channels) > 1 else ""
    count, some = int(filled_N.sum()), int((filled_N > 0).sum())
    values = "1 missing value" if count == 1 else f"{count:,} missing values"
    return [f"{values} in {some} of {len(items)} items{where}: {_DONE[policy]}; set data.missing to change that"]
