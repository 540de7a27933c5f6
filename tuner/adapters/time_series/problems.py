"""What is learned from time series: opened in the worker, with torch.

B items of a batch, T steps back, H steps ahead, C channels, S series.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.base import Batch, Split
from tuner.adapters.batching import batch_indices, lengths_of
from tuner.adapters.classification import Classification
from tuner.adapters.features import Features
from tuner.adapters.ragged import Ragged, slices
from tuner.adapters.time_series.forecasting import Parts, look_back
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.origins import origins
from tuner.adapters.time_series.scoring import scores


class SeriesClassificationProblem(Classification):
    """Sequences of numbers to classes."""

    def encoder(self) -> Features:
        """The channels as they are."""
        channels = self.facts["channels"]
        assert isinstance(channels, list)
        return Features(len(channels))


class WindowDataset:
    """Windows of many series, cut when they are asked for; none is ever stored.

    A batch's `x` is (B, T, C): the rows before the origin, fewer than the look-back where the series begins.
    Its `y` is (B, H + 4, C): the targets, then one row each of what was subtracted from them (0, or the
    window's last value), and of the series' mean, scale and naive error, which scores on other scales need.

    Args:
        values: Standardized rows of each series.
        number_N: Which series each window belongs to.
        origin_N: First row to forecast.
        window: Look-back T.
        horizon: Targets H.
        statistics_S3C: Mean, scale and naive error of each series.
        instance_norm: Subtract a window's last value from it and from its targets.
    """

    def __init__(
        self,
        values: Ragged,
        number_N: NDArray[np.int64],
        origin_N: NDArray[np.int64],
        *,
        window: int,
        horizon: int,
        statistics_S3C: NDArray[np.float32],
        instance_norm: bool,
    ) -> None:
        self.number_N, self.first_N = number_N, values.offsets[number_N] + origin_N
        self.lengths_N = np.minimum(window, origin_N)
        self.values: NDArray[np.float32] = values.values.view(np.float32)
        self.horizon = horizon
        self.statistics_S3C, self.instance_norm = statistics_S3C, instance_norm

    def __len__(self) -> int:
        return len(self.first_N)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        for indices_B in batch_indices(self.lengths_N, batch_size, rng):
            yield self._batch(indices_B)

    def _batch(self, indices_B: NDArray[np.int64]) -> Batch:
        first_B, lengths_B = self.first_N[indices_B], self.lengths_N[indices_B]
        longest, horizon = int(lengths_B.max()), self.horizon
        x_BTC = slices(self.values, first_B - lengths_B, longest)
        y_BKC = np.zeros((len(indices_B), horizon + 4, x_BTC.shape[2]), dtype=np.float32)
        y_BKC[:, :horizon] = slices(self.values, first_B, horizon)
        y_BKC[:, horizon + 1 :] = self.statistics_S3C[self.number_N[indices_B]]
        if self.instance_norm:
            last_B1C = self.values[first_B - 1][:, None]
            x_BTC -= last_B1C
            y_BKC[:, :horizon] -= last_B1C
            y_BKC[:, horizon] = last_B1C[:, 0]
        lengths = lengths_of(lengths_B, longest)
        if lengths is not None:
            x_BTC[np.arange(longest) >= lengths_B[:, None]] = 0
        return Batch(x=torch.from_numpy(x_BTC), lengths=lengths, y=torch.from_numpy(y_BKC))


class ForecastingProblem:
    """Windows to the next steps by mean squared error on standardized values."""

    causal = True
    every_step = False

    def __init__(self, folder: Path, options: ForecastingOptions) -> None:
        self.folder, self.options = folder, options
        facts = json.loads((folder / "facts.json").read_text())
        self.channels: list[str] = facts["channels"]
        self.horizon: int = facts["horizon"]
        self.parts = Parts(*np.load(folder / "parts.npy"))
        self.window = look_back(options.window, self.parts.train, self.horizon, facts["seasonality"])
        self.lag = self.window

    def dataset(self, split: Split) -> WindowDataset:
        """Open a split, memory-mapped.

        Training windows have the whole look-back; a series too short for it gives one shorter window.
        """
        parts, horizon = self.parts, self.horizon
        if split == "train":
            earliest_S = np.minimum(self.window, parts.train - horizon)
            number_N, origin_N = origins(earliest_S, parts.train, horizon, self.options.stride)
        elif split == "val":
            number_N, origin_N = origins(parts.train, parts.val, horizon)
        else:
            number_N, origin_N = origins(parts.val, parts.test, horizon)
        return WindowDataset(
            Ragged(self.folder, "whole" if split == "test" else "search"),
            number_N,
            origin_N,
            window=self.window,
            horizon=horizon,
            statistics_S3C=np.load(self.folder / "statistics.npy").astype(np.float32),
            instance_norm=self.options.instance_norm,
        )

    def encoder(self) -> Features:
        """The channels as they are."""
        return Features(len(self.channels))

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to all steps of all channels: (B, input_size) to (B, H, C)."""
        shape = (self.horizon, len(self.channels))
        return nn.Sequential(nn.Linear(input_size, shape[0] * shape[1]), nn.Unflatten(1, shape))

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean squared error on the standardized scale."""
        return functional.mse_loss(prediction, batch.y[:, : self.horizon])

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Mean squared and absolute error, MASE and sMAPE over all windows."""
        forecast_NHC = torch.cat(list(predictions)).double().cpu().numpy()
        y_NKC = torch.cat([batch.y for batch in batches]).double().cpu().numpy()
        offset_N1C = y_NKC[:, self.horizon, None]
        truth_NHC = y_NKC[:, : self.horizon] + offset_N1C
        mean_NC, scale_NC, error_NC = y_NKC[:, self.horizon + 1 :].transpose(1, 0, 2)
        return scores(forecast_NHC + offset_N1C, truth_NHC, mean_NC, scale_NC, error_NC)
