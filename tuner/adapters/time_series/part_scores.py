"""Scores of each series, of each channel and of each step ahead, from the scores of single values.

N windows, H steps ahead, C channels, G groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.shown import Table
from tuner.adapters.time_series.scoring import Forecast, elements, whole

MOST_SERIES = 5_000
"""Largest number of series times channels for which each gets a row."""
HEAD = ("part", "name", "channel", "windows")


def part_scores(
    forecast: Forecast,
    series_N: NDArray[np.int64],
    channel_NC: NDArray[np.int64],
    names: Sequence[str],
    channels: Sequence[str],
) -> Table:
    """A row of scores for each series and channel, each channel, each step ahead, and for the whole.

    The whole is the mean over series (and channels), equally weighted whatever their windows, as in competitions
    (Makridakis and Hibon 2000, International Journal of Forecasting 16); WQL is over all values together, like
    its denominator. If all series have the same number of windows, it equals `scores`.

    Args:
        forecast: Forecasts and targets of the whole split.
        series_N: Number of the series of each window.
        channel_NC: Number of the channel of each forecast.
        names: Names of the series.
        channels: Names of the channels.
    """
    truth_NHC = forecast.truth
    there_NHC = ~np.isnan(truth_NHC)
    with np.errstate(over="ignore", invalid="ignore"):
        each = dict(elements(*forecast))
    item_NHC = np.broadcast_to((series_N[:, None] * len(channels) + channel_NC)[:, None], truth_NHC.shape)
    step_NHC = np.broadcast_to(np.arange(truth_NHC.shape[1])[:, None], truth_NHC.shape)

    def grouped(group_NHC: NDArray[np.int64]) -> Mapping[int, dict[str, float]]:
        return _by_group(group_NHC[there_NHC], {name: array[there_NHC] for name, array in each.items()})

    items, steps = grouped(item_NHC), grouped(step_NHC)
    windows = np.bincount(item_NHC[:, 0].ravel(), minlength=len(names) * len(channels))
    wql = grouped(np.zeros_like(item_NHC))[0].get("wql")
    whole_of = _mean_over(items, lambda _: True, wql)
    rows: list[list[str | float]] = [["all", "", "", int(windows.sum()), *whole_of.values()]]
    rows += [["step", f"{step + 1}", "", int(windows.sum()), *scores.values()] for step, scores in steps.items()]
    if len(channels) > 1:
        of_channels = grouped(item_NHC % len(channels))
        for number, channel in enumerate(channels):
            scores = _mean_over(items, lambda item: item % len(channels) == number, of_channels[number].get("wql"))  # noqa: B023 - called at once
            rows.append(["channel", "", channel, int(windows[number :: len(channels)].sum()), *scores.values()])
    if len(names) > 1 and len(items) <= MOST_SERIES:
        rows += [
            ["series", names[item // len(channels)], channels[item % len(channels)], int(windows[item]), *one.values()]
            for item, one in items.items()
        ]
    return Table([*HEAD, *whole_of], rows)


def _by_group(group_V: NDArray[np.int64], each: Mapping[str, NDArray[np.float64]]) -> dict[int, dict[str, float]]:
    """Number of a group -> its scores, for groups that occur."""
    number_G, group_V = np.unique(group_V, return_inverse=True)
    count_G = np.bincount(group_V)
    means = {name: np.bincount(group_V, weights=values) / count_G for name, values in each.items()}
    return {
        int(number): {
            name: float(f"{score:.6g}")
            for name, score in whole({name: float(mean_G[at]) for name, mean_G in means.items()}).items()
        }
        for at, number in enumerate(number_G)
    }


def _mean_over(
    items: Mapping[int, Mapping[str, float]], counts: Callable[[int], bool], wql: float | None
) -> dict[str, float]:
    """The mean of the scores of items, except WQL, which is given."""
    found = [scores for item, scores in items.items() if counts(item)]
    means = {name: float(f"{np.mean([scores[name] for scores in found]):.6g}") for name in found[0]}
    return means if wql is None else {**means, "wql": wql}
