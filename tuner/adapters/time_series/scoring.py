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
) -> dict[str, float]:
    """Means over all windows, steps and channels.

    mse   = mean (y - f)^2                                     standardized
    mae   = mean |y - f|                                       standardized
    mase  = mean |y - f| / q,  q = naive_error
    smape = mean 200 |Y - F| / (|Y| + |F|), 0 where both are 0     Y = scale y + mean

    Args:
        forecast_NHC: Standardized forecasts f.
        truth_NHC: Standardized targets y.
        mean_NC: What standardization subtracted.
        scale_NC: What standardization divided by.
        naive_error_NC: Mean absolute error of the seasonal naive forecast in the training part, standardized.

    Reference:
        Hyndman and Koehler 2006, International Journal of Forecasting 22 (MASE); Makridakis and Hibon 2000,
        ibid. 16 (sMAPE as in M3). Deviation: MASE is also a mean over windows and channels.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # forecasts that are not finite give scores that are not
        error_NHC = np.abs(forecast_NHC - truth_NHC)
        mean_N1C, scale_N1C = mean_NC[:, None], scale_NC[:, None]
        size_NHC = np.abs(forecast_NHC * scale_N1C + mean_N1C) + np.abs(truth_NHC * scale_N1C + mean_N1C)
        percent_NHC = 200 * error_NHC * scale_N1C / np.where(size_NHC == 0, 1.0, size_NHC)
        mse = float(np.square(error_NHC).mean())
        return {
            "mse": mse,
            "mae": float(error_NHC.mean()),
            "mase": float((error_NHC / naive_error_NC[:, None]).mean()),
            "smape": float(percent_NHC.mean()),
            "loss": mse,
        }


def naive_error(rows_TC: NDArray[np.float64], season: int) -> NDArray[np.float64]:
    """Mean absolute difference between rows a season apart, (C,); 1 where it is 0.

    The 1 is one standard deviation: a channel that repeats itself exactly leaves nothing to compare with.
    """
    error_C: NDArray[np.float64] = np.abs(rows_TC[season:] - rows_TC[:-season]).mean(axis=0)
    return np.where(error_C == 0, 1.0, error_C)


def naive_scores(
    series: Sequence[NDArray[np.float64]],
    number_N: NDArray[np.int64],
    origin_N: NDArray[np.int64],
    horizon: int,
    season_S: NDArray[np.int64],
    statistics_S3C: NDArray[np.float64],
) -> dict[str, float]:
    """Scores of the seasonal naive forecast: the latest known row a whole number of seasons before.

    Args:
        series: Standardized values of each series, (T, C).
        number_N: Which series each window belongs to.
        origin_N: First row to forecast of each window; at least a season of rows comes before it.
        horizon: Steps to forecast.
        season_S: Steps in a season, per series.
        statistics_S3C: Mean, scale and naive error, per series.
    """
    offsets_S = np.cumsum([0, *map(len, series)])[:-1]
    values = np.concatenate(series)
    ahead_H = np.arange(horizon)
    total: dict[str, float] = {}
    for start in range(0, len(origin_N), _CHUNK):
        number = number_N[start : start + _CHUNK]
        first = offsets_S[number] + origin_N[start : start + _CHUNK]
        season = season_S[number]
        forecast_NHC = values[(first - season)[:, None] + ahead_H % season[:, None]]
        mean_NC, scale_NC, error_NC = statistics_S3C[number].transpose(1, 0, 2)
        part = scores(forecast_NHC, values[first[:, None] + ahead_H], mean_NC, scale_NC, error_NC)
        for name, score in part.items():
            total[name] = total.get(name, 0.0) + score * len(number) / len(origin_N)
    return total
