"""Scores of predicted numbers. Uses only numpy. Letters of shapes: N items, K targets, Q quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Metric
from tuner.adapters.learned_options import NumberOptions

METRICS = (
    Metric(
        "rmse",
        maximize=False,
        summary="root of the mean squared error, in the target's own unit; of several targets their mean, >= 0",
        within=(0, math.inf),
        readable=True,
    ),
    Metric(
        "mae",
        maximize=False,
        summary="mean absolute error, in the target's own unit; of several targets their mean, >= 0",
        within=(0, math.inf),
    ),
    Metric(
        "r2",
        maximize=True,
        summary="share of explained variance, R²; of several targets their mean, at most 1",
        within=(-math.inf, 1),
    ),
    Metric(
        "loss",
        maximize=False,
        summary="mean squared error of standardized targets, also if data.loss is another, >= 0",
        within=(0, math.inf),
    ),
)
QUANTILE_METRICS = (
    Metric(
        "pinball",
        maximize=False,
        summary="mean pinball loss of data.quantiles, in the target's own unit, >= 0",
        within=(0, math.inf),
    ),
    Metric(
        "coverage_error",
        maximize=False,
        summary="actual minus nominal share of items between the outermost data.quantiles, absolute, 0 to 1",
        within=(0, 1),
    ),
)


def metrics_of(options: NumberOptions) -> Sequence[Metric]:
    """The metrics of a regression; with quantiles also theirs."""
    return (*METRICS, *QUANTILE_METRICS) if options.quantiles else METRICS


def number_scores(
    found_NK: NDArray[np.float64], truth_NK: NDArray[np.float64], scale_K: NDArray[np.float64]
) -> dict[str, float]:
    """The scores of `METRICS`.

    Args:
        found_NK: Predictions, in the targets' units.
        truth_NK: What is right.
        scale_K: Divisor of the standardization.
    """
    error_NK = found_NK - truth_NK
    square_K = (error_NK**2).mean(axis=0)
    spread_K = ((truth_NK - truth_NK.mean(axis=0)) ** 2).mean(axis=0)
    explained_K = np.where(spread_K > 0, 1 - square_K / np.where(spread_K > 0, spread_K, 1), 0)
    return {
        "rmse": float(np.sqrt(square_K).mean()),
        "mae": float(np.abs(error_NK).mean()),
        "r2": float(explained_K.mean()),
        "loss": float((square_K / scale_K**2).mean()),
    }


def quantile_scores(
    found_NKQ: NDArray[np.float64], truth_NK: NDArray[np.float64], quantiles: Sequence[float]
) -> dict[str, float]:
    """The scores of `QUANTILE_METRICS`.

    Args:
        found_NKQ: Predicted quantiles, in the targets' units and in their order.
        truth_NK: What is right.
        quantiles: Their levels in (0, 1), in the same order.
    """
    above_NKQ = truth_NK[..., None] - found_NKQ
    level_Q = np.array(quantiles)
    inside = (truth_NK >= found_NKQ[..., 0]) & (truth_NK <= found_NKQ[..., -1])
    return {
        "pinball": float(np.maximum(level_Q * above_NKQ, (level_Q - 1) * above_NKQ).mean()),
        "coverage_error": float(abs(inside.mean() - (level_Q[-1] - level_Q[0]))),
    }
