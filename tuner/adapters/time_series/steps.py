"""The usual time step, its season, and the position of each row on the grid of steps.

Seasons as in GluonTS (`gluonts.time_feature.get_seasonality`: a day has 1440 minutes and 96 quarter-hours), with a
week for days and a year for weeks; seconds have a minute, because an hour of them is longer than forecasts.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series import slots

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_PERIODS = ((1.0, 5.0, _MINUTE), (6.0, 59.0, _HOUR), (_MINUTE, _DAY / 2, _DAY), (_DAY, _DAY, 7 * _DAY))
"""Shortest and longest step, and the length of its season, in seconds."""
_UNITS = (
    (7 * _DAY, "week"),
    (_DAY, "day"),
    (_HOUR, "hour"),
    (_MINUTE, "minute"),
    (1.0, "second"),
    (1e-3, "millisecond"),
    (1e-6, "microsecond"),
    (1e-9, "nanosecond"),
)
_JITTER = 0.02
"""Relative error of loggers' clocks: 59.98 s is a minute."""
_REGULAR = 0.25
"""Tolerance of times on the grid, as a fraction of a step."""
_UNEVEN = 0.1
"""With a larger share of differences that are neither one step nor a gap, times have no regular step."""
HOLIDAYS = 5
"""Up to this many consecutive working days without a row are holidays rather than a gap."""


class Step(NamedTuple):
    """The usual distance between rows.

    Args:
        kind: fixed: `length` seconds, or units where times are plain numbers; months: `length` calendar months;
            weekdays: days of which a week has `length`; slots: `length` seconds, at some hours of the week only.
        length: See `kind`.
        season: Steps in a season; None if no season is known for the step.
        text: For people, "15 minutes".
        weekdays: For kind weekdays: which days of the week, from Monday, have rows.
        slots: For kind slots: which steps of the week, from Monday 00:00, have rows.
    """

    kind: Literal["fixed", "months", "weekdays", "slots"]
    length: float
    season: int | None
    text: str
    weekdays: tuple[bool, ...] = ()
    slots: tuple[int, ...] = ()

    @property
    def skipped(self) -> int:
        """Largest number of missing rows that is no gap."""
        return HOLIDAYS if self.kind == "weekdays" else 0

    def places(self, times: NDArray[np.generic]) -> NDArray[np.int64]:
        """The position of each of a series' times on the grid, 0 for the first, ascending."""
        if self.kind == "months":
            month_N = times.astype("datetime64[M]").astype(np.int64)
            place_N: NDArray[np.int64] = (month_N - month_N[0]) // int(self.length)
            return place_N
        if self.kind == "weekdays":
            day_N = times.astype("datetime64[D]")
            return np.asarray(np.busday_count(day_N[0], day_N, weekmask=list(self.weekdays)), dtype=np.int64)
        if self.kind == "slots":
            ratio_N = np.diff(slots.places(times, self.slots, self.length))
        else:
            ratio_N = np.diff(_seconds(times)) / self.length
        return np.concatenate([[0], np.cumsum(np.maximum(np.rint(ratio_N), 1).astype(np.int64))])


def step_of(times: NDArray[np.generic], starts: NDArray[np.int64]) -> Step | None:
    """The usual step of the times of all series; None if there is none, for example if most times occur twice.

    Args:
        times: Sorted within each series, series after series: datetime64 or numbers.
        starts: Where each series begins.
    """
    within = np.ones(max(len(times) - 1, 0), dtype=bool)
    within[starts[1:] - 1] = False
    if not within.any():
        return None
    length_N = np.diff(_seconds(times))[within]
    usual = _lower_median(length_N)
    if usual <= 0:
        return None
    if times.dtype.kind != "M":
        return _even(length_N, Step("fixed", usual, None, f"{usual:g}"))
    if usual >= 27 * _DAY and (step := _months(times, within)) is not None:
        return step
    if abs(usual - _DAY) < _JITTER * _DAY and (step := _weekdays(times)) is not None:
        return step
    usual, text = _named(usual)
    step = _even(length_N, Step("fixed", usual, _season(usual), text))
    if step is not None and (open_at := slots.slots_of(times, starts, usual)):
        season, text = slots.season_of(open_at, usual), f"{text}, {len(open_at)} times a week"
        return Step("slots", usual, season, text, slots=open_at)
    return step


