"""The example of a request: an item in the columns of the training table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuner.adapters.scaling import Scaling
from tuner.adapters.time_series.item_options import ItemOptions
from tuner.adapters.time_series.stamps import written

_ROWS, _START = 4, np.datetime64("2024-01-01T00:00:00", "s")


def wide_example(names: Sequence[str], scaling: Scaling) -> dict[str, list[Any]]:
    """A row: an item of one channel.

    Args:
        names: The columns of the steps.
        scaling: Of the channel.
    """
    return {name: [float(scaling.mean[0] + scaling.scale[0] * np.sin(t))] for t, name in enumerate(names)}


def long_example(names: Sequence[str], scaling: Scaling, options: ItemOptions, time: str) -> dict[str, list[Any]]:
    """A few rows: the steps of an item.

    Args:
        names: The columns of the channels.
        scaling: Of the channels.
        options: They name the columns of ids and times.
        time: The kind of the times that order steps, see `Items`; they are days apart, or numbers.
    """
    rows_T = np.arange(_ROWS)
    found: dict[str, list[Any]] = {options.id: ["item"] * _ROWS} if options.id else {}
    if options.time:
        times = _START + rows_T.astype("m8[D]") if time == "M" else rows_T.astype(time + "8")
        found[options.time] = written(list(times), options.time_format)
    waves_TC = scaling.mean + scaling.scale * np.sin(rows_T)[:, None]
    return found | {name: wave_T.tolist() for name, wave_T in zip(names, waves_TC.T, strict=True)}
