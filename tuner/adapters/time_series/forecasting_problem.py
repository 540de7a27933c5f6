"""The problem of forecasting time series: opened in the worker, with torch.

B items of a batch, N of a split, T steps back, H steps ahead, C channels, S series, P numbers that an output has per
value, Q quantiles.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tuner.adapters.base import Batch, Split
from tuner.adapters.features import Features
from tuner.adapters.ragged import Ragged
from tuner.adapters.shown import Forecasts, Table
from tuner.adapters.time_series import conformal
from tuner.adapters.time_series.covariate_windows import CovariateRows, StepFeatures, of_rows_ahead, steps_ahead
from tuner.adapters.time_series.covariates import Covariates
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.origins import Parts, Windows, made_in, statistics_in, stretches_in, windows_of
from tuner.adapters.time_series.outputs import output_of
from tuner.adapters.time_series.part_scores import part_scores
from tuner.adapters.time_series.parting import apart
from tuner.adapters.time_series.recursion import decoded
from tuner.adapters.time_series.requirements import check_channels, check_counts, look_back
from tuner.adapters.time_series.scoring import MEDIAN, Forecast, scores
from tuner.adapters.time_series.windows import ChannelFeatures, WindowDataset, extra

LEAST_UNIT = 0.02
"""Lower limit of the seasonal naive error as unit of the loss, in standard deviations of the series, so that one that
repeats itself almost exactly does not outweigh all others."""
MOST_WINDOWS = 6
"""Largest number of forecasts that a report shows."""


class ForecastingProblem:
    """Forecasts from windows; the loss is on standardized values, however windows are normalized."""

    logits = False

    def __init__(self, folder: Path, options: ForecastingOptions) -> None:
        self.folder, self.options = folder, options
        facts = json.loads((folder / "facts.json").read_text())
        self.channels: list[str] = facts["channels"]
        self.horizon: int = facts["horizon"]
        self.season: int = facts["seasonality"]
        self.names: list[str] = facts.get("series", [])
        self.parts = Parts(*np.load(folder / "parts.npy"))
        check_channels(options, self.channels)
        check_counts(options, counts=facts.get("counts", True))
        self.output = output_of(options)
        self.stretches = stretches_in(folder, self.parts)
        self.made = made_in(folder)
        room = self.stretches.room(self.parts, self.horizon)
        self.window = look_back(options, room, self.horizon, self.season)
        self.covariates = Covariates.kept(facts)
        self.every_step = self.covariates.ahead
        self.recursive = options.decoding == "recursive"
        self.steps_ahead = steps_ahead(self.covariates, self.horizon, options.segment)
        self.lag = self.window // options.segment + self.steps_ahead
        self.per_item = 1 if options.channel_independence else len(self.channels)
        self.overlap = self.horizon * (len(self.channels) if options.channel_independence else 1)

    def dataset(self, split: Split) -> WindowDataset:
        """Open a split, memory-mapped; see `windows_of`."""
        rows = "whole" if split == "test" else "search"
        values, covariates = Ragged(self.folder, rows), None
        stride = apart(self.options, split, self.horizon)
        if self.covariates:
            beside = np.zeros((len(values.values), 0), dtype=np.float32)
            if self.covariates.features:
                beside = Ragged(self.folder, f"{rows}.covariates").values.view(np.float32)
            covariates = self.beside(beside, np.load(self.folder / "static.npy"))
        return self.windows(
            values,
            windows_of(self.stretches, self.parts, self.made, split, self.horizon, self.window, stride),
            self.made,
            statistics_in(self.folder, split),
            covariates,
        )

    def beside(self, rows: NDArray[np.float32], static_SG: NDArray[np.float32]) -> CovariateRows:
        """The covariates of series; see `CovariateRows`."""
        return CovariateRows(rows, static_SG, self.covariates, self.horizon, self.options.segment)

    def windows(
        self,
        values: Ragged,
        windows: Windows,
        made: NDArray[np.int64],
        statistics_S3C: NDArray[np.float32],
        covariates: CovariateRows | None,
    ) -> WindowDataset:
        """Windows of any series, by the options; see `WindowDataset`."""
        return WindowDataset(
            values,
            windows,
            made,
            window=self.window,
            horizon=self.horizon,
            statistics_S3C=statistics_S3C,
            window_norm=self.options.window_norm,
            season=self.season,
            channel_independence=self.options.channel_independence,
            segment=self.options.segment,
            numbered=self.options.channel_embedding > 0,
            covariates=covariates,
        )

    def encoder(self) -> Features | ChannelFeatures | StepFeatures:
        """Passes on the channels, or an item's only one, a segment's rows side by side, with covariates."""
        if self.covariates:
            channels = len(self.channels) if self.options.channel_embedding else 0
            sizes = (self.options.category_embedding, channels, self.options.channel_embedding)
            return StepFeatures(self.options.segment, self.per_item, self.covariates, *sizes)
        if self.options.channel_embedding:
            return ChannelFeatures(self.options.segment, len(self.channels), self.options.channel_embedding)
        return Features(self.options.segment * self.per_item)

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to the forecast rows of all channels, or of an item's single one: (B, input_size) to
        (B, H, C), with quantiles or parameters (B, H, C, P). With known covariates, the same
        for the rows of each step: (B, T, input_size) to (B, T, segment, C) or (B, T, segment, C, P). With recursive
        decoding, to the rows of the next step, (B, R, C).
        """  # noqa: D205 - one sentence
        rows = self.options.segment if self.every_step else self.horizon
        if self.recursive:
            rows = min(self.options.segment, self.horizon)
        shape = (rows, self.per_item, self.output.size)
        return nn.Sequential(nn.Linear(input_size, math.prod(shape)), nn.Unflatten(-1, shape), output_of(self.options))

    def decode(self, network: Callable[[Tensor, Tensor | None], Tensor], batch: Batch) -> Tensor:
        """The forecast of all rows, (B, H, C), also by recursive decoding; see `DecodingProblem`."""
        return decoded(network, batch, self) if self.recursive else network(batch.x, batch.lengths)

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Of predictions at every step, (B, T, segment, C, ...), only those of the rows to forecast."""
        if not self.every_step:
            return prediction
        items, steps = prediction.shape[:2]
        ends_B = torch.full((items,), steps, device=prediction.device) if batch.lengths is None else batch.lengths
        return of_rows_ahead(prediction, ends_B, self.steps_ahead, self.horizon)

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean of the output's errors, on the standardized scale, over the targets that are not missing."""
        located = self.output.located(self.reduce(prediction, batch), batch.y)
        truth_BHC = batch.y[:, : located.shape[1]]
        if self.options.loss_scale == "naive":
            unit_B1C = extra(batch.y).naive_error.clamp(min=LEAST_UNIT)
            located = located / (unit_B1C if located.dim() == 3 else unit_B1C[..., None])
            truth_BHC = truth_BHC / unit_B1C
        if not self.made.size:
            return self.output.errors(located, truth_BHC, batch.y).mean()
        read_BHC = ~torch.isnan(truth_BHC)
        errors_BHC = self.output.errors(located, truth_BHC.where(read_BHC, 0), batch.y)
        return errors_BHC.where(read_BHC, 0).sum() / read_BHC.sum().clamp(min=1)

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Mean squared and absolute error, MASE and sMAPE over all windows; with quantiles also WQL and coverage."""
        return scores(*self._forecast(predictions, batches))

    def table(self, split: Split, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Table:
        """Scores of each series, channel and step ahead; see `TabulatingProblem`."""
        series_N, channel_N = self.dataset(split).items()
        channel_NC = channel_N[:, None] + np.arange(self.per_item)
        names = self.names or [str(number) for number in range(len(self.parts.test))]
        return part_scores(self._forecast(predictions, batches), series_N, channel_NC, names, self.channels)

    def _forecast(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Forecast:
        """The forecasts and targets of a split, for the scores."""
        y_NKC = torch.cat([batch.y for batch in batches]).double()
        located = self.output.located(torch.cat(list(predictions)).double(), y_NKC)
        quantiles = self.output.answers(located, y_NKC)
        if self._to_be_fitted:
            own = self.output.own(located, y_NKC)
            quantiles = conformal.stretched(own, self._widths(own, y_NKC))
        forecast_NHC = self.output.point(located, y_NKC) if quantiles is None else quantiles[..., MEDIAN]
        truth_NHC, mean_NC, scale_NC, error_NC = (
            part.cpu().numpy() for part in (y_NKC[:, : self.horizon], *y_NKC[:, -3:].unbind(1))
        )
        quantiles_NHCQ = None if quantiles is None else quantiles.cpu().numpy()
        return Forecast(forecast_NHC.cpu().numpy(), truth_NHC, mean_NC, scale_NC, error_NC, quantiles_NHCQ)

    @property
    def _to_be_fitted(self) -> bool:
        return self.options.conformal and None in (self.options.interval_80, self.options.interval_95)

    def fit(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Scaling factors of the intervals, where the options do not give them; see `FittingProblem`."""
        if not self._to_be_fitted:
            return {}
        y_NKC = torch.cat([batch.y for batch in batches]).double()
        located = self.output.located(torch.cat(list(predictions)).double(), y_NKC)
        found = self._widths(self.output.own(located, y_NKC), y_NKC)
        names = ("interval_80", "interval_95")
        return {name: width for name, width in zip(names, found, strict=True) if getattr(self.options, name) is None}

    def _widths(self, own_NHCQ: Tensor, y_NKC: Tensor) -> tuple[float, float]:
        """The given factors; missing ones are fitted on these windows."""
        inner, outer = conformal.fit(own_NHCQ, y_NKC[:, : self.horizon])
        return self.options.interval_80 or inner, self.options.interval_95 or outer

    def fitted(self, values: Mapping[str, float]) -> ForecastingProblem:
        """A copy with these factors; see `FittingProblem`."""
        return ForecastingProblem(self.folder, self.options.model_copy(update=dict(values)))

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Forecasts:
        """Windows evenly spread over the split; see `ShowingProblem`."""
        first_B = np.cumsum([0, *(len(batch.y) for batch in batches)])
        windows = []
        for at in np.unique(np.linspace(0, first_B[-1] - 1, MOST_WINDOWS).round().astype(int)):
            number = int(np.searchsorted(first_B, at, side="right")) - 1
            row = int(at - first_B[number])
            y_1KC = batches[number].y[row : row + 1].double()
            located = self.output.located(predictions[number][row : row + 1].double(), y_1KC)
            windows.append(self._window(self.output.point(located, y_1KC)[0], batches[number], row, int(at)))
        return Forecasts(windows)

    def _window(self, forecast_HC: Tensor, batch: Batch, row: int, number: int) -> dict[str, Any]:
        """The first channel of a window, in its own units."""
        y_KC = batch.y[row].double()
        given = extra(batch.y[row : row + 1].double())
        level, spread, mean, scale = (part[0, 0, 0].item() for part in given[1:5])
        steps = (batch.x.shape[1] if batch.lengths is None else int(batch.lengths[row])) - self.steps_ahead
        x_LC = batch.x[row, :steps, : self.options.segment * self.per_item].reshape(-1, self.per_item)
        before_L = (x_LC[-2 * self.horizon :, 0].double() * spread + level) * scale + mean
        return {
            "channel": self.channels[number % len(self.channels) if self.options.channel_independence else 0],
            "before": _plain(before_L),
            "truth": _plain(y_KC[: self.horizon, 0] * scale + mean),
            "forecast": _plain(forecast_HC[:, 0] * scale + mean),
        }


def _plain(values: Tensor) -> list[float | None]:
    """Values with None for missing ones."""
    return [value if math.isfinite(value) else None for value in values.tolist()]
