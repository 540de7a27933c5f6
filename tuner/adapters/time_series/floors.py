"""Classical methods that a network has to beat to be worth it: ETS and Theta, fitted to each series separately.

A model is fitted to the rows before a part's first window, separately for each stretch without a gap. It is then
updated from window to window with fixed parameters, so that it knows all rows before a window and none after.

N windows of a stretch, H steps ahead, C channels, T rows, Q levels of quantiles.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.time_series.options import Floor
from tuner.adapters.time_series.origins import Windows
from tuner.adapters.time_series.scoring import LEVELS, MEDIAN, Total, parts
from tuner.adapters.time_series.series import Series
from tuner.errors import DataError
from tuner.words import counted

NAMES: Mapping[Floor, str] = {"ets": "AutoETS", "theta": "AutoTheta"}
"""The methods' names in the literature."""
MOST_ROWS = 1_000
"""Largest number of rows that a model is fitted to, the last ones before a part."""
MOST_MODELS, MOST_FORECASTS = 10_000, 60_000
"""Limits per method, for validation and test together, to bound the time: a model of monthly data takes about a tenth
of a second, a forecast some milliseconds."""
LONGEST_SEASON = 24
"""Longest season in rows that ETS models; longer ones are removed by STL, as in R's package forecast."""
_CENTRAL = [round(100 * (1 - 2 * level)) for level in LEVELS[:MEDIAN]]
"""Coverage in per cent of the intervals that end at the quantile levels, the widest first."""

Fitted = Any
"""A fitted model of `statsforecast.models`."""


def check_installed(floors: Sequence[Floor]) -> None:
    """Check that the package that fits them is installed.

    Raises:
        DataError: It is not.
    """
    if floors and find_spec("statsforecast") is None:
        raise DataError(
            "data.floors needs the package statsforecast",
            value=list(floors),
            fix="Install it with `pip install 'tuner[classical]'`, or leave data.floors out.",
            key=("data", "floors"),
        )


