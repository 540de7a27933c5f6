"""Where the parts of each series end: train, then validation, then test; in rows, shares or windows.

Either a part holds so many rows, and a forecast begins at every row that has a horizon after it; or it holds so many
windows, which follow each other without a row in common: a backtest (Tashman 2000, International Journal of
Forecasting 16).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tuner.adapters.base import Split
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.origins import Parts
from tuner.adapters.time_series.series import Collection, Series
from tuner.errors import DataError

DEFAULT_PART = 0.2
"""Share of val and of test where neither the task file nor the source says it."""
LEAST_SCALED = 2
"""Rows before validation by which a series is standardized."""


class Held(NamedTuple):
    """Rows of a series that are not learned from."""

    val: int
    test: int


def parted(options: ForecastingOptions, collection: Collection, horizon: int) -> tuple[list[Series], Parts, list[str]]:
    """The series that can be scored, cut to `rows`; where their parts end; what is to be said of it.

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


def apart(options: ForecastingOptions, split: Split, horizon: int) -> int:
    """Rows between the forecasts of a split, before each of which is one row at least."""
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
    """As asked; of windows one at least, and no more than leave something to learn from."""
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
    """Rows of a part: as given, or a share that holds at least one horizon."""
    return int(part) if part >= 1 else max(horizon, round(part * rows))
