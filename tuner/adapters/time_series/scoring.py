"""Scores of forecasts, and the seasonal naive forecast that every model has to beat.

N windows, H steps ahead, C channels, S series.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Metric

METRICS = (
    Metric(
        "mse",
        maximize=False,
        summary="mean squared error on the standardized scale, as for ETT, >= 0",
        within=(0, math.inf),
    ),
    Metric(
        "mae",
        maximize=False,
        summary="mean absolute error on the standardized scale, as for ETT, >= 0",
        within=(0, math.inf),
    ),
    Metric(
        "mase",
        maximize=False,
        summary="absolute error over that of the seasonal naive forecast in the training part, >= 0",
        within=(0, math.inf),
        readable=True,
    ),
    Metric(
        "smape",
        maximize=False,
        summary="symmetric absolute percentage error, original scale, 0 to 200",
        within=(0, 200),
    ),
    Metric("loss", maximize=False, summary="the mse, whatever data.loss has training minimize", within=(0, math.inf)),
)

_CHUNK = 4096
"""Windows scored at once by `naive_scores`."""


def scores(
    forecast_NHC: NDArray[np.float64],
    truth_NHC: NDArray[np.float64],
    mean_NC: NDArray[np.float64],
    scale_NC: NDArray[np.float64],
    naive_error_NC: NDArray[np.float64],
    count_N: NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Means over all windows, steps and channels.

    mse   = mean (y - f)^2                                     standardized
    mae   = mean |y - f|                                       standardized
    mase  = mean |y - f| / q,  q = naive_error
    smape = mean 200 |Y - F| / (|Y| + |F|), 0 where both are 0     Y = scale y + mean

    Args:
        forecast_NHC: Standardized forecasts f.
        truth_NHC: Standardized targets y; NaN where there is none, which counts for nothing.
        mean_NC: What standardization subtracted.
        scale_NC: What standardization divided by.
        naive_error_NC: Mean absolute error of the seasonal naive forecast in the training part, standardized.
        count_N: How often each window counts; None: once.

    Reference:
        Hyndman and Koehler 2006, International Journal of Forecasting 22 (MASE); Makridakis and Hibon 2000,
        ibid. 16 (sMAPE as in M3). Deviation: MASE is also a mean over windows and channels.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # forecasts that are not finite give scores that are not
        error_NHC = np.abs(forecast_NHC - truth_NHC)
        mean_N1C, scale_N1C = mean_NC[:, None], scale_NC[:, None]
        size_NHC = np.abs(forecast_NHC * scale_N1C + mean_N1C) + np.abs(truth_NHC * scale_N1C + mean_N1C)
        percent_NHC = 200 * error_NHC * scale_N1C / np.where(size_NHC == 0, 1.0, size_NHC)
        there_NHC = ~np.isnan(truth_NHC)
        times_NHC = there_NHC if count_N is None else there_NHC * count_N[:, None, None]

        def mean(values_NHC: NDArray[np.float64]) -> float:
            if count_N is None:
                return float(values_NHC.mean(where=there_NHC))
            return float((values_NHC * times_NHC).sum(where=there_NHC) / times_NHC.sum())

        mse = mean(np.square(error_NHC))
        return {
            "mse": mse,
            "mae": mean(error_NHC),
            "mase": mean(error_NHC / naive_error_NC[:, None]),
            "smape": mean(percent_NHC),
            "loss": mse,
        }


def naive_error(
    rows_TC: NDArray[np.float64], season: int, place_T: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Mean absolute difference between rows a season apart in time, (C,); 1 where it is 0, or no two rows are.

    The 1 is one standard deviation: a channel that repeats itself exactly leaves nothing to compare with.

    Args:
        rows_TC: Standardized rows.
        season: Steps in a season.
        place_T: The place of each row on the grid of time steps; None where rows follow each other.
    """
    if place_T is None:
        before_T = np.arange(len(rows_TC)) - season
    else:
        place_T = place_T[: len(rows_TC)]
        before_T = np.searchsorted(place_T, place_T - season)
        before_T[place_T[before_T] != place_T - season] = -1
    row_T = np.flatnonzero(before_T >= 0)
    if not len(row_T):
        return np.ones(rows_TC.shape[1])
    error_C: NDArray[np.float64] = np.abs(rows_TC[row_T] - rows_TC[before_T[row_T]]).mean(axis=0)
    return np.where(error_C == 0, 1.0, error_C)


