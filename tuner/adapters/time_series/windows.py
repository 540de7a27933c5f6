"""Windows of series, cut when a batch needs them; none is stored.

B items of a batch, T steps of the network, L rows that they span, H rows ahead, C channels (1 if each is an item
of its own), S series, N windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tuner.adapters.base import Batch
from tuner.adapters.batching import batch_indices, lengths_of
from tuner.adapters.ragged import Ragged, slices
from tuner.adapters.time_series.covariate_windows import CovariateRows
from tuner.adapters.time_series.options import WindowNorm
from tuner.adapters.time_series.origins import Windows

EPSILON = 1e-5
"""Added to a window's variance (Kim et al. 2022), so that a constant window is not divided by zero."""

EXTRA = 5
"""Rows of a batch's `y` after its targets and their offsets: level, spread, mean, scale and naive error."""


class WindowDataset:
    """Windows of many series.

    With covariates, each step also has these, and steps of the rows to forecast may follow: see
    `CovariateRows.beside`.

    An item is a window of all channels, or with `channel_independence` of a single one.
    A batch's `x` is (B, T, segment x C): the normalized rows before the origin, `segment` of them per step; fewer
    than `window` at the beginning of a series or after a gap. Missing rows of the first segment are
    0. With `numbered`, one more feature is the channel's number.
    Its `y` is (B, 2 H + 5, C): the standardized targets; the offset of each: a forecast of normalized targets is
    converted by spread x forecast + offset; then one row each of the window's subtracted level, the spread
    that divided it (0 and 1 without normalization), and the series' mean, scale and naive error, which
    scores in other units need.

    Args:
        values: Standardized rows of each series.
        windows: Series, first row to forecast and available input rows of each window.
        made: Series number and row of the filled values, (2, rows): as targets these are NaN, and ignored.
        window: Length of the input window in rows, a multiple of `segment`.
        horizon: Targets H.
        statistics_S3C: Mean, scale and naive error of each series.
        window_norm: Normalization of windows, as in the option.
        season: Rows of a season, for the seasonal normalization.
        channel_independence: Whether each channel of a window is an item of its own.
        segment: Rows per step of the network.
        numbered: Whether every step of a single channel also has the channel's number.
        covariates: The covariates; None without any.
    """

    def __init__(
        self,
        values: Ragged,
        windows: Windows,
        made: NDArray[np.int64],
        *,
        window: int,
        horizon: int,
        statistics_S3C: NDArray[np.float32],
        window_norm: WindowNorm = "none",
        season: int = 1,
        channel_independence: bool = False,
        segment: int = 1,
        numbered: bool = False,
        covariates: CovariateRows | None = None,
    ) -> None:
        self.values: NDArray[np.float32] = values.values.view(np.float32)
        self.number_N, self.first_N = windows.number, values.offsets[windows.number] + windows.origin
        self.rows_N = np.minimum(window, windows.rows)
        self.made: NDArray[np.bool_] | None = None
        if made.size:
            number, row = made[:, made[1] < values.lengths[made[0]]]
            self.made = np.zeros(len(self.values), dtype=bool)
            self.made[values.offsets[number] + row] = True
        self.horizon, self.segment, self.window_norm, self.season = horizon, segment, window_norm, season
        self.by_channel, self.numbered = channel_independence, numbered
        self.covariates, self.steps_ahead = covariates, 0 if covariates is None else covariates.steps_ahead
        self.per_window = statistics_S3C.shape[2] if channel_independence else 1
        self.statistics_I3C = (  # I: number of series, or of channels of series
            statistics_S3C.transpose(0, 2, 1).reshape(-1, 3, 1) if channel_independence else statistics_S3C
        )

    def __len__(self) -> int:
        return len(self.first_N) * self.per_window

    def items(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Series and channel of each item, in the order of a pass without `rng`; channel 0 if it has all channels."""
        order = np.argsort(self._steps(), kind="stable")
        return self.number_N[order // self.per_window], order % self.per_window

    def _steps(self) -> NDArray[np.int64]:
        return np.repeat(-(-self.rows_N // self.segment), self.per_window)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        for indices_B in batch_indices(self._steps(), batch_size, rng):
            yield self.batch(indices_B)

    def batch(self, indices_B: NDArray[np.int64]) -> Batch:
        """The batch of these item numbers: window by window, or within each channel by channel."""
        window_B, channel_B = np.divmod(indices_B, self.per_window)
        first_B, rows_B, horizon = self.first_N[window_B], self.rows_N[window_B], self.horizon
        steps_B = -(-rows_B // self.segment)
        longest = int(steps_B.max())
        start_B, length = first_B - steps_B * self.segment, longest * self.segment
        valid_BL1: NDArray[np.bool_] | None = None
        if int(rows_B.min()) == length:
            x_BLC = self._slices(start_B, length, channel_B)
        else:
            row_BL = start_B[:, None] + np.arange(length)
            valid_BL = (row_BL >= (first_B - rows_B)[:, None]) & (row_BL < first_B[:, None])
            x_BLC, valid_BL1 = self._rows(np.where(valid_BL, row_BL, 0), channel_B), valid_BL[..., None]
        last_B1C = self._rows(first_B[:, None] - 1, channel_B)
        offset_B1C, spread_B1C = _normalization(self.window_norm, x_BLC, last_B1C, valid_BL1)
        x_BLC = (x_BLC - offset_B1C) / spread_B1C
        if valid_BL1 is not None:
            x_BLC = np.where(valid_BL1, x_BLC, np.float32(0))
        y_BKC = np.empty((len(first_B), 2 * horizon + EXTRA, x_BLC.shape[2]), dtype=np.float32)
        y_BKC[:, :horizon] = self._slices(first_B, horizon, channel_B)
        if self.made is not None:
            y_BKC[:, :horizon][self.made[first_B[:, None] + np.arange(horizon)]] = np.nan
        y_BKC[:, horizon : 2 * horizon] = offset_B1C
        if self.window_norm == "seasonal" and self.season <= length:
            whole_B = rows_B >= self.season
            row_H = np.arange(horizon) % self.season - self.season
            y_BKC[whole_B, horizon : 2 * horizon] = self._rows(first_B[whole_B, None] + row_H, channel_B[whole_B])
        y_BKC[:, 2 * horizon] = offset_B1C[:, 0]
        y_BKC[:, 2 * horizon + 1] = spread_B1C[:, 0]
        y_BKC[:, 2 * horizon + 2 :] = self.statistics_I3C[self.number_N[window_B] * self.per_window + channel_B]
        x_BTI = x_BLC.reshape(len(x_BLC), longest, -1)
        if self.covariates is not None:
            x_BTI = self.covariates.beside(x_BTI, first_B, rows_B, steps_B, self.number_N[window_B])
            steps_B, longest = steps_B + self.steps_ahead, longest + self.steps_ahead
        if self.numbered:
            there_BT1 = np.arange(longest)[:, None] < steps_B[:, None, None]
            number_BT1 = np.where(there_BT1, channel_B[:, None, None], 0).astype(np.float32)
            x_BTI = np.concatenate([x_BTI, number_BT1], axis=2)
        return Batch(
            x=torch.from_numpy(x_BTI),
            lengths=lengths_of(steps_B, longest),
            y=torch.from_numpy(y_BKC),
        )

    def _slices(self, start_B: NDArray[np.int64], length: int, channel_B: NDArray[np.int64]) -> NDArray[np.float32]:
        """`length` rows from each start, (B, length, C)."""
        if not self.by_channel:
            return slices(self.values, start_B, length)
        overlapping = np.lib.stride_tricks.sliding_window_view(self.values, length, axis=0)  # (rows, C, length)
        sliced: NDArray[np.float32] = overlapping[start_B, channel_B][..., None]
        return sliced

    def _rows(self, row_BL: NDArray[np.int64], channel_B: NDArray[np.int64]) -> NDArray[np.float32]:
        """Arbitrary rows, (B, L, C)."""
        return self.values[row_BL, channel_B[:, None]][..., None] if self.by_channel else self.values[row_BL]


def _normalization(
    norm: WindowNorm,
    x_BLC: NDArray[np.float32],
    last_B1C: NDArray[np.float32],
    valid_BL1: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Level that is subtracted from a window, and spread that then divides it, both (B, 1, C)."""
    if norm == "last":
        return last_B1C, np.ones_like(last_B1C)
    if norm in ("standard", "seasonal"):
        where = True if valid_BL1 is None else valid_BL1
        mean_B1C = x_BLC.mean(axis=1, keepdims=True, where=where)
        return mean_B1C, np.sqrt(x_BLC.var(axis=1, keepdims=True, where=where) + np.float32(EPSILON))
    return np.zeros_like(last_B1C), np.ones_like(last_B1C)


class ChannelFeatures(nn.Module):
    """Passes on the rows of a step, with an embedding of the channel whose number follows them.

    Args:
        segment: Rows per step, >= 1.
        channels: Number of channels.
        size: Size of the embedding, >= 1.
    """

    def __init__(self, segment: int, channels: int, size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(channels, size)
        self.output_size = segment + size

    def forward(self, x_BTI: Tensor) -> Tensor:
        """(B, T, segment + 1) to (B, T, segment + size)."""
        return torch.cat((x_BTI[..., :-1], self.embedding(x_BTI[..., -1].long())), dim=2)


class Extra(NamedTuple):
    """The parts of a batch's `y` other than targets, each (B, 1, C), but the offset (B, H, C); see `WindowDataset`."""

    offset: Tensor
    level: Tensor
    spread: Tensor
    mean: Tensor
    scale: Tensor
    naive_error: Tensor


def extra(y_BKC: Tensor) -> Extra:
    """The parts of a batch's `y` other than targets."""
    horizon = (y_BKC.shape[1] - EXTRA) // 2
    return Extra(y_BKC[:, horizon : 2 * horizon], *y_BKC[:, 2 * horizon :].split(1, dim=1))


def denormalized(prediction: Tensor, y_BKC: Tensor) -> Tensor:
    """A network's forecast of normalized targets, (B, H, C) or (B, H, C, P), on the scale of the targets in `y`; of the
    first rows if it has fewer.
    """  # noqa: D205 - one sentence
    given = extra(y_BKC)
    given_B = (given.offset[:, : prediction.shape[1]], given.spread)
    offset, spread = (part if prediction.dim() == 3 else part[..., None] for part in given_B)
    return spread * prediction + offset
