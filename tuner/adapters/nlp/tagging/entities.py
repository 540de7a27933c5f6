"""Scores of tags: entities by the strict rule, and words.

Strict: an entity counts only if its tags follow the scheme, and it is right only if both its ends and its type are. In
BIO it is B and all following I of its type; in BIOES it is S, or B, any number of I, and E of one type. Tags outside
such entities are ignored. Plain tags: each word is an entity with its tag as type.

Letters of shapes: N words of all sentences, one after the other; K tags.

Reference:
    seqeval, Nakayama 2018, mode strict, schemes IOB2 and IOBES, with averages over all entities (micro). No deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.nlp.tagging.options import Scheme
from tuner.adapters.nlp.tagging.schemes import parted

_CODES = {letter: code for code, letter in enumerate("OBIES")}
_O, _B, _I, _E, _S = range(5)


class Counts(NamedTuple):
    """Number of right, predicted and true entities of each of Y types."""

    right: NDArray[np.int64]
    predicted: NDArray[np.int64]
    true: NDArray[np.int64]


class Scorer:
    """Finds and compares entities.

    Args:
        tags: All K tags, including those that do not occur in training.
        scheme: plain, bio or bioes.
    """

    def __init__(self, tags: Sequence[str], scheme: Scheme) -> None:
        self.scheme = scheme
        pairs = [("S", tag) if scheme == "plain" else parted(tag) for tag in tags]
        self.types = sorted({type_ for letter, type_ in pairs if letter != "O"})
        self._letter_K = np.asarray([_CODES[letter] for letter, _ in pairs])
        self._type_K = np.asarray([self.types.index(type_) if letter != "O" else -1 for letter, type_ in pairs])

    def found(self, tag_N: NDArray[np.int64], first_N: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The entities, a row each: first word, last word + 1, type.

        Args:
            tag_N: A tag per word.
            first_N: Whether a word is the first of its sentence.
        """
        letter_N, type_N = self._letter_K[tag_N], self._type_K[tag_N]
        goes_on_N = np.isin(letter_N, (_I, _E))
        goes_on_N[1:] &= np.isin(letter_N[:-1], (_B, _I)) & (type_N[1:] == type_N[:-1])
        goes_on_N &= ~first_N
        breaks = np.append(np.flatnonzero(~goes_on_N), len(tag_N))
        starts = np.flatnonzero(np.isin(letter_N, (_B, _S)))
        ends = breaks[np.searchsorted(breaks, starts, side="right")]
        if self.scheme != "bio":
            last = letter_N[ends - 1]
            single = letter_N[starts] == _S
            ends = np.where(single, starts + 1, ends)
            starts, ends = (part[single | (last == _E)] for part in (starts, ends))
        return np.stack((starts, ends, type_N[starts]), axis=1)

    def counts(self, predicted_N: NDArray[np.int64], true_N: NDArray[np.int64], first_N: NDArray[np.bool_]) -> Counts:
        """Entities that are right, predicted and true, per type."""
        found, wanted = self.found(predicted_N, first_N), self.found(true_N, first_N)
        size = len(true_N) + 1

        def keys(rows: NDArray[np.int64]) -> NDArray[np.int64]:
            return (rows[:, 2] * size + rows[:, 0]) * size + rows[:, 1]

        right = found[np.isin(keys(found), keys(wanted))]
        return Counts(*(np.bincount(rows[:, 2], minlength=len(self.types)) for rows in (right, found, wanted)))

    def scores(
        self, predicted_N: NDArray[np.int64], true_N: NDArray[np.int64], first_N: NDArray[np.bool_]
    ) -> dict[str, float]:
        """F1, precision and recall over all entities, 0 where there are none; accuracy over all words."""
        right, predicted, true = (int(each.sum()) for each in self.counts(predicted_N, true_N, first_N))
        return {
            "f1": 2 * right / max(predicted + true, 1),
            "precision": right / max(predicted, 1),
            "recall": right / max(true, 1),
            "accuracy": float((predicted_N == true_N).mean()),
        }
