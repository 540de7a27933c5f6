"""The seasonal naive forecast, which every model should beat, and its scores.

N windows, H steps ahead, C channels, S series, Q levels of quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.scoring import LEVELS, Total, parts
from tuner.adapters.time_series.series import Series

_CHUNK = 4096
"""Number of windows that `naive_scores` scores at once."""
_ROWS = 1 << 18
"""Number of rows that are scored at once where there are no gaps."""
_NORMAL_Q = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


def naive_error(
    rows_TC: NDArray[np.float64], season: int, place_T: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Mean absolute difference between rows one season apart, (C,); 1 if it is 0 or there are no such rows.

    The 1 is one standard deviation, for a channel that repeats itself exactly.

    Args:
        rows_TC: Standardized rows.
        season: Steps in a season.
        place_T: The position of each row on the grid of time steps; None without gaps.
    """
    error_C: NDArray[np.float64] = _errors_and_spreads(rows_TC, season, place_T)[0]
    return error_C


def _errors_and_spreads(
    rows_TC: NDArray[np.float64], season: int, place_T: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """`naive_error` and the root mean squared difference, 1 if no two rows are one season apart; (2, C)."""
    if place_T is None:
        difference_TC = rows_TC[season:] - rows_TC[: max(0, len(rows_TC) - season)]
    else:
        place_T = place_T[: len(rows_TC)]
        before_T = np.searchsorted(place_T, place_T - season)
        before_T[place_T[before_T] != place_T - season] = -1
        row_T = np.flatnonzero(before_T >= 0)
        difference_TC = rows_TC[row_T] - rows_TC[before_T[row_T]]
    if not len(difference_TC):
        return np.ones((2, rows_TC.shape[1]))
    difference_TC = np.abs(difference_TC, out=difference_TC)
    error_C = difference_TC.mean(axis=0)
    return np.stack([np.where(error_C == 0, 1.0, error_C), np.sqrt(np.square(difference_TC).mean(axis=0))])


def naive_errors(
    scaled: Sequence[NDArray[np.float64]],
    series: Sequence[Series],
    known_S: NDArray[np.int64],
    season_S: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Mean absolute, and root mean squared, error of the seasonal naive forecast in first rows, (S, 2, C).

    Args:
        scaled: Standardized values of each series.
        series: The series; filled rows are left out.
        known_S: Number of first rows, per series.
        season_S: Steps in a season, per series.
    """
    errors = []
    for values, one, known, season in zip(scaled, series, known_S, season_S, strict=True):
        rows, places = values[:known], one.places
        if one.made is not None:
            read = np.flatnonzero(~one.made[:known])
            rows, places = rows[read], read if places is None else places[read]
        errors.append(_errors_and_spreads(rows, int(season), places))
    return np.array(errors)


def naive_scores(
    series: Sequence[NDArray[np.float64]],
    number_N: NDArray[np.int64],
    origin_N: NDArray[np.int64],
    horizon: int,
    season_S: NDArray[np.int64],
    statistics_SKC: NDArray[np.float64],
    places: Sequence[NDArray[np.int64] | None] = (),
    made: NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Scores of the seasonal naive forecast: the latest known row that is a whole number of seasons earlier.

    Its quantiles are those of a normal distribution whose variance grows with each season by the variance of its errors
    (Hyndman and Athanasopoulos 2021, Forecasting: Principles and Practice, section 5.5).

    Args:
        series: Standardized values of each series, (T, C).
        number_N: Which series each window belongs to.
        origin_N: First row to forecast of each window; without gaps, at least one season of rows comes
            before it.
        horizon: Steps to forecast.
        season_S: Steps in a season, per series.
        statistics_SKC: Mean, scale and naive error, per series; and the error's spread, if quantiles are scored.
        places: The position of each row of each series on the grid of time steps; None (for one or for all series):
            no gaps.
        made: Series number and row of the filled values, which are not scored, (2, rows); None without any.
    """
    whole = all(place is None for place in places)
    if whole:  # then no row is repeated but those of the season before a window
        from_S = np.array([len(one) for one in series])
        np.minimum.at(from_S, number_N, np.maximum(origin_N - season_S[number_N], 0))
        series = [one[start:] for one, start in zip(series, from_S, strict=True)]
        origin_N = origin_N - from_S[number_N]
        if made is not None:
            made = made[:, made[1] >= from_S[made[0]]]
            made = np.stack([made[0], made[1] - from_S[made[0]]])
    offsets_S = np.cumsum([0, *map(len, series)])[:-1]
    values = np.concatenate(series)
    truth = values
    if made is not None and made.size:
        truth = values.copy()
        truth[offsets_S[made[0]] + made[1]] = np.nan
    if whole:
        of_R = np.repeat(np.arange(len(series)), [len(one) for one in series])
        first_N = offsets_S[number_N] + origin_N
        return _scores_by_row(values, truth, of_R, first_N, season_S[number_N], horizon, season_S, statistics_SKC)
    ahead_H = np.arange(horizon)
    total = Total()
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
        mean_NC, scale_NC, error_NC, *spread = statistics_SKC[number].transpose(1, 0, 2)
        truth_NHC = truth[first[:, None] + ahead_H]
        seasons_NH = ahead_H // season[:, None] + 1
        quantiles_NHCQ = _quantiles(forecast_NHC, spread[0][:, None], seasons_NH[..., None]) if spread else None
        part = parts(forecast_NHC, truth_NHC, mean_NC, scale_NC, error_NC, None, quantiles_NHCQ)
        total.add(part, int((~np.isnan(truth_NHC)).sum()))
    return total.scores()


def _scores_by_row(
    values: NDArray[np.float64],
    truth: NDArray[np.float64],
    of_R: NDArray[np.int64],
    first_N: NDArray[np.int64],
    season_N: NDArray[np.int64],
    horizon: int,
    season_S: NDArray[np.int64],
    statistics_SKC: NDArray[np.float64],
) -> dict[str, float]:
    """The same without gaps: a row's error depends only on the seasons before it, not on the window.

    So each row is scored once per season ahead, and weighted by the number of windows that contain it (R rows of all
    series, whose numbers are in `of_R`): a million rows of minutely data take a second rather than minutes.
    """
    total = Total()
    for ahead in range(-(-horizon // int(season_S.min()))):
        begin_N, end_N = ahead * season_N, np.minimum((ahead + 1) * season_N, horizon)
        has_N = begin_N < horizon
        starts, ends = (first_N[has_N] + rows[has_N] for rows in (begin_N, end_N))
        size = len(values) + 1
        count_R = np.cumsum(np.bincount(starts, minlength=size) - np.bincount(ends, minlength=size))[:-1]
        count_R[np.isnan(truth).all(axis=1)] = 0
        counted_R = np.flatnonzero(count_R)
        for start in range(0, len(counted_R), _ROWS):
            row_M = counted_R[start : start + _ROWS]
            of_M = of_R[row_M]
            mean_MC, scale_MC, error_MC, *spread = statistics_SKC[of_M].transpose(1, 0, 2)
            forecast_MC = values[row_M - (ahead + 1) * season_S[of_M]]
            count_M = count_R[row_M]
            quantiles_MCQ = _quantiles(forecast_MC, spread[0], np.array(ahead + 1)) if spread else None
            part = parts(
                forecast_MC[:, None],
                truth[row_M][:, None],
                mean_MC,
                scale_MC,
                error_MC,
                count_M,
                None if quantiles_MCQ is None else quantiles_MCQ[:, None],
            )
            total.add(part, int(count_M.sum()))
    return total.scores()


def _quantiles(
    forecast: NDArray[np.float64], spread: NDArray[np.float64], seasons: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Quantiles around a forecast this many seasons ahead, (..., C, Q)."""
    quantiles: NDArray[np.float64] = forecast[..., None] + (spread * np.sqrt(seasons))[..., None] * _NORMAL_Q
    return quantiles


def _seasons_before(
    place_T: NDArray[np.int64], origin_N: NDArray[np.int64], horizon: int, season: int
) -> NDArray[np.int64]:
    """The row that the seasonal naive forecast repeats for each row to forecast of a series with gaps, (N, H).

    It is the latest row before the origin whose position is whole seasons earlier; without one, the last row
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
        # next, try whole seasons below the latest existing row, so that any gap takes one iteration
        below_NH = place_T[np.maximum(row_NH - 1, 0)]
        place_NH = np.where(open_NH, place_NH - season * np.maximum(-((below_NH - place_NH) // season), 1), place_NH)
        open_NH &= place_NH >= place_T[0]
    return found_NH
