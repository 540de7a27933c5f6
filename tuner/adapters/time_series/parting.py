"""Splits each series in time: train, then validation, then test; in rows, shares or windows.

A part has a number of rows, and a forecast begins at every row with a horizon after it; or it has a number of
consecutive windows that do not overlap: a backtest (Tashman 2000, International Journal of
Forecasting 16).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tuner.adapters.base import Split
from tuner.adapters.scaling import standardization
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.origins import Parts
from tuner.adapters.time_series.series import Collection, Series
from tuner.errors import DataError

DEFAULT_PART = 0.2
"""Default share of val and of test, if neither the task file nor the source has one."""
LEAST_SCALED = 2
"""Smallest number of rows before validation, by which a series is standardized."""


class Held(NamedTuple):
    """Number of rows of a series in val and test."""

    val: int
    test: int


def parted(options: ForecastingOptions, collection: Collection, horizon: int) -> tuple[list[Series], Parts, list[str]]:
    """The series that can be scored, cut to `rows`; the ends of their parts; sentences about them.

    Raises:
        DataError: A part is shorter than the horizon, or all series are too short.
    """
    shares = _shares(options, collection, horizon)
    kept, ends, fewer = [], [], 0
    for one in collection.series:
        rows = len(one.values[: options.rows])
        held = _held(options, shares, rows, horizon)
        train = rows - held.val - held.test
        if train >= LEAST_SCALED and train + held.val >= horizon:
            kept.append(one.cut(options.rows))
            ends.append((train, train + held.val, rows))
            fewer += _fewer(options, held, horizon)
    if not any(train > horizon for train, _, _ in ends):
        longest = max(len(one.values[: options.rows]) for one in collection.series)
        held = _held(options, shares, longest, horizon)
        raise DataError(
            f"a series must have at least {horizon + 1 + held.val + held.test} rows: {horizon + 1} to train on, "
            f"{held.val} for val, {held.test} for test",
            value=longest,
            fix="Lower data.horizon, data.val or data.test, or bring a longer series.",
            where=collection.series[0].where,
        )
    told = [f"{fewer} of {len(kept)} series are too short for all windows that are asked for, and have fewer"]
    return kept, Parts(*np.array(ends).T), told if fewer else []


def changing(series: Sequence[Series], parts: Parts, horizon: int) -> tuple[list[Series], Parts]:
    """The series whose every channel changes in training, so that errors have a unit, and the ends of their parts.

    Raises:
        DataError: None of them can be trained on.
    """
    kept = [
        number
        for number, (one, train) in enumerate(zip(series, parts.train, strict=True))
        if not standardization(one.values[:train], one.where).constant.any()
    ]
    if not (parts.train[kept] > horizon).any():
        raise DataError(
            "with data.constant drop, a series that is long enough to be trained on must change in its training rows",
            value=f"{len(kept)} of {len(series)} series that change",
            fix="Leave data.constant out.",
            key=("data", "constant"),
        )
    return [series[number] for number in kept], Parts(*(ends[kept] for ends in parts))


def apart(options: ForecastingOptions, split: Split, horizon: int) -> int:
    """Rows from one forecast of a split to the next."""
    if split == "train":
        return options.stride
    return horizon if _windows(options, split) is not None else 1


def _windows(options: ForecastingOptions, split: Split) -> int | None:
    return options.windows if split == "val" else options.test_windows


def _shares(options: ForecastingOptions, collection: Collection, horizon: int) -> dict[str, float]:
    shares = {}
    for name, given in (("val", options.val), ("test", options.test)):
        shares[name] = given or collection.held_rows or DEFAULT_PART
        if 1 <= shares[name] < horizon:
            raise DataError(
                f"data.{name} must hold at least one horizon of {horizon} rows",
                value=int(shares[name]),
                fix="Raise it, or lower data.horizon.",
                key=("data", name),
            )
    return shares


def _held(options: ForecastingOptions, shares: Mapping[str, float], rows: int, horizon: int) -> Held:
    """The parts by the options; at least one window each, but not so many that no training rows are left."""
    room = rows - horizon - 1
    val, test = (_rows(shares[name], rows, horizon) for name in ("val", "test"))
    if options.test_windows is not None:
        before = horizon if options.windows is not None else val
        test = horizon * min(options.test_windows, max(1, (room - before) // horizon))
    if options.windows is not None:
        val = horizon * min(options.windows, max(1, (room - test) // horizon))
    return Held(val, test)


def _fewer(options: ForecastingOptions, held: Held, horizon: int) -> bool:
    return any(
        number is not None and rows < number * horizon
        for number, rows in ((options.windows, held.val), (options.test_windows, held.test))
    )


def _rows(part: float, rows: int, horizon: int) -> int:
    """Rows of a part: a given number, or a share, but at least one horizon."""
    return int(part) if part >= 1 else max(horizon, round(part * rows))
