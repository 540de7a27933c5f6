"""Scores of forecasts. N windows, H steps ahead, C channels, Q levels of quantiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

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
        summary="absolute error relative to that of the seasonal naive forecast in the rows before val or test (where "
        "that is 0, in standard deviations of the series), >= 0",
        within=(0, math.inf),
        readable=True,
    ),
    Metric(
        "smape",
        maximize=False,
        summary="symmetric absolute percentage error, original scale, 0 to 200",
        within=(0, 200),
    ),
    Metric("loss", maximize=False, summary="the mse, also if data.loss is another", within=(0, math.inf)),
)
LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
"""The levels of probabilistic forecasts: the median, those that WQL averages, and the ends of the
intervals for 80 and 95 % of the values."""
MEDIAN = LEVELS.index(0.5)
_WEIGHTED = slice(1, -1)
QUANTILE_METRICS = (
    Metric(
        "wql",
        maximize=False,
        summary="weighted quantile loss of the nine levels 0.1 to 0.9 (not 0.025 and 0.975): twice its sum over that "
        "of the absolute values, >= 0; the seasonal naive forecast's quantiles are normal, by its errors",
        within=(0, math.inf),
    ),
    Metric(
        "coverage_80",
        maximize=True,
        summary="share of values between the quantiles of 0.1 and 0.9, which should be 0.8",
        within=(0, 1),
        chooses=False,
    ),
    Metric(
        "coverage_95",
        maximize=True,
        summary="share of values between the quantiles of 0.025 and 0.975, which should be 0.95",
        within=(0, 1),
        chooses=False,
    ),
)
"""Additional scores of forecasts with quantiles, whose point forecast is the median."""


class Forecast(NamedTuple):
    """The values that scores need: (N, H, C), then (N, C), for quantiles (N, H, C, Q); see `parts`."""

    forecast: NDArray[np.float64]
    truth: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    naive_error: NDArray[np.float64]
    quantiles: NDArray[np.float64] | None


def scores(
    forecast_NHC: NDArray[np.float64],
    truth_NHC: NDArray[np.float64],
    mean_NC: NDArray[np.float64],
    scale_NC: NDArray[np.float64],
    naive_error_NC: NDArray[np.float64],
    quantiles_NHCQ: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Means over all windows, steps and channels; see `parts`."""
    return whole(parts(forecast_NHC, truth_NHC, mean_NC, scale_NC, naive_error_NC, None, quantiles_NHCQ))


def parts(
    forecast_NHC: NDArray[np.float64],
    truth_NHC: NDArray[np.float64],
    mean_NC: NDArray[np.float64],
    scale_NC: NDArray[np.float64],
    naive_error_NC: NDArray[np.float64],
    count_N: NDArray[np.int64] | None = None,
    quantiles_NHCQ: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Components of the scores, each a mean over values, so that those of parts of a split can be combined.

    mse   = mean (y - f)^2                                     standardized
    mae   = mean |y - f|                                       standardized
    mase  = mean |y - f| / q,  q = naive_error
    smape = mean 200 |Y - F| / (|Y| + |F|), 0 where both are 0     Y = scale y + mean
    wql   = mean over levels p of  sum 2 max(p (Y - F_p), (p - 1) (Y - F_p)) / sum |Y|

    Args:
        forecast_NHC: Standardized forecasts f.
        truth_NHC: Standardized targets y; NaN where there is none, which is ignored.
        mean_NC: What standardization subtracted.
        scale_NC: What standardization divided by.
        naive_error_NC: Mean absolute error of the seasonal naive forecast in the rows before the split, standardized.
        count_N: Weight of each window; None: 1.
        quantiles_NHCQ: Standardized quantiles of `LEVELS`; None for point forecasts.

    Reference:
        Hyndman and Koehler 2006, International Journal of Forecasting 22 (MASE); Makridakis and Hibon 2000,
        ibid. 16 (sMAPE as in M3); Park et al. 2022, arXiv:2111.06581 (weighted quantile loss, which with many levels is
        the CRPS over the mean absolute value). Deviation: MASE is also a mean over windows and channels.
    """
    there_NHC = ~np.isnan(truth_NHC)
    times_NHC = there_NHC if count_N is None else there_NHC * count_N[:, None, None]

    def mean(values_NHC: NDArray[Any]) -> float:
        if count_N is None:
            return float(values_NHC.mean(where=there_NHC))
        return float((values_NHC * times_NHC).sum(where=there_NHC) / times_NHC.sum())

    with np.errstate(over="ignore", invalid="ignore"):  # non-finite forecasts give non-finite scores
        each = elements(forecast_NHC, truth_NHC, mean_NC, scale_NC, naive_error_NC, quantiles_NHCQ)
        found = {name: mean(values_NHC) for name, values_NHC in each}
    return {**found, "loss": found["mse"]}


def elements(
    forecast_NHC: NDArray[np.float64],
    truth_NHC: NDArray[np.float64],
    mean_NC: NDArray[np.float64],
    scale_NC: NDArray[np.float64],
    naive_error_NC: NDArray[np.float64],
    quantiles_NHCQ: NDArray[np.float64] | None = None,
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The values that `parts` averages, one after the other, each (N, H, C)."""
    mean_N1C, scale_N1C = mean_NC[:, None], scale_NC[:, None]
    error_NHC = np.abs(forecast_NHC - truth_NHC)
    yield "mse", np.square(error_NHC)
    yield "mae", error_NHC
    yield "mase", error_NHC / naive_error_NC[:, None]
    real_NHC = np.abs(truth_NHC * scale_N1C + mean_N1C)
    size_NHC = np.abs(forecast_NHC * scale_N1C + mean_N1C) + real_NHC
    yield "smape", 200 * error_NHC * scale_N1C / np.where(size_NHC == 0, 1.0, size_NHC)
    if quantiles_NHCQ is None:
        return
    over = [truth_NHC - quantiles_NHCQ[..., level] for level in range(len(LEVELS))]
    weighted = list(zip(LEVELS, over, strict=True))[_WEIGHTED]
    pinball = sum(np.maximum(level * above, (level - 1) * above) for level, above in weighted)
    yield "pinball", 2 * pinball * scale_N1C / len(weighted)
    yield "size", real_NHC
    yield "coverage_80", (over[1] >= 0) & (over[-2] <= 0)
    yield "coverage_95", (over[0] >= 0) & (over[-1] <= 0)


def whole(parts: Mapping[str, float]) -> dict[str, float]:
    """The scores from their components."""
    found = dict(parts)
    if "pinball" in found:
        found["wql"] = found.pop("pinball") / (found.pop("size") or 1.0)
    return found


class Total:
    """Scores of a split that is scored part by part, weighted by their numbers of values."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._values = 0

    def add(self, part: Mapping[str, float], values: int) -> None:
        """Add the `parts` of this many values."""
        self._values += values
        for name, score in part.items():
            self._sums[name] = self._sums.get(name, 0.0) + score * values

    def scores(self) -> dict[str, float]:
        """The scores of all parts."""
        return whole({name: score / self._values for name, score in self._sums.items()})
