"""Intervals with the nominal coverage on validation data: split conformal prediction.

A forecast's own quantiles (for a point forecast, those of a normal distribution as wide as the window) are
scaled around the median until the intervals contain the nominal share of validation values.

B items, H steps ahead, C channels, Q levels of quantiles.

Reference:
    Vovk et al. 2005, Algorithmic Learning in a Random World; Romano et al. 2019, arXiv:1905.03222 (of quantiles; here
    they are scaled rather than shifted). Values in time are not exchangeable: only validation has exact coverage.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import torch
from torch import Tensor

from tuner.adapters.time_series.scoring import LEVELS, MEDIAN

_HELD = ((0.8, 1), (0.95, 0))
"""Coverage of an interval, and the index of its lower end among the levels."""
_NARROWEST = 1e-9


def normal(point_BHC: Tensor, unit_B1C: Tensor) -> Tensor:
    """Quantiles of a normal distribution around points, with `unit_B1C` as standard deviation, (B, H, C, Q)."""
    levels_Q = point_BHC.new_tensor([NormalDist().inv_cdf(level) for level in LEVELS])
    return point_BHC[..., None] + unit_B1C[..., None] * levels_Q


def fit(quantiles_BHCQ: Tensor, truth_BHC: Tensor) -> tuple[float, float]:
    """Factors by which to scale intervals of 80 and 95 % to contain these shares of n values, by the rank for n + 1.

    Args:
        quantiles_BHCQ: The unscaled quantiles.
        truth_BHC: True values; NaN if missing.
    """
    median = quantiles_BHCQ[..., MEDIAN]
    found = []
    for share, end in _HELD:
        below, above = (median - quantiles_BHCQ[..., end]), (quantiles_BHCQ[..., -1 - end] - median)
        off = truth_BHC - median
        needed_BHC = torch.where(off < 0, -off / below.clamp(min=_NARROWEST), off / above.clamp(min=_NARROWEST))
        known = needed_BHC[~torch.isnan(needed_BHC)].sort().values
        rank = math.ceil((len(known) + 1) * share)
        found.append(float(known[min(rank, len(known)) - 1]))
    return found[0], found[1]


def stretched(quantiles_BHCQ: Tensor, widths: tuple[float, float]) -> Tensor:
    """Quantiles scaled by these factors, in order: those from 0.1 to 0.9 alike, the outer ones at least as far out."""
    median = quantiles_BHCQ[..., MEDIAN : MEDIAN + 1]
    off = quantiles_BHCQ - median
    inner = off[..., 1:-1] * widths[0]
    low = torch.minimum(off[..., :1] * widths[1], inner[..., :1])
    high = torch.maximum(off[..., -1:] * widths[1], inner[..., -1:])
    return median + torch.cat([low, inner, high], dim=-1)
