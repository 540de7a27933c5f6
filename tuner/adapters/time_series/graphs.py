"""Networks to be exported, with the scaling of their series: from unscaled values to unscaled forecasts.

Scaling is computed in 64 bits, as when data are read. B items, L rows of a window, T steps of a network, H rows
ahead, C channels; N is B, or B C if each channel is an item of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from tuner.adapters.base import Batch
from tuner.adapters.scaling import Scaling
from tuner.adapters.time_series.covariate_graphs import CovariateInputs
from tuner.adapters.time_series.covariate_windows import of_rows_ahead
from tuner.adapters.time_series.forecasting_problem import ForecastingProblem
from tuner.adapters.time_series.item_steps import ItemSteps
from tuner.adapters.time_series.outputs import output_of
from tuner.adapters.time_series.recursion import decoded
from tuner.adapters.time_series.windows import EPSILON


class StandardizedFirst(nn.Module):
    """A network with standardization before it.

    Args:
        network: Takes standardized (B, T, C).
        scaling: The scaling of the training data.
        steps: Makes the network's steps of standardized rows; None: each row is a step.
    """

    def __init__(self, network: nn.Module, scaling: Scaling, steps: ItemSteps | None = None) -> None:
        super().__init__()
        self.network, self.steps = network, steps
        self.register_buffer("mean_C", torch.from_numpy(scaling.mean))
        self.register_buffer("scale_C", torch.from_numpy(scaling.scale))

    def forward(self, x_BTC: Tensor, lengths_B: Tensor) -> Tensor:
        """Predictions from unscaled values, float64 (B, T, C)."""
        x_BTI = ((x_BTC - self.get_buffer("mean_C")) / self.get_buffer("scale_C")).float()
        if self.steps is not None:
            x_BTI, lengths_B = self.steps(x_BTI, lengths_B)
        prediction: Tensor = self.network(x_BTI, lengths_B)
        return prediction

    def example(self, items: int, steps: int) -> dict[str, Tensor]:
        """See `Graph`."""
        mean_C, scale_C = self.get_buffer("mean_C"), self.get_buffer("scale_C")
        return {"x": mean_C + scale_C * torch.randn(items, steps, len(mean_C), dtype=torch.float64)}


class ForecastOfWindows(nn.Module):
    """A network together with the processing of windows by `WindowDataset` before it and of its output after it.

    Args:
        network: Takes normalized steps (N, T, I).
        problem: Defines how windows become steps.
        scaling: The scaling of a single series; None if every item brings its own.
    """

    def __init__(self, network: nn.Module, problem: ForecastingProblem, scaling: Scaling | None) -> None:
        super().__init__()
        self.network, self.options, self.channels = network, problem.options, len(problem.channels)
        self.horizon, self.season = problem.horizon, problem.season
        self.known = scaling is not None
        self.output = output_of(self.options)
        asked = problem.covariates
        self.covariates = CovariateInputs(asked, self.horizon, self.options.segment) if asked else None
        self.every_step, self.steps_ahead = problem.every_step, problem.steps_ahead
        mean, scale = (np.zeros(self.channels), np.ones(self.channels)) if scaling is None else scaling[:2]
        self.register_buffer("mean_C", torch.from_numpy(np.array(mean, dtype=np.float64)))
        self.register_buffer("scale_C", torch.from_numpy(np.array(scale, dtype=np.float64)))

    def forward(self, x_BLC: Tensor, lengths_B: Tensor, *others: Tensor) -> Tensor:
        """Forecasts, float64 (B, H, C), or quantiles (B, H, C, Q).

        Args:
            x_BLC: Unscaled windows, whose last row is the origin.
            lengths_B: Their rows.
            others: Mean and scale of each item, unless the series is an only one, (B, C); then the covariates.
        """
        mean_BC, scale_BC = (self.get_buffer(name)[None] for name in ("mean_C", "scale_C"))
        if not self.known:
            mean_BC, scale_BC, others = others[0], others[1], others[2:]
        z_NLC, lengths_N = ((x_BLC - mean_BC[:, None]) / scale_BC[:, None]).float(), lengths_B
        items, rows = x_BLC.shape[:2]
        if self.options.channel_independence:
            z_NLC = z_NLC.transpose(1, 2).reshape(items * self.channels, rows, 1)
            lengths_N = lengths_B[:, None].expand(-1, self.channels).reshape(-1)
        there_NL1 = (torch.arange(rows) < lengths_N[:, None])[..., None]
        offset_N1C, spread_N1C = self._normalization(z_NLC, lengths_N, there_NL1)
        normalized_NLC = ((z_NLC - offset_N1C) / spread_N1C).masked_fill(~there_NL1, 0)
        x_NTI, steps_N = self._steps(normalized_NLC, lengths_N)
        if self.covariates is not None:
            given = dict(zip(self.covariates.names, map(self._per_item, others), strict=True))
            x_NTI = self.covariates(x_NTI, lengths_N, steps_N, given)
            steps_N = steps_N + self.steps_ahead
        if self.options.channel_embedding:
            x_NTI = self._numbered(x_NTI, steps_N, items)
        statistics_B3C = torch.stack([mean_BC, scale_BC, torch.zeros_like(scale_BC)], 1).expand(items, -1, -1)
        if self.options.channel_independence:
            statistics_B3C = statistics_B3C.transpose(1, 2).reshape(items * self.channels, -1, 1)
        offset_NHC = self._offsets(offset_N1C, z_NLC, lengths_N)
        y_NKC = torch.cat(
            [offset_NHC, offset_NHC, offset_N1C, spread_N1C, statistics_B3C], 1
        )  # the targets are not known
        if self.options.decoding == "recursive":
            prediction = decoded(self.network, Batch(x_NTI, steps_N, y_NKC), self)
        else:
            prediction = self.network(x_NTI, steps_N)
        if self.every_step:
            prediction = of_rows_ahead(prediction, steps_N, self.steps_ahead, self.horizon)
        located = self.output.located(prediction.double(), y_NKC)
        forecast: Tensor = self.output.graph(located, y_NKC)
        if self.options.channel_independence:  # (N, H, 1) or (N, H, 1, Q)
            forecast = forecast.squeeze(2).unflatten(0, (items, self.channels)).transpose(1, 2)
        return forecast

    def _per_item(self, values: Tensor) -> Tensor:
        """Of windows, (B, ...), to those of items, (N, ...)."""
        if not self.options.channel_independence:
            return values
        return values[:, None].expand(-1, self.channels, *values.shape[1:]).flatten(0, 1)

    def _normalization(self, z_NLC: Tensor, lengths_N: Tensor, there_NL1: Tensor) -> tuple[Tensor, Tensor]:
        """Offset and divisor of a window's normalization, both (N, 1, C)."""
        last_N1C = z_NLC[torch.arange(z_NLC.shape[0]), lengths_N - 1][:, None]
        if self.options.window_norm == "last":
            return last_N1C, torch.ones_like(last_N1C)
        if self.options.window_norm in ("standard", "seasonal"):
            rows_N11 = lengths_N[:, None, None]
            mean_N1C = z_NLC.masked_fill(~there_NL1, 0).sum(1, keepdim=True) / rows_N11
            squares_NLC = (z_NLC - mean_N1C).masked_fill(~there_NL1, 0).square()
            return mean_N1C, (squares_NLC.sum(1, keepdim=True) / rows_N11 + EPSILON).sqrt()
        return torch.zeros_like(last_N1C), torch.ones_like(last_N1C)

    def _offsets(self, offset_N1C: Tensor, z_NLC: Tensor, lengths_N: Tensor) -> Tensor:
        """Offset that is added to each step of a forecast, (N, H, C)."""
        ahead_H = torch.arange(self.horizon)
        offset_NHC = offset_N1C.expand(-1, self.horizon, -1)
        if self.options.window_norm != "seasonal":
            return offset_NHC
        row_NH = lengths_N[:, None] - self.season + ahead_H % self.season
        season_NHC = z_NLC[torch.arange(z_NLC.shape[0])[:, None], row_NH.clamp(min=0)]
        return season_NHC.where((lengths_N >= self.season)[:, None, None], offset_NHC)

    def _steps(self, z_NLC: Tensor, lengths_N: Tensor) -> tuple[Tensor, Tensor]:
        """Steps of `segment` rows each, the last of which ends with the last row; and the number of steps per item."""
        segment = self.options.segment
        if segment == 1:
            return z_NLC, lengths_N
        items, rows, channels = z_NLC.shape
        steps_N = (lengths_N + segment - 1) // segment
        steps = (rows + segment - 1) // segment
        source_NL = torch.arange(steps * segment) - (steps_N * segment - lengths_N)[:, None]
        there_NL1 = ((source_NL >= 0) & (source_NL < lengths_N[:, None]))[..., None]
        rows_NLC = z_NLC[torch.arange(items)[:, None], source_NL.clamp(0, rows - 1)].masked_fill(~there_NL1, 0)
        return rows_NLC.reshape(items, steps, segment * channels), steps_N

    def _numbered(self, x_NTI: Tensor, steps_N: Tensor, items: int) -> Tensor:
        """Adds the channel's number as one more feature."""
        number_N = torch.arange(self.channels).expand(items, -1).reshape(-1)
        there_NT = torch.arange(x_NTI.shape[1]) < steps_N[:, None]
        return torch.cat((x_NTI, (number_N[:, None] * there_NT).float()[..., None]), 2)

    def example(self, items: int, steps: int) -> dict[str, Tensor]:
        """See `Graph`."""
        x_BLC = torch.randn(items, steps, self.channels, dtype=torch.float64)
        covariates = {} if self.covariates is None else self.covariates.example(items, steps)
        if self.known:
            return {"x": self.get_buffer("mean_C") + self.get_buffer("scale_C") * x_BLC, **covariates}
        mean_BC, scale_BC = torch.randn(2, items, self.channels, dtype=torch.float64)
        scale_BC = scale_BC.exp()
        x_BLC = mean_BC[:, None] + scale_BC[:, None] * x_BLC
        return {"x": x_BLC, "mean": mean_BC, "scale": scale_BC, **covariates}


def told(scalings: Mapping[str, Scaling]) -> dict[str, dict[str, list[float]]]:
    """The scalings of series by name, as JSON values."""
    return {name: {"mean": each.mean.tolist(), "scale": each.scale.tolist()} for name, each in scalings.items()}
