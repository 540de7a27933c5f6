"""The usual step of times, the season that goes with it, and the place of each row on the grid of steps.

Seasons follow GluonTS (`gluonts.time_feature.get_seasonality`: a day has 1440 minutes and 96 quarter-hours), with a
week for days and a year for weeks; seconds have a minute, since an hour of them is longer than forecasts are.
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
"""Part of a step by which clocks of loggers are off: 59.98 s is a minute."""
_REGULAR = 0.25
"""Part of a step by which times may be early or late and still be on the grid."""
_UNEVEN = 0.1
"""Share of steps that may be neither one step nor a gap before times count as having no regular step."""
HOLIDAYS = 5
"""Working days without a row, one after the other, that are holidays rather than a gap."""


class Step(NamedTuple):
    """The usual distance between rows.

    Args:
        kind: fixed: `length` seconds, or units where times are plain numbers; months: `length` calendar months;
            weekdays: days of which a week has `length`; slots: `length` seconds, at some hours of the week only.
        length: See `kind`.
        season: Steps in a season; None where no season is known for the step.
        text: For people, "15 minutes".
        weekdays: Of kind weekdays: which days of the week, from Monday, there are.
        slots: Of kind slots: which steps of the week, from Monday 00:00, there are.
    """

    kind: Literal["fixed", "months", "weekdays", "slots"]
    length: float
    season: int | None
    text: str
    weekdays: tuple[bool, ...] = ()
    slots: tuple[int, ...] = ()

    @property
    def skipped(self) -> int:
        """Places without a row that are no gap."""
        return HOLIDAYS if self.kind == "weekdays" else 0

    def places(self, times: NDArray[np.generic]) -> NDArray[np.int64]:
        """The place of each of a series' times on the grid, 0 for the first, rising."""
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
    """The usual step of the times of all series; None where there is none, as where most times come twice.

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
    """The ends of the range of steps, for people; there is at least one step."""
    within = np.ones(len(times) - 1, dtype=bool)
    within[starts[1:] - 1] = False
    length_N = np.diff(_seconds(times))[within]
    ends = float(length_N.min()), float(length_N.max())
    low, high = (_named(end)[1] if times.dtype.kind == "M" else f"{end:g}" for end in ends)
    return low, high


def regular(times: NDArray[np.generic], step: Step) -> bool:
    """Whether each of a series' rows is exactly a step of one length after the one before, as mostly."""
    if step.kind != "fixed":
        return False
    length: Any = np.timedelta64(round(step.length * 1e6), "us") if times.dtype.kind == "M" else step.length
    return bool((times[1:] - times[:-1] == length).all())  # type: ignore[operator]  # of numbers or of datetime64


def foreign(times: NDArray[np.generic], step: Step) -> bool:
    """Whether a series of at least four rows has another step than the usual one: finer, or coarser throughout."""
    if len(times) < 4 or step.kind == "weekdays":
        length_N = np.diff(_seconds(times))
        return len(times) >= 4 and float(length_N.min()) > 5 * _DAY
    ratio_N = np.diff(_seconds(times)) / (step.length * 30.4 * _DAY if step.kind == "months" else step.length)
    return bool(ratio_N.min() > 1.75 or _lower_median(ratio_N) < 1 / 1.75)


def _seconds(times: NDArray[np.generic]) -> NDArray[np.float64]:
    """Times in seconds since the first, or as they are where they are numbers; differences keep their digits."""
    since: Any = times - times[:1]  # type: ignore[operator]  # of numbers or of datetime64
    return np.asarray(since / np.timedelta64(1, "s") if times.dtype.kind == "M" else since, dtype=np.float64)


def _lower_median(length_N: NDArray[np.float64]) -> float:
    return float(np.sort(length_N)[(len(length_N) - 1) // 2])


def _even(length_N: NDArray[np.float64], step: Step) -> Step | None:
    """The step, unless too many rows are neither a step nor a gap apart."""
    ratio_N = length_N / step.length
    off_N = (ratio_N < 1 - _REGULAR) | ((ratio_N > 1 + _REGULAR) & (ratio_N < 2 - _REGULAR))
    return step if off_N.mean() <= _UNEVEN else None


def _months(times: NDArray[np.generic], within: NDArray[np.bool_]) -> Step | None:
    """Calendar months: each row in another, as many apart or a multiple; whole weeks apart are none."""
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
    """Days of which some of the week never come, over two weeks or more."""
    day_N = times.astype("datetime64[D]").astype(np.int64)
    there = tuple(bool(((day_N + 3) % 7 == weekday).any()) for weekday in range(7))  # 1970-01-01 was a Thursday
    if all(there) or day_N.max() - day_N.min() < 14:
        return None
    return Step("weekdays", float(sum(there)), sum(there), f"1 day, {sum(there)} days a week", there)


def _named(seconds: float) -> tuple[float, str]:
    """A step cleared of jitter, and its name: whole units where they are near."""
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