def shortest_and_longest(times: NDArray[np.generic], starts: NDArray[np.int64]) -> tuple[str, str]:
    """The shortest and the longest step, for people; there must be at least one step."""
    within = np.ones(len(times) - 1, dtype=bool)
    within[starts[1:] - 1] = False
    length_N = np.diff(_seconds(times))[within]
    ends = float(length_N.min()), float(length_N.max())
    low, high = (_named(end)[1] if times.dtype.kind == "M" else f"{end:g}" for end in ends)
    return low, high


def regular(times: NDArray[np.generic], step: Step) -> bool:
    """Whether all rows of a series are exactly one step apart, which is the usual case."""
    if step.kind != "fixed":
        return False
    length: Any = np.timedelta64(round(step.length * 1e6), "us") if times.dtype.kind == "M" else step.length
    return bool((times[1:] - times[:-1] == length).all())  # type: ignore[operator]  # numbers or datetime64


def foreign(times: NDArray[np.generic], step: Step) -> bool:
    """Whether a series of at least four rows has another step than the usual one: finer, or coarser throughout."""
    if len(times) < 4 or step.kind == "weekdays":
        length_N = np.diff(_seconds(times))
        return len(times) >= 4 and float(length_N.min()) > 5 * _DAY
    ratio_N = np.diff(_seconds(times)) / (step.length * 30.4 * _DAY if step.kind == "months" else step.length)
    return bool(ratio_N.min() > 1.75 or _lower_median(ratio_N) < 1 / 1.75)


def _seconds(times: NDArray[np.generic]) -> NDArray[np.float64]:
    """Times in seconds since the first one; numbers unchanged. Differences keep their precision."""
    since: Any = times - times[:1]  # type: ignore[operator]  # numbers or datetime64
    return np.asarray(since / np.timedelta64(1, "s") if times.dtype.kind == "M" else since, dtype=np.float64)


def _lower_median(length_N: NDArray[np.float64]) -> float:
    return float(np.sort(length_N)[(len(length_N) - 1) // 2])


def _even(length_N: NDArray[np.float64], step: Step) -> Step | None:
    """The step, or None if too many rows are neither a step nor a gap apart."""
    ratio_N = length_N / step.length
    off_N = (ratio_N < 1 - _REGULAR) | ((ratio_N > 1 + _REGULAR) & (ratio_N < 2 - _REGULAR))
    return step if off_N.mean() <= _UNEVEN else None


def _months(times: NDArray[np.generic], within: NDArray[np.bool_]) -> Step | None:
    """A step of calendar months: different months, a constant number or its multiples apart; no whole weeks."""
    days_N = np.diff(times.astype("datetime64[D]").astype(np.int64))[within]
    month_N = np.diff(times.astype("datetime64[M]").astype(np.int64))[within]
    number = int(_lower_median(month_N.astype(np.float64)))
    if number < 1 or (month_N < 1).any() or (month_N % number).any() or not (days_N % 7).any():
        return None
    names = {1: "1 month", 3: "1 quarter", 12: "1 year"}
    season = 12 // number if 12 % number == 0 else 1 if number % 12 == 0 else None
    text = names.get(number, f"{number // 12} years" if number % 12 == 0 else f"{number} months")
    return Step("months", float(number), season, text)


def _weekdays(times: NDArray[np.generic]) -> Step | None:
    """A step of days if some days of the week never occur, over two weeks or more."""
    day_N = times.astype("datetime64[D]").astype(np.int64)
    there = tuple(bool(((day_N + 3) % 7 == weekday).any()) for weekday in range(7))  # 1970-01-01 was a Thursday
    if all(there) or day_N.max() - day_N.min() < 14:
        return None
    return Step("weekdays", float(sum(there)), sum(there), f"1 day, {sum(there)} days a week", there)


def _named(seconds: float) -> tuple[float, str]:
    """A step rounded to whole units if it is close to them, and its name."""
    for unit, name in _UNITS:
        number = round(seconds / unit)
        if number >= 1 and abs(seconds - number * unit) <= _JITTER * min(unit, seconds):
            return number * unit, f"{number} {name}{'s' if number > 1 else ''}"
    unit, name = next((one for one in _UNITS if one[0] <= seconds), _UNITS[-1])
    return seconds, f"{seconds / unit:.3g} {name}s"


def _season(seconds: float) -> int | None:
    if seconds % (7 * _DAY) == 0:
        return max(round(364 * _DAY / seconds), 1)
    if 364 * _DAY <= seconds <= 367 * _DAY:
        return 1
    for low, high, period in _PERIODS:
        if low <= seconds <= high:
            steps = period / seconds
            return round(steps) if steps == round(steps) else None
    return None
