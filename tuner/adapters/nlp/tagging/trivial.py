"""The trivial predictor: the most frequent tag of each word.

Letters of shapes: N words, K tags in training, V words of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.nlp.tagging.entities import Scorer
from tuner.adapters.nlp.tagging.options import Scheme


class Numbered(NamedTuple):
    """Sentences of a split: rows of `words.Numbering`, and the numbers of their tags."""

    rows: list[NDArray[np.int32]]
    targets: list[NDArray[np.int32]]


def trivial_scores(
    train: Numbered, other: Numbered, tags: Sequence[str], seen: int, scheme: Scheme
) -> dict[str, float]:
    """Its scores on sentences: each word gets its most frequent tag in training, an unknown one the overall one.

    With n_wk occurrences of word w with tag k, p(k | w) = (n_wk + p(k)) / (n_w + 1), p(k) with add-one smoothing.

    Args:
        train: Training sentences.
        other: Scored sentences.
        tags: All tags, those of training first.
        seen: Number of tags in training, K.
        scheme: The scheme of the tags.
    """
    word_N, tag_N = (np.concatenate(part).astype(np.int64) for part in (_words(train), train.targets))
    share_K = np.bincount(tag_N, minlength=seen) + 1.0
    share_K /= share_K.sum()
    pairs, counts = np.unique(word_N * seen + tag_N, return_counts=True)
    of_word = np.bincount(word_N)
    # The most frequent tag of each word: the last one written wins, so counts ascend; ties go to the first tag.
    likeliest = np.full(len(of_word), int(share_K.argmax()))
    order = np.lexsort((-pairs, counts))
    likeliest[pairs[order] // seen] = pairs[order] % seen
    likeliest[:2] = share_K.argmax()

    words, truth = (np.concatenate(part).astype(np.int64) for part in (_words(other), other.targets))
    known = words < len(of_word)
    predicted = np.where(known, likeliest[np.where(known, words, 0)], share_K.argmax())
    first = np.zeros(len(truth), dtype=bool)
    first[np.cumsum([0, *(len(row) for row in other.rows[:-1])])] = True
    counted = truth < seen
    found = np.searchsorted(pairs, words * seen + truth)
    found = np.minimum(found, len(pairs) - 1)
    times = np.where(pairs[found] == words * seen + truth, counts[found], 0)[counted]
    total = np.where(known, of_word[np.where(known, words, 0)], 0)[counted]
    likelihood = (times + share_K[truth[counted]]) / (total + 1)
    return {
        "loss": float(-np.log(likelihood).mean()) if counted.any() else 0.0,
        **Scorer(tags, scheme).scores(predicted, truth, first),
    }


def _words(part: Numbered) -> list[NDArray[np.int32]]:
    return [row[:, 0] for row in part.rows]
