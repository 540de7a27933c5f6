"""Scores of a class per step: of steps, and of segments (runs of steps of one class). Uses only numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Metric
from tuner.adapters.class_scores import macro_f1

METRICS = (
    Metric(
        "accuracy",
        maximize=True,
        summary="share of steps whose class is right, 0 to 1",
        within=(0, 1),
        readable=True,
    ),
    Metric(
        "macro_f1",
        maximize=True,
        summary="mean F1 score over the classes of steps that occur in labels or predictions, 0 to 1",
        within=(0, 1),
    ),
    Metric(
        "segment_f1",
        maximize=True,
        summary="F1 of segments; one is right if its overlap (IoU) with one of its class is at least 0.5, 0 to 1",
        within=(0, 1),
    ),
    Metric("loss", maximize=False, summary="mean cross-entropy of a step in nats", within=(0, math.inf)),
)
OVERLAP = 0.5
"""Smallest overlap (intersection over union) for a segment to count as found."""


def step_scores(
    answers: Sequence[NDArray[np.int64]], truth: Sequence[NDArray[np.int64]], classes: int, background: int = -1
) -> dict[str, float]:
    """All scores of `METRICS` except the loss.

    Args:
        answers: Class numbers of each item's steps.
        truth: The true ones; numbers from `classes` on are classes without training items.
        classes: Number of classes in training.
        background: The class whose runs do not count as segments; -1 for none.

    Reference:
        Lea et al. 2017, arXiv:1611.05267, section 4.1: the F1 of segments at an overlap of 50 %.
    """
    found_N, right_N = np.concatenate(answers), np.concatenate(truth)
    size = max(classes, int(right_N.max()) + 1)
    hits_K = np.bincount(right_N[found_N == right_N], minlength=size)
    total_K = np.bincount(right_N, minlength=size) + np.bincount(found_N, minlength=size)
    counts = segment_counts(answers, truth, size, background).sum(axis=0)
    return {
        "accuracy": float((found_N == right_N).mean()),
        "macro_f1": macro_f1(hits_K, total_K),
        "segment_f1": float(2 * counts[0] / max(1, counts[1] + counts[2])),
    }


def segments(steps: NDArray[np.int64], background: int = -1) -> list[tuple[int, int, int]]:
    """Runs of one class: class, first step, step after the last."""
    starts = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
    ends = [*starts[1:].tolist(), len(steps)]
    return [(int(steps[a]), int(a), b) for a, b in zip(starts, ends, strict=True) if steps[a] != background]


def segment_counts(
    answers: Sequence[NDArray[np.int64]], truth: Sequence[NDArray[np.int64]], classes: int, background: int = -1
) -> NDArray[np.int64]:
    """Numbers of segments of each class that are found, predicted and true, (classes, 3); see `step_scores`."""
    counts = np.zeros((classes, 3), dtype=np.int64)
    for answer, right in zip(answers, truth, strict=True):
        said, there = segments(answer, background), segments(right, background)
        kinds = (_found(said, there), [kind for kind, _, _ in said], [kind for kind, _, _ in there])
        counts += np.stack([np.bincount(np.array(each, dtype=np.int64), minlength=classes) for each in kinds], axis=1)
    return counts


def _found(said: Sequence[tuple[int, int, int]], there: Sequence[tuple[int, int, int]]) -> list[int]:
    """The class of each predicted segment that is right."""
    free, found = set(range(len(there))), []
    for kind, begin, end in said:
        overlaps = [
            (min(end, other_end) - max(begin, other_begin)) / (max(end, other_end) - min(begin, other_begin))
            if other == kind
            else 0.0
            for other, other_begin, other_end in there
        ]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best in free and overlaps[best] >= OVERLAP:
            free.discard(best)
            found.append(kind)
    return found
