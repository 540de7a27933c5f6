"""Adds covariates to the steps of windows, also for the rows to forecast.

B items of a batch, T steps back, D steps ahead, L rows, F covariates by row, G static ones, S series.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tuner.adapters.time_series.covariates import Covariates, Layout


class CovariateRows:
    """Covariates of many series, to be joined to the rows of windows.

    Args:
        rows: Those by row, from `Covariates.matrix`, concatenated over series like the values, (all rows, F).
        static_SG: The static ones of each series.
        covariates: Their description.
        horizon: Rows to forecast.
        segment: Rows per step.
    """

    def __init__(
        self,
        rows: NDArray[np.float32],
        static_SG: NDArray[np.float32],
        covariates: Covariates,
        horizon: int,
        segment: int,
    ) -> None:
        self.rows, self.static_SG = rows, static_SG
        self.horizon, self.segment = horizon, segment
        self.ahead_F = covariates.by_row.ahead
        self.steps_ahead = steps_ahead(covariates, horizon, segment)
        self.numbers = covariates.by_row.numbers

    def beside(
        self,
        x_BTI: NDArray[np.float32],
        first_B: NDArray[np.int64],
        rows_B: NDArray[np.int64],
        steps_B: NDArray[np.int64],
        series_B: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """The steps joined with their covariates, (B, T + D, I + segment x F' + G).

        If there are known covariates, D steps of rows to forecast follow an item's last step: their targets are
        0, as are past covariates; F' includes one more feature, which is 1 in these rows.

        Args:
            x_BTI: The targets' steps.
            first_B: The first row to forecast of each item.
            rows_B: Rows of the input window.
            steps_B: The same in steps.
            series_B: Numbers of the series.
        """
        steps = x_BTI.shape[1] + self.steps_ahead
        x_BTI = np.pad(x_BTI, ((0, 0), (0, self.steps_ahead), (0, 0)))
        start_B = first_B - steps_B * self.segment
        row_BL = start_B[:, None] + np.arange(steps * self.segment)
        back_BL = (row_BL >= (first_B - rows_B)[:, None]) & (row_BL < first_B[:, None])
        ahead_BL = (row_BL >= first_B[:, None]) & (row_BL < first_B[:, None] + self.horizon) & (self.steps_ahead > 0)
        there_BLF = back_BL[..., None] | (ahead_BL[..., None] & self.ahead_F)
        rows_BLF = np.where(there_BLF, self.rows[np.where(back_BL | ahead_BL, row_BL, 0)], np.float32(0))
        if self.steps_ahead:
            rows_BLF = np.insert(rows_BLF, self.numbers, ahead_BL, axis=2)
        there_BT1 = (np.arange(steps) < (steps_B + self.steps_ahead)[:, None])[..., None]
        static_BTG = np.where(there_BT1, self.static_SG[series_B][:, None], np.float32(0))
        return np.concatenate([x_BTI, rows_BLF.reshape(len(x_BTI), steps, -1), static_BTG], axis=2)


def steps_ahead(covariates: Covariates, horizon: int, segment: int) -> int:
    """Number of steps after a window's last one; 0 without known covariates."""
    return -(-horizon // segment) if covariates.ahead else 0


def of_rows_ahead(prediction: Tensor, ends_B: Tensor, steps: int, horizon: int) -> Tensor:
    """Of predictions at every step, (B, T, segment, C, ...), those of the rows to forecast, (B, H, C, ...).

    Args:
        prediction: See above.
        ends_B: Number of steps of each item.
        steps: How many of them, the last, are ahead.
        horizon: Rows to forecast, H.
    """
    at_BD = ends_B[:, None] - steps + torch.arange(steps, device=prediction.device)
    ahead = prediction[torch.arange(prediction.shape[0], device=prediction.device)[:, None], at_BD]
    return ahead.flatten(1, 2)[:, :horizon]


class StepFeatures(nn.Module):
    """Encodes steps: numbers unchanged, with embeddings of categories and of an item's channel.

    Args:
        segment: Rows per step.
        targets: Targets per row.
        covariates: The covariates' layout.
        size: Size of a category's embedding.
        channels: Number of channels if the last feature is an item's channel; else 0.
        channel_size: Size of a channel's embedding.
    """

    def __init__(
        self, segment: int, targets: int, covariates: Covariates, size: int, channels: int = 0, channel_size: int = 0
    ) -> None:
        super().__init__()
        self.segment, self.targets = segment, segment * targets
        row, series = covariates.by_row, covariates.by_series
        self.row = Layout(row.numbers + covariates.ahead, row.codes)
        self.series = series
        self.of_rows = _embeddings(row.codes, size)
        self.of_series = _embeddings(series.codes, size)
        self.of_channels = nn.Embedding(channels, channel_size) if channels else None
        self.output_size = self.targets + segment * (self.row.numbers + len(row.codes) * size)
        self.output_size += series.numbers + len(series.codes) * size + channel_size

    def forward(self, x_BTI: Tensor) -> Tensor:
        """(B, T, I) to (B, T, output_size)."""
        per_row = self.row.numbers + len(self.row.codes)
        per_series = self.series.numbers + len(self.series.codes)
        parts = x_BTI.split(
            [self.targets, self.segment * per_row, per_series, int(self.of_channels is not None)], dim=2
        )
        rows_BTLF = parts[1].unflatten(2, (self.segment, per_row)) if per_row else parts[1][..., None, :]
        found = [parts[0], *_features(rows_BTLF, self.row.numbers, self.of_rows)]
        found += _features(parts[2], self.series.numbers, self.of_series)
        if self.of_channels is not None:
            found.append(self.of_channels(parts[3][..., 0].long()))
        return torch.cat([part.flatten(2) for part in found], dim=2)


def _embeddings(codes: Sequence[int], size: int) -> nn.ModuleList:
    """One embedding per code; unknown categories and padding are zeros."""
    return nn.ModuleList(nn.Embedding(categories + 1, size, padding_idx=0) for categories in codes)


def _features(values: Tensor, numbers: int, embeddings: nn.ModuleList) -> list[Tensor]:
    """Unchanged numbers, then the embedding of each code."""
    codes = values[..., numbers:].long().unbind(-1)
    return [values[..., :numbers], *(embedding(code) for embedding, code in zip(embeddings, codes, strict=True))]
