"""Windows of new series, and a network's forecasts from them.

T rows of a series, L rows of an input window, H steps ahead, C channels, N items, V values per forecast: the
point, and the quantiles if any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tuner.adapters.base import Batch, Item
from tuner.adapters.batching import device_of
from tuner.adapters.ragged import Ragged
from tuner.adapters.scaling import Scaling
from tuner.adapters.time_series.covariate_windows import CovariateRows
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.origins import Windows
from tuner.adapters.time_series.series import ROWS, Series, on_grid, other_step
from tuner.adapters.time_series.stamps import SeriesStamps
from tuner.adapters.time_series.steps import Step
from tuner.errors import DataError

if TYPE_CHECKING:
    from tuner.adapters.base import Forward

_AT_ONCE = 256
"""Number of windows, or channels of windows, that are forecast at once."""
_NO_ROWS = np.empty((2, 0), dtype=np.int64)
UNSCALED = Scaling.known([], [])


def _nothing() -> NDArray[np.float32]:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Window(Item):
    """A window, with all that its forecast needs.

    Args:
        ahead: The times to forecast, H; empty if unknown.
        scaling: Scaling of the series, to undo in the forecast.
        beside: Covariates of its rows and of the rows to forecast, (L + H, F).
        static: Static covariates of its series.
    """

    ahead: Sequence[Any] = ()
    scaling: Scaling = UNSCALED
    beside: NDArray[np.float32] = field(default_factory=_nothing)
    static: NDArray[np.float32] = field(default_factory=_nothing)


@dataclass(frozen=True)
class Stretch:
    """Rows of a series from `start` to `end`, without a gap: their standardized values (T, C), their times, and their
    covariates (T + H, F), including those of the rows to forecast; None without covariates.
    """  # noqa: D205 - one sentence

    series: Series
    start: int
    end: int
    scaled: NDArray[np.float32]
    stamps: SeriesStamps | None
    beside: NDArray[np.float32] | None = None

    def windows(
        self, problem: ForecastingProblem, known: dict[str, Any], *, least: int, every_origin: bool
    ) -> Iterator[Item]:
        """The last window, or the windows that end at any row; or the reason why there is none.

        Args:
            problem: Has the lengths of window and horizon.
            known: Known facts of the series.
            least: Rows that a window must have.
            every_origin: Whether a window ends at every row from `least` on.
        """
        horizon, rows = problem.horizon, self.end - self.start
        missing_T = np.flatnonzero(~np.isfinite(self.scaled).all(axis=1))
        times = self.times(horizon, whole=every_origin)
        for origin in range(least, rows + 1) if every_origin else (rows,):
            first, where, facts = max(origin - problem.window, 0), self.series.where, known
            if every_origin:
                facts = {**known, "origin": times[origin - 1] if times else self.start + origin}
                where = f"{where}, origin {facts['origin']}"
            at = int(np.searchsorted(missing_T, first))
            if at < len(missing_T) and missing_T[at] < origin:
                yield Item(where, None, self.missing(int(missing_T[at]), problem.channels), facts)
            elif self.beside is not None:
                after = times[origin : origin + horizon] if every_origin else times
                yield self.with_covariates(problem, Window(where, self.scaled[first:origin], "", facts, after), origin)
            else:
                after = times[origin : origin + horizon] if every_origin else times
                yield Window(where, self.scaled[first:origin], "", facts, after)

    def with_covariates(self, problem: ForecastingProblem, window: Window, origin: int) -> Item:
        """The window that ends before a row, with its covariates, or the name of a missing one."""
        assert self.beside is not None
        assert window.x is not None
        covariates, first = problem.covariates, origin - len(window.x)
        rows = self.beside[first : origin + problem.horizon]
        needed = np.ones(rows.shape, dtype=bool)
        needed[len(window.x) :] = covariates.by_row.ahead
        missing = np.argwhere(~np.isfinite(rows) & needed)
        with np.errstate(over="ignore"):
            static = covariates.of_series(self.series.static)
        if len(missing):
            row, name = int(missing[0][0]), covariates.features[missing[0][1]]
            if not np.isnan(rows[row, missing[0][1]]):
                number = self.start + first + row
                reason = f"{name} {_rule(self.series.covariates[name][number])} in row {number + 1}"
            elif row >= len(window.x):
                reason = (
                    f"{name} must be known of the {problem.horizon} rows to forecast: bring rows after the last, in "
                    "which the targets are empty"
                )
            else:
                reason = f"{name} is missing in row {self.start + first + row + 1}, in the input window"
            return Item(window.where, None, reason, window.facts)
        if not np.isfinite(static).all():
            wrong = "missing, no finite number, or too large for 32 bits"
            return Item(window.where, None, f"a static covariate is {wrong}", window.facts)
        return replace(window, beside=rows, static=static)

    def times(self, horizon: int, *, whole: bool) -> list[Any]:
        """The written times of its rows and of those after it; empty if unknown."""
        if self.stamps is None:
            return []
        after = self.stamps.ahead(self.end, horizon)
        return [*self.stamps.rows(self.start, self.end), *after] if whole else after

    def missing(self, row: int, channels: Sequence[str]) -> str:
        """A sentence on which value of a row is missing."""
        channel = int(np.argmax(~np.isfinite(self.scaled[row])))
        row += self.start
        rule = _rule(self.series.values[row, channel])
        place = f"row {row + 1}" if self.stamps is None else f"the row of {self.stamps.rows(row, row + 1)[0]}"
        return f"{channels[channel]} {rule} in {place}, in the input window"


def _rule(value: np.generic) -> str:
    """What is wrong with a value that is not finite, or not in 32 bits."""
    return "is too large for 32 bits" if np.isfinite(value) else "is no finite number"


def known_rows(series: Series) -> int:
    """Number of rows up to the last one with a target; later ones are to be forecast."""
    there = np.flatnonzero(~np.isnan(series.values).all(axis=1))
    return int(there[-1]) + 1 if len(there) else len(series.values)


def placed(
    series: Series, times: NDArray[np.generic] | None, step: Step | None, *, policy: str, season: int, ahead: bool
) -> tuple[Series, NDArray[np.int64], str]:
    """The series with its gaps treated as in training, the numbers of its rows without gaps, and its problem.

    Args:
        series: As read.
        times: Times of its rows; None: they are numbered.
        step: Their time step; None: each row is a step.
        policy: Treatment of gaps.
        season: Steps in a season.
        ahead: Whether rows after the last target bring covariates for the forecast.
    """
    found, rows = series.whole(known_rows(series) if ahead else None)
    if not len(rows):
        return series, rows, "no row has all values"
    at, grid = (rows + 1, ROWS) if times is None else (times[rows], step)
    if grid and policy != "ignore" and (own := other_step(at, grid)):
        return series, rows, f"its time step must be {grid.text}, but is {own}"
    try:
        return on_grid(found, at, grid, policy, season)[0] if grid else found, rows, ""
    except DataError as error:
        return series, rows, error.of_model().problem


def beside(
    problem: ForecastingProblem, series: Series, start: int, end: int, stamps: SeriesStamps | None
) -> NDArray[np.float32] | None:
    """Covariates of the rows from `start` to `end` and of a horizon after them; NaN if unknown."""
    covariates = problem.covariates
    if not covariates:
        return None
    whole, horizon = len(series.values), problem.horizon
    missing = max(end + horizon - whole, 0)
    rows = {
        name: np.append(
            values[start : end + horizon], np.full(missing, "" if name in covariates.categories else np.nan)
        )
        for name, values in series.covariates.items()
    }
    times = None
    if series.times is not None and stamps is not None:
        times = np.append(series.times[start : end + horizon], stamps.times_ahead(whole, missing))
        times = series.clock.local(times)
    with np.errstate(over="ignore"):  # told of the windows that have it
        found = covariates.matrix(rows, times, end - start + horizon)
    if missing:  # what was not brought is unknown, however missing values are filled
        found[len(found) - missing :, [name != "data.calendar" for name in covariates.features]] = np.nan
    return found


def forecasts(problem: ForecastingProblem, network: nn.Module | Forward, items: Sequence[Item]) -> NDArray[np.float64]:
    """Forecasts of windows in their own units, (N, H, C, V)."""
    device = device_of(network)
    channels = len(problem.channels)
    after_HC = np.zeros((problem.horizon, channels), dtype=np.float32)
    windows = [item for item in items if isinstance(item, Window) and item.x is not None]
    rows_N = np.array([len(item.x) for item in windows if item.x is not None])
    dataset = problem.windows(
        Ragged.of([np.concatenate([item.x, after_HC]) for item in windows if item.x is not None]),
        Windows(np.arange(len(windows)), rows_N, rows_N),
        _NO_ROWS,
        np.array([[*item.scaling[:2], np.ones(channels)] for item in windows], dtype=np.float32),
        _covariates(problem, windows),
    )
    found = []
    for first in range(0, len(dataset), _AT_ONCE):
        batch = dataset.batch(np.arange(first, min(first + _AT_ONCE, len(dataset))))
        lengths = None if batch.lengths is None else batch.lengths.to(device)
        there = Batch(batch.x.to(device), lengths, batch.y.to(device))
        prediction, y_NKC = problem.decode(network, there).cpu().double(), batch.y.double()
        located = problem.output.located(problem.reduce(prediction, batch), y_NKC)
        quantiles = problem.output.answers(located, y_NKC)
        point = problem.output.point(located, y_NKC)[..., None]
        found.append(point if quantiles is None else torch.cat([point, quantiles], dim=-1))
    values: NDArray[np.float64] = torch.cat(found).numpy()
    if problem.options.channel_independence:  # (N C, H, 1, V)
        values = values.reshape(len(windows), channels, problem.horizon, -1).transpose(0, 2, 1, 3)
    mean_NC, scale_NC = (np.array([item.scaling[at] for item in windows]) for at in (0, 1))
    values *= scale_NC[:, None, :, None]
    values += mean_NC[:, None, :, None]
    return values


def _covariates(problem: ForecastingProblem, windows: Sequence[Window]) -> CovariateRows | None:
    """The covariates of a batch of windows."""
    if not problem.covariates:
        return None
    rows = Ragged.of([item.beside for item in windows]).values
    return problem.beside(rows.astype(np.float32), np.array([item.static for item in windows]))
