"""A classifier's answers for reports. Letters of shapes: B items of a batch, N items, T steps, K classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.decisions import Decision
from tuner.adapters.shown import Confused

if TYPE_CHECKING:
    from torch import Tensor

    from tuner.adapters.base import Batch

MOST_CLASSES, MOST_WRONG, MOST_STEPS, MOST_CHANNELS = 40, 6, 120, 3
"""Largest numbers of the matrix's classes, of mistakes, and of an item's values and channels."""
LIKELIEST = Decision()


def confused(
    classes: Sequence[str],
    predictions: Sequence[Tensor],
    batches: Sequence[Batch],
    item: Callable[[Any], Mapping[str, Any]],
    decision: Decision = LIKELIEST,
) -> Confused | None:
    """The confusion matrix, and the most confident mistakes.

    Args:
        classes: Their names.
        predictions: Logits, (B, K) per batch.
        batches: The items.
        item: Turns an item's steps (T, ...), without padding, into a form for people.
        decision: How classes are predicted from logits.
    """
    if len(classes) > MOST_CLASSES:
        return None
    p_NK, truth_N = decision.probabilities(logits_of(predictions)), truth_of(batches)
    predicted_N = decision.answers(p_NK)
    counts_KK = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts_KK, (truth_N, predicted_N), 1)
    sure_N = p_NK[np.arange(len(p_NK)), predicted_N]
    wrong = [at for at in np.argsort(-sure_N, kind="stable") if predicted_N[at] != truth_N[at]][:MOST_WRONG]
    first_B = np.cumsum([0, *(len(batch.y) for batch in batches)])
    found = []
    for at in wrong:
        number = int(np.searchsorted(first_B, at, side="right")) - 1
        batch, row = batches[number], int(at - first_B[number])
        length = None if batch.lengths is None else int(batch.lengths[row])
        names = {"truth": classes[truth_N[at]], "predicted": classes[predicted_N[at]]}
        found.append({**names, "probability": float(sure_N[at]), **item(batch.x[row, :length].cpu().numpy())})
    return Confused(classes, counts_KK.tolist(), found)


def as_series(x_TC: NDArray[Any], names: Sequence[str]) -> Mapping[str, Any]:
    """The first channels of an item, subsampled: channel -> values."""
    step = -(-len(x_TC) // MOST_STEPS)
    return {
        "series": {name: [float(value) for value in x_TC[::step, at]] for at, name in enumerate(names[:MOST_CHANNELS])}
    }


def logits_of(predictions: Sequence[Tensor]) -> NDArray[np.float64]:
    """The logits of all batches, (N, K)."""
    return np.concatenate([prediction.double().cpu().numpy() for prediction in predictions])


def truth_of(batches: Sequence[Batch]) -> NDArray[np.int64]:
    """The true classes of all batches, (N,)."""
    return np.concatenate([batch.y.cpu().numpy() for batch in batches])
