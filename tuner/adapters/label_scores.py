"""Scores of several labels per item. Uses only numpy. Letters of shapes: N items, K labels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Metric
from tuner.adapters.class_scores import macro_f1, ranking

METRICS = (
    Metric(
        "micro_f1",
        maximize=True,
        summary="F1 of all labels of all items together, 0 to 1",
        within=(0, 1),
        readable=True,
    ),
    Metric(
        "macro_f1",
        maximize=True,
        summary="mean F1 score over the labels that occur in items or predictions, 0 to 1",
        within=(0, 1),
    ),
    Metric(
        "accuracy",
        maximize=True,
        summary="share of items with all labels right, 0 to 1",
        within=(0, 1),
        counted=True,
    ),
    Metric("auc", maximize=True, summary="area under the ROC curve, the mean over labels, 0 to 1", within=(0, 1)),
    Metric(
        "average_precision",
        maximize=True,
        summary="mean precision over the recall, the mean over labels, 0 to 1",
        within=(0, 1),
    ),
    Metric("loss", maximize=False, summary="mean cross-entropy of each label in nats", within=(0, math.inf)),
)


def f1_scores(answer_NK: NDArray[np.bool_], truth_NK: NDArray[np.bool_]) -> dict[str, float]:
    """Micro F1, 0 without any label, and macro F1, see `macro_f1`."""
    hits_K = (answer_NK & truth_NK).sum(axis=0)
    total_K = answer_NK.sum(axis=0) + truth_NK.sum(axis=0)
    return {
        "micro_f1": float(2 * hits_K.sum() / max(int(total_K.sum()), 1)),
        "macro_f1": macro_f1(hits_K, total_K),
    }


def label_scores(
    p_NK: NDArray[np.float64], answer_NK: NDArray[np.bool_], truth_NK: NDArray[np.bool_]
) -> dict[str, float]:
    """All scores of `METRICS` except the loss.

    Args:
        p_NK: Probabilities.
        answer_NK: Predicted labels.
        truth_NK: True labels.
    """
    there = [k for k in range(truth_NK.shape[1]) if 0 < truth_NK[:, k].sum() < len(truth_NK)]
    ranked = [ranking(p_NK[:, [k]], np.where(truth_NK[:, k], 0, 1), [0]) for k in there] or [(0.5, 1.0)]
    return {
        **f1_scores(answer_NK, truth_NK),
        "accuracy": float((answer_NK == truth_NK).all(axis=1).mean()),
        "auc": float(np.mean([area for area, _ in ranked])),
        "average_precision": float(np.mean([precision for _, precision in ranked])),
    }
