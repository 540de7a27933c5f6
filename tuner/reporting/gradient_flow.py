"""The share of a gradient that is left on its way back through time, for drawing and for judging."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from tuner.diagnostics.case import reach
from tuner.diagnostics.names import CELL_ATTENUATION, STATE_GRAD
from tuner.disk.events import RunRecord

MOST_LAGS = 12
"""Number of drawn points of a profile; a sequence is read in about ten parts."""
LEAST_SHARE = 1e-16
"""Smallest share of a gradient that is drawn."""
Profile: TypeAlias = Sequence[tuple[float, float]]
"""Lags in steps, and values."""


def lag_of(record: RunRecord, epoch: int) -> float | None:
    """The lag of one epoch, see `reach`."""
    profiles = record.epochs.get(epoch, {}).get("profiles") or {}
    return reach([profiles.get(STATE_GRAD) or {}], record.results.get("lag"))


def share_left(profile: Profile) -> Profile:
    """The share of a gradient left at each lag, relative to the smallest lag; empty if the gradient there is 0."""
    known = [(lag, value) for lag, value in profile if math.isfinite(value)]
    if len(known) < 2:
        return ()
    start = known[0][1] or math.inf
    return [(lag, max(value / start, LEAST_SHARE)) for lag, value in _together(known)]


def _together(profile: Profile) -> Profile:
    """Merge neighbouring lags if there are many: each lag has other items, which would show as a zigzag."""
    group = -(-len(profile) // MOST_LAGS)
    if group == 1:
        return profile
    parts = [profile[start : start + group] for start in range(1, len(profile), group)]
    means = [
        (sum(lag for lag, _ in part) / len(part), math.hypot(*(v for _, v in part)) / math.sqrt(len(part)))
        for part in parts
    ]
    return [profile[0], *means]


def judged_slope(record: RunRecord, cell: str, epoch: int) -> Profile:
    """Both ends of the line by which a look is judged, fitted to the logarithms of all values; empty if unknown.

    Args:
        record: The run.
        cell: Of the network.
        epoch: Of the look.
    """
    power = ((record.epochs[epoch].get("tensors") or {}).get(CELL_ATTENUATION) or {}).get(cell)
    lag = lag_of(record, epoch)
    if power is None or not lag or abs(power) >= -math.log10(LEAST_SHARE):
        return ()
    return (0, 1.0), (lag, 10.0**power)
