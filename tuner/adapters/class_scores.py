"""Metrics of classifiers, from probabilities and predicted classes. Uses only numpy.

Letters of shapes: N items, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Metric
from tuner.adapters.learned_options import ClassOptions

BINS = 15
"""Number of bins of the calibration error, as in Guo et al. 2017."""
METRICS = (
    Metric(
        "accuracy",
        maximize=True,
        summary="share of items whose likeliest class is right, 0 to 1",
        within=(0, 1),
        counted=True,
        readable=True,
    ),
    Metric(
        "macro_f1",
        maximize=True,
        summary="mean F1 score over the classes that occur in labels or predictions, 0 to 1",
        within=(0, 1),
        counted=True,
    ),
    Metric("loss", maximize=False, summary="mean cross-entropy in nats", within=(0, math.inf)),
    Metric(
        "balanced_accuracy",
        maximize=True,
        summary="mean recall over the classes, 0 to 1",
        within=(0, 1),
        counted=True,
    ),
    Metric(
        "auc",
        maximize=True,
        summary="area under the ROC curve, of data.positive or the mean of each class against all others, 0 to 1",
        within=(0, 1),
    ),
    Metric(
        "average_precision",
        maximize=True,
        summary="mean precision over the recall, of data.positive or the mean over classes, 0 to 1",
        within=(0, 1),
    ),
    Metric(
        "calibration_error",
        maximize=False,
        summary="expected calibration error: difference of probability and accuracy in 15 bins, 0 to 1",
        within=(0, 1),
    ),
)
F1 = Metric("f1", maximize=True, summary="F1 of the class data.positive, 0 to 1", within=(0, 1), counted=True)


def metrics_of(options: ClassOptions) -> Sequence[Metric]:
    """The metrics of a classification; with a positive class also its F1."""
    return METRICS if options.positive is None else (*METRICS, F1)


def class_scores(
    p_NK: NDArray[np.float64], predicted_N: NDArray[np.int64], truth_N: NDArray[np.int64], positive: int | None = None
) -> dict[str, float]:
    """All scores of `METRICS` except the loss; with a positive class also its F1.

    Args:
        p_NK: Probabilities.
        predicted_N: Predicted classes.
        truth_N: True classes.
        positive: The class for AUC and average precision; None: their mean over classes.
    """
    hits_N, classes = predicted_N == truth_N, p_NK.shape[1]
    hits_K = np.bincount(truth_N[hits_N], minlength=classes)
    truth_K, predicted_K = (np.bincount(each, minlength=classes) for each in (truth_N, predicted_N))
    auc, precision = ranking(p_NK, truth_N, range(classes) if positive is None else [positive])
    scores = {
        "accuracy": float(hits_N.mean()),
        "macro_f1": macro_f1(hits_K, truth_K + predicted_K),
        "balanced_accuracy": float((hits_K[truth_K > 0] / truth_K[truth_K > 0]).mean()),
        "auc": auc,
        "average_precision": precision,
        "calibration_error": calibration_error(p_NK[np.arange(len(p_NK)), predicted_N], hits_N),
    }
    return (
        scores
        if positive is None
        else {**scores, "f1": macro_f1(hits_K[[positive]], (truth_K + predicted_K)[[positive]])}
    )


def macro_f1(hits_K: NDArray[np.int64], total_K: NDArray[np.int64]) -> float:
    """Mean F1 of the classes that occur in labels or predictions; 0 without any.

    As in scikit-learn: `f1_score(truth, answers, average="macro")`, and for several labels per item with
    `zero_division=numpy.nan`.

    Args:
        hits_K: True positives of each class.
        total_K: Number of items of the class plus number of predictions of it.
    """
    there_K = total_K > 0
    return float((2 * hits_K[there_K] / total_K[there_K]).mean()) if there_K.any() else 0.0


def ranking(p_NK: NDArray[np.float64], truth_N: NDArray[np.int64], classes: range | list[int]) -> tuple[float, float]:
    """Area under the ROC curve and average precision of each class against all others, as means over classes.

    A class that no item or every item has is left out; if all are, the values are 0.5 and 1.

    Reference:
        Fawcett 2006, doi:10.1016/j.patrec.2005.10.010, section 7; Davis & Goadrich 2006, ICML: no interpolation
        between points of the precision.
    """
    areas, precisions = [], []
    for number in classes:
        is_N = truth_N == number
        if 0 < (count := int(is_N.sum())) < len(is_N):
            _, group_N, size_G = np.unique(p_NK[:, number], return_inverse=True, return_counts=True)
            rank_G = np.cumsum(size_G) - (size_G - 1) / 2  # the mean over ties
            areas.append((rank_G[group_N][is_N].sum() - count * (count + 1) / 2) / (count * (len(is_N) - count)))
            found_G = np.bincount(group_N[is_N], minlength=len(size_G))[::-1]
            precisions.append(float((np.cumsum(found_G) / np.cumsum(size_G[::-1]) * found_G).sum() / count))
    return (float(np.mean(areas)), float(np.mean(precisions))) if areas else (0.5, 1.0)


def calibration_error(p_N: NDArray[np.float64], hits_N: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean absolute difference of probability and accuracy over bins.

    Args:
        p_N: The probability of the predicted class.
        hits_N: Whether the prediction is right.

    Reference:
        Guo et al. 2017, arXiv:1706.04599, equation 3.
    """
    bin_N = np.clip(np.ceil(p_N * BINS).astype(np.int64) - 1, 0, BINS - 1)
    distance_B = np.bincount(bin_N, p_N - hits_N, minlength=BINS)
    return float(np.abs(distance_B).sum() / len(p_N))
