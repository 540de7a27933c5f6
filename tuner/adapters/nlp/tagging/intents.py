"""Intents of sentences as numbers, and the trivial predictor, which knows only how frequent each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.nlp.tagging.reading import Sentence
from tuner.errors import DataError

MOST_INTENTS = 5000
"""Largest number of different intents; more are sentences, not intents."""


def all_intents(splits: Mapping[Split, Sequence[Sentence]]) -> tuple[list[str], int, list[str]]:
    """The intents, those of the training sentences first; the number of these; and notices about the others.

    Raises:
        DataError: There is only one in training, or there are too many.
    """
    seen = sorted({sentence.intent for sentence in splits["train"]})
    if not 2 <= len(seen) <= MOST_INTENTS:
        rule = "at least two different intents" if len(seen) < 2 else f"at most {MOST_INTENTS} different intents"
        raise DataError(
            f"the training sentences must have {rule}",
            value=seen if len(seen) < 2 else len(seen),
            fix="Check what data.intent names, or leave it out.",
            where=splits["train"][0].where.rpartition(":")[0],
        )
    known, unseen, told = set(seen), list[str](), list[str]()
    for split in ("val", "test"):
        others = [sentence for sentence in splits[split] if sentence.intent not in known]
        if others:
            told.append(
                f"sentences of {split} whose intent no training sentence has: {len(others)}, such as "
                f"{others[0].intent!r} at {others[0].where}; each counts as wrong"
            )
        unseen += sorted({sentence.intent for sentence in others} - set(unseen))
    return [*seen, *unseen], len(seen), told


def write_intents(
    folder: Path, splits: Mapping[Split, Sequence[Sentence]]
) -> tuple[list[str], dict[Split, tuple[float, float]], list[str]]:
    """Store the number of each sentence's intent as `<split>.intent.npy`.

    Returns:
        The intents of training; per split the accuracy and the nats per sentence of the trivial predictor; notices.

    Raises:
        DataError: There are too few intents or too many.
    """
    intents, seen, told = all_intents(splits)
    of_intent = {intent: number for number, intent in enumerate(intents)}
    numbers = {
        split: np.asarray([of_intent[sentence.intent] for sentence in parts], dtype=np.int64)
        for split, parts in splits.items()
    }
    for split, number_N in numbers.items():
        np.save(folder / f"{split}.intent.npy", number_N)
    held: tuple[Split, ...] = ("val", "test")
    return intents[:seen], {split: trivial_intent(numbers["train"], numbers[split], seen) for split in held}, told


def trivial_intent(train_N: NDArray[np.int64], other_N: NDArray[np.int64], seen: int) -> tuple[float, float]:
    """Accuracy of training's most frequent intent, and nats per sentence of its frequencies (add-one).

    Args:
        train_N: Intents of the training sentences.
        other_N: Intents of the scored sentences.
        seen: Number of intents in training.
    """
    counts_J = np.bincount(train_N, minlength=seen) + 1.0
    nats_J = -np.log(counts_J / counts_J.sum())
    known_N = other_N[other_N < seen]
    return float((other_N == counts_J.argmax()).mean()), float(nats_J[known_N].mean()) if len(known_N) else 0.0
