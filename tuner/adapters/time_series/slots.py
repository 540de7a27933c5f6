"""Opening hours: the slots of a week, one per time step, at which series have rows.

N times of a series, S slots with rows, numbered from Monday 00:00 in steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WEEK, _SHORTEST = 7 * 86_400, 60
_MONDAY = np.datetime64("1970-01-05", "us")
_WEEKS = 2
"""A slot counts as closed if it is empty over this duration."""
_THERE = 0.9
"""More than this share of the slots between first and last row must have rows; the others are holidays and gaps."""


def slots_of(times: NDArray[Any], starts: NDArray[np.int64], seconds: float) -> tuple[int, ...]:
    """The slots of all series; empty if every slot has rows, or if there is no regular pattern.

    Args:
        times: Sorted within each series, series after series, datetime64.
        starts: Where each series begins.
        seconds: The usual step.
    """
    if seconds != int(seconds) or seconds < _SHORTEST or _WEEK % seconds or not _on_grid(times, int(seconds)):
        return ()
    number_N = _number(times, int(seconds))
    a_week = _WEEK // int(seconds)
    slots = np.unique(number_N % a_week)
    ends = np.append(starts[1:], len(times))
    if len(slots) == a_week or (number_N[ends - 1] - number_N[starts]).max() < _WEEKS * a_week:
        return ()
    place_N = places(times, slots.tolist(), seconds)
    there = int((place_N[ends - 1] - place_N[starts] + 1).sum())
    return tuple(slots.tolist()) if len(times) > _THERE * there else ()


def places(times: NDArray[Any], slots: Sequence[int], seconds: float) -> NDArray[np.int64]:
    """The position of each time in the sequence of slots of all weeks; between two slots, that of the later one."""
    week_N, slot_N = np.divmod(_number(times, int(seconds)), _WEEK // int(seconds))
    return np.asarray(week_N * len(slots) + np.searchsorted(slots, slot_N), dtype=np.int64)


def after(time: Any, slots: Sequence[int], seconds: float, number: int) -> NDArray[Any]:
    """The times of the next slots, (number,)."""
    last = np.asarray(time).reshape(1)
    before = int(places(last, slots, seconds)[0]) + int(
        _number(last, int(seconds))[0] % (_WEEK // int(seconds)) in slots
    )
    week_N, at_N = np.divmod(before + np.arange(number), len(slots))
    ticks_N = (week_N * (_WEEK // int(seconds)) + np.asarray(slots)[at_N]) * int(seconds)
    phase = (last - _MONDAY) % np.timedelta64(int(seconds), "s")
    return np.asarray((_MONDAY + phase + ticks_N.astype("timedelta64[s]")).astype(last.dtype))


def season_of(slots: Sequence[int], seconds: float) -> int:
    """Steps of a day if all opening days have the same length, else of a week."""
    a_day = _WEEK // int(seconds) / 7
    if a_day != int(a_day):
        return len(slots)
    counts = {count for count in np.bincount(np.asarray(slots) // int(a_day)).tolist() if count}
    return counts.pop() if len(counts) == 1 else len(slots)


def _on_grid(times: NDArray[Any], seconds: int) -> bool:
    return bool(((times - times[0]) % np.timedelta64(seconds, "s") == np.timedelta64(0, "s")).all())


def _number(times: NDArray[Any], seconds: int) -> NDArray[np.int64]:
    """Whole steps since a Monday."""
    since: Any = times - _MONDAY
    return np.asarray(since // np.timedelta64(seconds, "s"), dtype=np.int64)