class Floors:
    """Scores of classical methods on the windows of a split.

    Args:
        names: Which methods.
        series: The series, with unscaled values.
        scaled: Their standardized values, for the scores.
        made: Series number and row of the filled values, which are not scored, (2, rows).
        horizon: Steps to forecast.
        season: Steps in a season.
        probabilistic: Whether quantiles are scored, too.
    """

    def __init__(
        self,
        names: Sequence[Floor],
        series: Sequence[Series],
        scaled: Sequence[NDArray[np.float64]],
        made: NDArray[np.int64],
        *,
        horizon: int,
        season: int,
        probabilistic: bool,
    ) -> None:
        self.names, self.series, self.scaled, self.made = names, series, scaled, made
        self.horizon, self.season, self.probabilistic = horizon, season, probabilistic
        self.failed: dict[str, int] = {}
        """Method -> number of its models that could not be fitted; the seasonal naive forecast replaces them."""

    def scores(
        self, windows: Mapping[str, Windows], statistics: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, dict[str, dict[str, float]]]:
        """Method -> split -> score -> value.

        Args:
            windows: The windows of each split.
            statistics: Mean, scale and naive error of each series for each split, (S, 3 or more, C).

        Raises:
            DataError: There are too many models or forecasts.
        """
        if self.names:
            self._check(windows)
        return {
            NAMES[name]: {split: self._scores(name, windows[split], statistics[split]) for split in windows}
            for name in self.names
        }

    def notices(self) -> list[str]:
        """A sentence for each method with models that could not be fitted."""
        return [
            f"{counted(count, 'model')} of {name} could not be fitted (too few rows, or a constant): the seasonal "
            "naive forecast replaces each"
            for name, count in self.failed.items()
        ]

    def _check(self, windows: Mapping[str, Windows]) -> None:
        channels = self.series[0].values.shape[1]
        models = sum(len(_stretches(one)) for one in windows.values()) * channels
        forecasts = sum(len(one.origin) for one in windows.values()) * channels
        for number, most, what in (
            (models, MOST_MODELS, "fit more than {:,} models of a method, one per series, channel and part"),
            (forecasts, MOST_FORECASTS, "make more than {:,} forecasts, one per window and channel"),
        ):
            if number > most:
                raise DataError(
                    f"data.floors must not have to {what.format(most)}",
                    value=number,
                    fix="Leave it out, or lower data.val and data.test.",
                    key=("data", "floors"),
                )

    def _scores(self, name: Floor, windows: Windows, statistics_SKC: NDArray[np.float64]) -> dict[str, float]:
        total = Total()
        made = {number: self.made[1, self.made[0] == number] for number in np.unique(self.made[0])}
        for rows_N in _stretches(windows):
            number, origin_N = int(windows.number[rows_N[0]]), windows.origin[rows_N]
            start = int(origin_N[0] - windows.rows[rows_N[0]])
            truth_TC = self.scaled[number].copy()
            truth_TC[made.get(number, [])] = np.nan
            mean_C, scale_C, error_C = statistics_SKC[number, :3]
            values_TC = self.series[number].values
            by_channel = [
                self._forecasts(name, values_TC[:, channel], start, origin_N) for channel in range(len(mean_C))
            ]
            values_NHCQ = (np.stack(by_channel, axis=2) - mean_C[:, None]) / scale_C[:, None]
            truth_NHC = truth_TC[origin_N[:, None] + np.arange(self.horizon)]
            mean_NC, scale_NC, error_NC = (
                np.broadcast_to(row, (len(origin_N), len(mean_C))) for row in (mean_C, scale_C, error_C)
            )
            quantiles = values_NHCQ if self.probabilistic else None
            part = parts(values_NHCQ[..., MEDIAN], truth_NHC, mean_NC, scale_NC, error_NC, None, quantiles)
            total.add(part, int((~np.isnan(truth_NHC)).sum()))
        return total.scores()

    def _forecasts(
        self, name: Floor, values_T: NDArray[np.float64], start: int, origin_N: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Quantile forecasts from each origin of a stretch that begins at a row, (N, H, Q); the median is the point."""
        start = max(start, int(origin_N[0]) - MOST_ROWS)
        levels = _CENTRAL if self.probabilistic else []
        known = [values_T[start:origin] for origin in origin_N]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = METHODS[name](self.season, len(known[0])).fit(known[0])
                found = [model.predict(self.horizon, level=levels or None)]
                found += [model.forward(rows, self.horizon, level=levels or None) for rows in known[1:]]
        except Exception:  # noqa: BLE001 - the package raises plain ones where a series is too short or constant
            found = []
        forecasts = np.array([_ordered(each) for each in found])
        if not len(forecasts) or not np.isfinite(forecasts).all():
            self.failed[NAMES[name]] = self.failed.get(NAMES[name], 0) + 1
            season = self.season if len(known[0]) > self.season else 1
            row_H = np.arange(self.horizon) % season - season
            forecasts = np.array([rows[row_H] for rows in known])[..., None]
        return np.broadcast_to(forecasts, (*forecasts.shape[:2], len(LEVELS)))


def _stretches(windows: Windows) -> list[NDArray[np.int64]]:
    """Indices of the windows of each stretch, in order."""
    begin_N = np.stack([windows.number, windows.origin - windows.rows])
    new_N = np.any(begin_N[:, 1:] != begin_N[:, :-1], axis=0)
    return np.split(np.arange(len(windows.origin)), np.flatnonzero(new_N) + 1) if len(windows.origin) else []


def _ordered(found: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """A model's forecast, (H, Q); (H, 1) without intervals."""
    if len(found) == 1:
        return found["mean"][:, None]
    low, high = ([found[f"{end}-{width}"] for width in _CENTRAL] for end in ("lo", "hi"))
    return np.stack([*low, found["mean"], *reversed(high)], axis=1)


def _ets(season: int, rows: int) -> Fitted:
    from statsforecast.models import MSTL, AutoETS

    if season <= LONGEST_SEASON:
        return AutoETS(season_length=season)
    if rows < 2 * season:
        return AutoETS()
    return MSTL(season_length=season, trend_forecaster=AutoETS(model="ZZN"))


def _theta(season: int, rows: int) -> Fitted:
    from statsforecast.models import AutoTheta

    return AutoTheta(season_length=season if rows >= 2 * season else 1)


METHODS: Mapping[Floor, Callable[[int, int], Fitted]] = {"ets": _ets, "theta": _theta}
"""Method -> function that creates its model from the rows of a season and the rows to fit.

Hyndman et al. 2002, International Journal of Forecasting 18 (ETS); Assimakopoulos and Nikolopoulos 2000, ibid. 16
(Theta); both in the implementation of statsforecast (Garza et al.).
"""
