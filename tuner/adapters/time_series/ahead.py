"""Times beyond the end of a series, step by step, on the calendar of its own times.

T times of a series, N times ahead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.slots import after
from tuner.adapters.time_series.steps import Step

_DAY = 86_400.0


def ahead(times_T: NDArray[Any], step: Step, number: int) -> NDArray[np.generic]:
    """The times after the last one, (N,), of the same type.

    A step of months keeps the day of the month: the last day, the last or first working day, or else the same day,
    limited by the length of the month. Steps of weekdays continue with the series' days of the week, slots with its
    opening hours.

    Args:
        times_T: At least one, ascending: numbers, or datetime64 in local time.
        step: Their usual step.
        number: Number of times, N.
    """
    count_N: NDArray[Any] = np.arange(1, number + 1)
    if times_T.dtype.kind != "M":
        whole = times_T.dtype.kind == "i" and step.length == int(step.length)
        numbers: NDArray[np.generic] = times_T[-1] + count_N * (int(step.length) if whole else step.length)
        return numbers
    times_T = times_T.astype("datetime64[ns]" if times_T.dtype == "datetime64[ns]" else "datetime64[us]")
    if step.kind == "slots":
        return after(times_T[-1], step.slots, step.length, number)
    if step.kind == "fixed":
        return np.asarray(times_T[-1:] + _durations(count_N, step.length, times_T))
    day_T = times_T.astype("datetime64[D]")
    clock: Any = times_T[-1] - day_T[-1]
    if step.kind == "months":
        day_N = _by_months(day_T, int(step.length) * count_N)
    else:
        day_N = np.busday_offset(day_T[-1], count_N, roll="backward", weekmask=list(step.weekdays))
    return np.asarray(day_N.astype(times_T.dtype) + clock)


def keeps_days(step: Step) -> bool:
    """Whether a step follows the calendar, and so keeps the time of day when clocks change."""
    return step.kind in ("months", "weekdays") or step.length % _DAY == 0


def _durations(count_N: NDArray[Any], seconds: float, times_T: NDArray[Any]) -> NDArray[Any]:
    unit, per_second = ("ns", 1e9) if times_T.dtype == "datetime64[ns]" else ("us", 1e6)
    ticks = seconds * per_second
    exact_N = count_N * round(ticks) if abs(ticks - round(ticks)) < 1e-6 else np.rint(count_N * ticks).astype(np.int64)
    durations: NDArray[Any] = exact_N.astype(f"timedelta64[{unit}]")
    return durations


def _by_months(day_T: NDArray[Any], months_N: NDArray[Any]) -> NDArray[Any]:
    """Days in the months that are this many after the month of the last day."""
    month_T = day_T.astype("datetime64[M]")
    month_N = month_T[-1] + months_N.astype("timedelta64[M]")
    for rule in (_last, _last_working, _first_working):
        if (day_T == rule(month_T)).all() and not (rule is _first_working and len(set(_of_month(day_T))) == 1):
            return rule(month_N)
    same: NDArray[Any] = np.minimum(month_N.astype("datetime64[D]") + _of_month(day_T).max(), _last(month_N))
    return same


def _of_month(day_T: NDArray[Any]) -> NDArray[Any]:
    """Days since the first of the month."""
    since: NDArray[Any] = day_T - day_T.astype("datetime64[M]").astype("datetime64[D]")
    return since


def _last(month_T: NDArray[Any]) -> NDArray[Any]:
    days: NDArray[Any] = (month_T + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return days


def _last_working(month_T: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.busday_offset(_last(month_T), 0, roll="backward"))


def _first_working(month_T: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.busday_offset(month_T.astype("datetime64[D]"), 0, roll="forward"))
