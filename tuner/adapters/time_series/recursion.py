"""Recursive decoding: a network's forecast becomes its next input.

B items of a batch, T steps of the network, R rows of a step, H rows ahead, C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from tuner.adapters.base import Batch
from tuner.adapters.time_series.options import ForecastingOptions
from tuner.adapters.time_series.windows import extra


class Steps(Protocol):
    """Numbers of rows of a forecast."""

    options: ForecastingOptions
    horizon: int


def decoded(network: Callable[[Tensor, Tensor | None], Tensor], batch: Batch, steps: Steps) -> Tensor:
    """Predictions of all H rows, (B, H, C), by a network that predicts the next R.

    They stay on the normalized scale of the window, whose level and spread are those of the observed rows.

    Args:
        network: From steps and their lengths to (B, R, C).
        batch: Windows, with the values that undo their normalization.
        steps: Numbers of rows of a step and of a forecast.
    """
    segment, horizon = steps.options.segment, steps.horizon
    given = extra(batch.y)
    x_BTI = batch.x
    lengths_B = batch.lengths
    if lengths_B is None:
        lengths_B = torch.full((len(x_BTI),), x_BTI.shape[1], device=x_BTI.device)
    number_B1 = x_BTI[:, 0, segment * given.level.shape[2] :]  # the channel's number, if steps have it
    found: list[Tensor] = []
    for first in range(0, horizon, segment):
        next_BRC = network(x_BTI, lengths_B)
        found.append(next_BRC)
        offset_BRC = given.offset[:, first : first + segment]
        if first + segment >= horizon:
            break
        rows_BRC = next_BRC + (offset_BRC - given.level) / given.spread
        step_BI = torch.cat([rows_BRC.flatten(1), number_B1], dim=1)
        x_BTI = torch.cat([x_BTI, torch.zeros_like(x_BTI[:, :1])], dim=1)
        next_BT1 = (torch.arange(x_BTI.shape[1], device=x_BTI.device) == lengths_B[:, None])[..., None]
        x_BTI = torch.where(next_BT1, step_BI[:, None].to(x_BTI.dtype), x_BTI)
        lengths_B = lengths_B + 1
    return torch.cat(found, dim=1)[:, :horizon]
