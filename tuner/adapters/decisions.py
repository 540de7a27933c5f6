"""From logits to predicted classes: temperature and threshold, fitted on validation data. Uses only numpy.

Letters of shapes: N items, K classes, C candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.learned_options import ClassOptions, ThresholdFor
from tuner.errors import DataError, nearest

COOLEST, HOTTEST = 0.1, 10.0
"""Range of fitted temperatures."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How classes are predicted from logits.

    Args:
        temperature: Divides the logits.
        threshold: With two classes, the probability from which on the positive one is predicted.
        positive: Number of the positive class.
    """

    temperature: float = 1.0
    threshold: float = 0.5
    positive: int = 1

    @classmethod
    def of(cls, options: ClassOptions, classes: Sequence[str]) -> Self:
        """The decision by given options; values that must be fitted have their defaults."""
        return cls(
            1.0 if isinstance(options.temperature, str) else options.temperature,
            0.5 if isinstance(options.threshold, str) else options.threshold,
            1 if options.positive is None else classes.index(options.positive),
        )

    def probabilities(self, logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each class."""
        scaled_NK = logits_NK / self.temperature
        p_NK: NDArray[np.float64] = np.exp(scaled_NK - scaled_NK.max(axis=1, keepdims=True))
        p_NK /= p_NK.sum(axis=1, keepdims=True)
        return p_NK

    def answers(self, p_NK: NDArray[np.float64]) -> NDArray[np.int64]:
        """The number of the predicted class: the most probable, or by the threshold."""
        answer_N: NDArray[np.int64] = p_NK.argmax(axis=1)
        if self.threshold != 0.5:
            answer_N = np.where(p_NK[:, self.positive] >= self.threshold, self.positive, 1 - self.positive)
        return answer_N

    def fitted(self, options: ClassOptions, logits_NK: NDArray[np.float64], truth_N: NDArray[np.int64]) -> Decision:
        """The decision with temperature and threshold fitted on these items, if the options say so."""
        found: Decision = self
        if isinstance(options.temperature, str):
            found = replace(found, temperature=best_temperature(logits_NK, truth_N))
        if isinstance(options.threshold, str):
            p_N = found.probabilities(logits_NK)[:, self.positive]
            found = replace(found, threshold=best_threshold(p_N, truth_N == self.positive, options.threshold))
        return found


def check_decision(options: ClassOptions, classes: Sequence[str]) -> None:
    """Check that the positive class is one of the classes, and that a threshold comes with exactly two.

    Raises:
        DataError: One of them fails.
    """
    if options.positive is not None and options.positive not in classes:
        raise DataError(
            "data.positive must be one of the classes",
            value=options.positive,
            fix=nearest(options.positive, classes),
            key=("data", "positive"),
        )
    if options.threshold != 0.5 and len(classes) != 2:
        raise DataError(
            f"data.threshold must be left out where there are {len(classes)} classes",
            value=options.threshold,
            fix="It is for two classes; with more, the most probable is predicted.",
            key=("data", "threshold"),
        )


def best_temperature(logits_NK: NDArray[np.float64], truth_N: NDArray[np.int64]) -> float:
    """The temperature with the lowest cross-entropy, in [0.1, 10].

    Reference:
        Guo et al. 2017, arXiv:1706.04599, section 4.2. The loss is convex in 1 / T: its derivative, the mean of
        E_p[z] - z_y, is bisected.
    """
    right_N = logits_NK[np.arange(len(logits_NK)), truth_N]
    low, high = np.log(COOLEST), np.log(HOTTEST)
    for _ in range(50):
        middle = (low + high) / 2
        p_NK = Decision(temperature=float(np.exp(middle))).probabilities(logits_NK)
        if ((p_NK * logits_NK).sum(axis=1) - right_N).mean() > 0:  # too confident
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def best_threshold(p_N: NDArray[np.float64], is_N: NDArray[np.bool_], score: ThresholdFor) -> float:
    """The threshold with the best score, midway between two probabilities; of ties the one nearest to 0.5.

    Args:
        p_N: The positive class's probability.
        is_N: Whether an item is of that class.
        score: The name of the score.
    """
    value_G, group_N, size_G = np.unique(p_N, return_inverse=True, return_counts=True)
    of_G = np.bincount(group_N[is_N], minlength=len(value_G))
    edges = np.concatenate([[0.0], value_G, [1.0]])
    candidate_C = np.clip((edges[:-1] + edges[1:]) / 2, 1e-9, 1 - 1e-9)  # from candidate c on: groups c, c + 1, ...
    hits_C, answered_C = (np.append(np.cumsum(each[::-1])[::-1], 0) for each in (of_G, size_G))
    positives, items = int(is_N.sum()), len(is_N)
    false_C, missed_C = answered_C - hits_C, positives - hits_C
    rest_C = items - positives - false_C  # true negatives
    f1_C = 2 * hits_C / np.maximum(2 * hits_C + false_C + missed_C, 1)
    other_C = 2 * rest_C / np.maximum(2 * rest_C + false_C + missed_C, 1)
    score_C = {
        "accuracy": (hits_C + rest_C) / items,
        "balanced_accuracy": hits_C / max(positives, 1) + rest_C / max(items - positives, 1),
        "macro_f1": f1_C + other_C,
        "f1": f1_C,
    }[score]
    best_C = candidate_C[score_C >= score_C.max() - 1e-12]
    return float(best_C[np.abs(best_C - 0.5).argmin()])
