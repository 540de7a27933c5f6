"""Missing values among the measurements of items. T steps, C channels; NaN stands for a missing value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.classification import check_kept
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.named_columns import best, check_matched
from tuner.adapters.time_series.options import Missing, MissingOption
from tuner.errors import DataError
from tuner.words import first_few

_MASK = " missing"
"""Ends the name of a channel that says where another one's value is missing."""
_STATES = 10
"""Up to this many different whole numbers are states, between which nothing lies: a switch, a gear, a rating."""
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


def said_of(name: str, option: MissingOption) -> Missing | None:
    """The policy that the option names for a column; None: by its values."""
    said = option if isinstance(option, str) else option.get(best(name, option), "auto")
    return None if said == "auto" else said


def policies_of(items: Items, option: MissingOption) -> tuple[Missing, ...]:
    """The policy of each channel: as the option says, else forward for few whole numbers, interpolate for others.

    Raises:
        DataError: A name or pattern of the option matches no channel.
    """
    if not isinstance(option, str):
        check_matched(option, items.channels, "missing", items.places[0])
    said = [said_of(name, option) for name in items.channels]
    return tuple(
        policy or ("forward" if _has_states(items.sequences, channel) else "interpolate")
        for channel, policy in enumerate(said)
    )


def _has_states(sequences: Sequence[NDArray[np.float64]], channel: int) -> bool:
    """Whether all values of a channel are few whole numbers."""
    found: set[float] = set()
    for item in sequences:
        values = item[:, channel][~np.isnan(item[:, channel])]
        if (values % 1 != 0).any():
            return False
        found.update(np.unique(values).tolist())
        if len(found) > _STATES:
            return False
    return True


def filled(values_TC: NDArray[np.float64], policies: Sequence[Missing]) -> NDArray[np.float64]:
    """The values with missing ones filled in, (T, C + masked channels); other values are unchanged.

    Missing values remain in a channel without any value, and with drop or refuse; zero fills all of them.

    Args:
        values_TC: An item.
        policies: The policy of each channel.
    """
    missing_TC = np.isnan(values_TC)
    found_TC = values_TC.copy() if missing_TC.any() else values_TC
    step_T = np.arange(len(values_TC))
    for channel in np.flatnonzero(missing_TC.any(axis=0)):
        policy, there = policies[channel], np.flatnonzero(~missing_TC[:, channel])
        if policy == "zero":
            found_TC[missing_TC[:, channel], channel] = 0
        elif policy == "forward" and len(there):
            before_T = np.searchsorted(there, step_T, side="right") - 1
            found_TC[:, channel] = values_TC[there[before_T.clip(0)], channel]
        elif policy in ("interpolate", "mask") and len(there):
            found_TC[:, channel] = np.interp(step_T, there, values_TC[there, channel])
    masked = [policy == "mask" for policy in policies]
    return np.concatenate([found_TC, missing_TC[:, masked]], axis=1) if any(masked) else found_TC


def with_masks(channels: Sequence[str], policies: Sequence[Missing]) -> tuple[str, ...]:
    """The names of the channels of `filled`."""
    return (*channels, *(name + _MASK for name in compress(channels, [policy == "mask" for policy in policies])))


def told_by(channels: Sequence[str], policies: Sequence[Missing]) -> str:
    """How the channels are filled, in words."""
    if len(set(policies)) == 1:
        return policies[0]
    return ", ".join(f"{name} {policy}" for name, policy in zip(channels, policies, strict=True))


def treated(items: Items, policies: Sequence[Missing]) -> Treated:
    """The items by the policies of their channels; those that still have missing values are left out.

    Raises:
        DataError: A value is missing, with refuse; no item, or none of a class, is left.
    """
    items = replace(items, missing=tuple(policies))
    missing_NC = np.array([np.isnan(item).sum(axis=0) for item in items.sequences])
    refused_C = np.array([policy == "refuse" for policy in policies])
    for index in np.flatnonzero(missing_NC[:, refused_C].any(axis=1))[:1]:
        step, channel = np.argwhere(np.isnan(items.sequences[index]) & refused_C)[0]
        raise DataError(
            f"{items.channels[channel]} must not be missing",
            value=f"step {step + 1} of the item",
            fix="Fill the gap, or set data.missing.",
            where=items.places[index],
        )
    if "mask" not in policies and not missing_NC.any():
        return Treated(items, 0)
    sequences = [filled(item, policies) for item in items.sequences]
    whole_N = np.array([not np.isnan(item).any() for item in sequences])
    found = replace(items, sequences=sequences, channels=with_masks(items.channels, policies))
    kept = found.subset(np.flatnonzero(whole_N))
    if not len(kept):
        raise DataError(
            "at least one item must be without missing values",
            value=0,
            fix="data.missing says how they are filled; a column without values is left out by data.drop.",
            where=items.places[0],
        )
    if items.classified:
        fix = "data.missing says how they are filled."
        check_kept(items.labels, kept.labels, items.places, "with missing values", fix)
    told = _told(items, missing_NC * whole_N[:, None])
    return Treated(replace(kept, notices=(*items.notices, *told)), int((~whole_N).sum()))


def _told(items: Items, filled_NC: NDArray[np.int64]) -> list[str]:
    """A sentence on what was filled by each policy."""
    sentences = []
    for policy, done in _DONE.items():
        by_NC = filled_NC * [each == policy for each in items.missing]
        if not by_NC.any():
            continue
        names = [items.channels[channel] for channel in np.flatnonzero(by_NC.any(axis=0))]
        where = f" ({first_few(names, _SHOWN)})" if len(items.channels) > 1 else ""
        count, some = int(by_NC.sum()), int(by_NC.any(axis=1).sum())
        values = "1 missing value" if count == 1 else f"{count:,} missing values"
        said = f"{values} in {some} of {len(items)} items{where}: {done}; set data.missing to change that"
        sentences.append(said)
    return sentences
