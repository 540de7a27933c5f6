"""A class per step by its loudness alone: what a network should beat. Free of torch.

Letters of shapes: S steps of a recording, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.segments import step_scores
from tuner.adapters.speech.features import Item
from tuner.adapters.speech.tagging.options import TaggingOptions
from tuner.adapters.splits import SPLITS

NAME = "loudness alone"
_LEVELS = 20


def levels(item: Item, options: TaggingOptions) -> NDArray[np.float64]:
    """The mean level of the frames of each step (S,), on the scale of the recording."""
    features = item.features[:, :1] if options.cepstra else item.features
    level_T = features.mean(axis=1, dtype=np.float64)
    level_T = (level_T - level_T.mean()) / max(float(level_T.std()), 1e-9)
    starts = np.arange(0, len(level_T), options.stride)
    return np.array([level_T[start : start + options.stack].mean() for start in starts])


def loudness_scores(
    items: Mapping[Split, Sequence[Item]],
    labels: Mapping[Split, Sequence[NDArray[np.int64]]],
    options: TaggingOptions,
    classes: int,
    background: int,
) -> dict[str, dict[str, float]]:
    """Scores of the training steps' shares of classes (add-one) in each of some intervals of the level.

    Args:
        items: Those of each split.
        labels: The classes of their steps.
        options: The adapter's.
        classes: K.
        background: As in `step_scores`.
    """
    found = {split: [levels(item, options) for item in items[split]] for split in SPLITS}
    train, truth = np.concatenate(found["train"]), np.concatenate(labels["train"])
    edges = np.unique(np.quantile(train, np.linspace(0, 1, _LEVELS + 1)[1:-1]))
    count_LK = np.ones((len(edges) + 1, classes))
    np.add.at(count_LK, (np.searchsorted(edges, train), truth), 1)
    p_LK = count_LK / count_LK.sum(axis=1, keepdims=True)
    scores: dict[str, dict[str, float]] = {}
    for split in SPLITS[1:]:
        p = [p_LK[np.searchsorted(edges, level_S)] for level_S in found[split]]
        all_p, wanted = np.concatenate(p), np.concatenate(labels[split])
        known = wanted < classes
        loss = float(-np.log(all_p[known, wanted[known]]).mean()) if known.any() else 0.0
        answers = [each.argmax(axis=1) for each in p]
        scores[split] = {"loss": loss, **step_scores(answers, labels[split], classes, background)}
    return scores