def naive_scores(
    series: Sequence[NDArray[np.float64]],
    number_N: NDArray[np.int64],
    origin_N: NDArray[np.int64],
    horizon: int,
    season_S: NDArray[np.int64],
    statistics_S3C: NDArray[np.float64],
    places: Sequence[NDArray[np.int64] | None] = (),
    made: NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Scores of the seasonal naive forecast: the latest known row a whole number of seasons before, in time.

    Args:
        series: Standardized values of each series, (T, C).
        number_N: Which series each window belongs to.
        origin_N: First row to forecast of each window; at least a season of rows comes before it where they follow
            each other.
        horizon: Steps to forecast.
        season_S: Steps in a season, per series.
        statistics_S3C: Mean, scale and naive error, per series.
        places: The place of each row of each series on the grid of time steps; None, and all where there are none:
            rows follow each other.
        made: Series number and row of what was filled in and is not scored, (2, rows); None where nothing was.
    """
    offsets_S = np.cumsum([0, *map(len, series)])[:-1]
    values = np.concatenate(series)
    truth = values
    if made is not None and made.size:
        truth = values.copy()
        truth[offsets_S[made[0]] + made[1]] = np.nan
    if all(place is None for place in places):
        of_R = np.repeat(np.arange(len(series)), [len(one) for one in series])
        first_N = offsets_S[number_N] + origin_N
        return _scores_by_row(values, truth, of_R, first_N, season_S[number_N], horizon, season_S, statistics_S3C)
    ahead_H = np.arange(horizon)
    total: dict[str, float] = {}
    weight = 0
    for start in range(0, len(origin_N), _CHUNK):
        number = number_N[start : start + _CHUNK]
        first = offsets_S[number] + origin_N[start : start + _CHUNK]
        season = season_S[number]
        row_NH = (first - season)[:, None] + ahead_H % season[:, None]
        for series_number in np.unique(number) if any(place is not None for place in places) else ():
            place_T = places[series_number]
            if place_T is not None:
                of = np.flatnonzero(number == series_number)
                known = origin_N[start : start + _CHUNK][of]
                row_NH[of] = offsets_S[series_number] + _seasons_before(place_T, known, horizon, int(season[of[0]]))
        forecast_NHC = values[row_NH]
        mean_NC, scale_NC, error_NC = statistics_S3C[number].transpose(1, 0, 2)
        truth_NHC = truth[first[:, None] + ahead_H]
        part = scores(forecast_NHC, truth_NHC, mean_NC, scale_NC, error_NC)
        counted = int((~np.isnan(truth_NHC)).sum())
        weight += counted
        for name, score in part.items():
            total[name] = total.get(name, 0.0) + score * counted
    return {name: score / weight for name, score in total.items()}


def _scores_by_row(
    values: NDArray[np.float64],
    truth: NDArray[np.float64],
    of_R: NDArray[np.int64],
    first_N: NDArray[np.int64],
    season_N: NDArray[np.int64],
    horizon: int,
    season_S: NDArray[np.int64],
    statistics_S3C: NDArray[np.float64],
) -> dict[str, float]:
    """The same where rows follow each other: a row's error depends on the seasons before it alone, not on the window.

    So that each row is scored once per season ahead, and counts as often as windows have it (R rows of all series, the
    series of each in `of_R`): a million rows of minutes are a matter of a second rather than of minutes.
    """
    total: dict[str, float] = {}
    weight = 0
    for ahead in range(-(-horizon // int(season_S.min()))):
        begin_N, end_N = ahead * season_N, np.minimum((ahead + 1) * season_N, horizon)
        has_N = begin_N < horizon
        starts, ends = (first_N[has_N] + rows[has_N] for rows in (begin_N, end_N))
        size = len(values) + 1
        count_R = np.cumsum(np.bincount(starts, minlength=size) - np.bincount(ends, minlength=size))[:-1]
        count_R[np.isnan(truth).all(axis=1)] = 0
        row_M = np.flatnonzero(count_R)
        if not len(row_M):
            continue
        of_M = of_R[row_M]
        mean_MC, scale_MC, error_MC = statistics_S3C[of_M].transpose(1, 0, 2)
        forecast_MC = values[row_M - (ahead + 1) * season_S[of_M]]
        count_M = count_R[row_M]
        part = scores(forecast_MC[:, None], truth[row_M][:, None], mean_MC, scale_MC, error_MC, count_M)
        counted = int(count_M.sum())
        weight += counted
        for name, score in part.items():
            total[name] = total.get(name, 0.0) + score * counted
    return {name: score / weight for name, score in total.items()}


def _seasons_before(
    place_T: NDArray[np.int64], origin_N: NDArray[np.int64], horizon: int, season: int
) -> NDArray[np.int64]:
    """The row that the seasonal naive forecast repeats for each row to forecast of a series with gaps, (N, H).

    It is the latest before the origin whose place is whole seasons earlier; where none of them has a row, the last row
    before the origin.
    """
    target_NH = place_T[origin_N[:, None] + np.arange(horizon)]
    origin_N1 = origin_N[:, None]
    place_NH = target_NH - season * ((target_NH - place_T[origin_N1]) // season + 1)
    found_NH = np.broadcast_to(origin_N1 - 1, place_NH.shape).copy()
    open_NH = np.ones(place_NH.shape, dtype=bool)
    while open_NH.any():
        row_NH = np.minimum(np.searchsorted(place_T, place_NH), len(place_T) - 1)
        hit_NH = open_NH & (place_T[row_NH] == place_NH)
        found_NH[hit_NH] = row_NH[hit_NH]
        open_NH &= ~hit_NH
        if not open_NH.any():
            break
        # the next place to look at is whole seasons below the latest row that there is, so that a gap is one turn
        below_NH = place_T[np.maximum(row_NH - 1, 0)]
        place_NH = np.where(open_NH, place_NH - season * np.maximum(-((below_NH - place_NH) // season), 1), place_NH)
        open_NH &= place_NH >= place_T[0]
    return found_NH
