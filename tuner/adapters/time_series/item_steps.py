"""From the standardized rows of items to the steps of the network: normalization, differences, segments.

One module for training, prediction and exported graphs. Letters of shapes: B items, R rows, C channels, T steps,
I inputs of a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tuner.adapters.base import Batch, Dataset
from tuner.adapters.time_series.item_options import StepOptions

EPSILON = 1e-8
"""Added to variances, as a channel may be constant within an item."""


class ItemSteps(nn.Module):
    """Rows (B, R, C) to steps (B, T, I), T = ceil(R / stride).

    A step has `segment` rows side by side, zeros beyond the item's end; of each row the channels, then their
    differences.

    Args:
        options: The adapter's.
        channels: C.

    Reference:
        Lin et al. 2023, arXiv:2308.11200 and Nie et al. 2023, arXiv:2211.14730: segments, and segments that overlap.
    """

    def __init__(self, options: StepOptions, channels: int) -> None:
        super().__init__()
        self.options, self.channels = options, channels
        self.segment, self.stride = options.segment, options.segment_stride
        self.per_row = channels * (1 + options.differences)
        self.size = self.segment * self.per_row

    @property
    def plain(self) -> bool:
        """Whether each row is a step, unchanged."""
        return self.segment == 1 and not self.options.differences and self.options.item_norm == "none"

    def counts(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Steps of items of that many rows."""
        return -(-rows // self.stride)

    def forward(self, x_BRC: Tensor, lengths_B: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Steps, padded with zeros, and how many each item has.

        Args:
            x_BRC: Rows; padding may hold anything.
            lengths_B: Rows of each item; None: all R.
        """
        if self.plain:
            return x_BRC, lengths_B
        row_R = torch.arange(x_BRC.shape[1], device=x_BRC.device)
        there_BR1 = None if lengths_B is None else (row_R < lengths_B[:, None])[..., None]
        if self.options.item_norm == "standard":
            x_BRC = _normalized(x_BRC, there_BR1)
        if self.options.differences:
            x_BRC = torch.cat((x_BRC, self._differences(x_BRC, there_BR1)), 2)
        if there_BR1 is not None:
            x_BRC = x_BRC.masked_fill(~there_BR1, 0)
        if self.segment == 1:
            return x_BRC, lengths_B
        return self._segments(x_BRC), None if lengths_B is None else (lengths_B + self.stride - 1) // self.stride

    def _differences(self, x_BRC: Tensor, there_BR1: Tensor | None) -> Tensor:
        """Difference from the row before, 0 in the first, over its root mean square in the item."""
        change_BRC = torch.cat((torch.zeros_like(x_BRC[:, :1]), x_BRC[:, 1:] - x_BRC[:, :-1]), 1)
        size_B1C = (_mean(change_BRC.double().square(), there_BR1) + EPSILON).sqrt()
        return (change_BRC / size_B1C).to(x_BRC.dtype)

    def _segments(self, x_BRF: Tensor) -> Tensor:
        rows = x_BRF.shape[1]
        steps = (rows + self.stride - 1) // self.stride
        row_TS = torch.arange(steps)[:, None] * self.stride + torch.arange(self.segment)
        row_TS = row_TS.to(x_BRF.device)
        parts_BTSF = x_BRF[:, row_TS.clamp(max=rows - 1)].masked_fill((row_TS >= rows)[..., None], 0)
        return parts_BTSF.flatten(2)

    def rows(self, x_TI: NDArray[Any]) -> NDArray[Any]:
        """An item's channels again, row by row, with the zeros beyond its end."""
        parts_TSF = x_TI.reshape(len(x_TI), self.segment, self.per_row)
        return parts_TSF[:, : self.stride, : self.channels].reshape(-1, self.channels)

    def of(self, rows_BRC: NDArray[np.float32]) -> NDArray[np.float32]:
        """The steps of items that all have R rows."""
        if self.plain:
            return rows_BRC
        found: NDArray[np.float32] = self(torch.from_numpy(rows_BRC), None)[0].numpy()
        return found


class SteppedItems:
    """Items as steps; a shuffled pass may cut a piece out of each.

    Args:
        rows: Items as rows.
        steps: Makes steps of them.
    """

    def __init__(self, rows: Dataset, steps: ItemSteps) -> None:
        self.rows, self.steps = rows, steps

    def __len__(self) -> int:
        return len(self.rows)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return self.rows.num_batches(batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        for batch in self.rows.batches(batch_size, rng=rng):
            if rng is not None and self.steps.options.crop:
                batch = cropped(batch, self.steps.options.crop, rng)
            x_BTI, lengths_B = self.steps(batch.x, batch.lengths)
            yield replace(batch, x=x_BTI, lengths=lengths_B)


def cropped(batch: Batch, most: float, rng: np.random.Generator) -> Batch:
    """A batch of which each item has lost up to a share of its rows, at both ends.

    Reference:
        Le Guennec et al. 2016, hal-01357973, "window slicing". Deviation: the length is drawn, too.
    """
    items, rows = batch.x.shape[:2]
    lengths_B = torch.full((items,), rows) if batch.lengths is None else batch.lengths
    share_B, place_B = torch.from_numpy(rng.random((2, items)))
    kept_B = (lengths_B * (1 - most * share_B)).ceil().long().clamp(min=1)
    start_B = ((lengths_B - kept_B + 1) * place_B).long()
    row_BR = start_B[:, None] + torch.arange(int(kept_B.max()))
    x_BRC = batch.x[torch.arange(items)[:, None], row_BR.clamp(max=rows - 1)]
    beyond_BR1 = (torch.arange(x_BRC.shape[1]) >= kept_B[:, None])[..., None]
    return replace(batch, x=x_BRC.masked_fill(beyond_BR1, 0), lengths=kept_B)


def _mean(x_BRC: Tensor, there_BR1: Tensor | None) -> Tensor:
    """Mean over an item's rows, (B, 1, C)."""
    if there_BR1 is None:
        return x_BRC.mean(1, keepdim=True)
    return x_BRC.masked_fill(~there_BR1, 0).sum(1, keepdim=True) / there_BR1.sum(1, keepdim=True)


def _normalized(x_BRC: Tensor, there_BR1: Tensor | None) -> Tensor:
    """Each channel of an item with mean 0 and standard deviation 1."""
    wide_BRC = x_BRC.double()
    wide_BRC = wide_BRC - _mean(wide_BRC, there_BR1)
    return (wide_BRC / (_mean(wide_BRC.square(), there_BR1) + EPSILON).sqrt()).to(x_BRC.dtype)
