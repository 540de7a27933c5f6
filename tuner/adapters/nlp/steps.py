"""Texts as steps: subwords, words or characters, numbered by the training texts alone; 0 is padding.

Of a pair of texts, the steps of both follow each other, with a separator between them. All of it is in the file
`tokenizer.json`: that of the package tokenizers, or with words a `words.Vocabulary`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.nlp.text_options import TextOptions, TextUnit
from tuner.adapters.nlp.vectors import write_vectors
from tuner.adapters.nlp.vocabulary import PARTED, TextTokens, character_tokenizer, split_words
from tuner.adapters.nlp.words import CASINGS, COUNTS, UNKNOWN, Numbering, Vocabulary, learned, opened_vocabulary
from tuner.adapters.subwords import train_tokenizer
from tuner.disk import regular

FILE = "tokenizer.json"
"""Its name in a folder of prepared data, and in a model's."""


class Steps(Protocol):
    """How a normalised text becomes steps, int32 (T,), or (T, C) if a step has several numbers."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of each number of a step the largest one plus 1, without the separator's."""
        ...

    @property
    def separator(self) -> NDArray[np.int32]:
        """The step between the texts of a pair, (1,) or (1, C); its number is the first of `sizes`."""
        ...

    def numbered(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The steps of each text."""
        ...

    def shown(self, item: NDArray[np.integer]) -> list[str]:
        """The text of each step; " / " for the separator."""
        ...

    def text(self, item: NDArray[np.integer]) -> str:
        """The text of some steps, close to how it was written."""
        ...


class Encoded(NamedTuple):
    """Items as steps, and whether each text was too long."""

    items: list[NDArray[np.int32]]
    cut: list[bool]


class WordSteps:
    """Words: rows of `words.Numbering`. A sign other than a letter, digit or `_` is a word, unless inside of one.

    Args:
        vocabulary: What numbers stand for.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary, self.numbering = vocabulary, Numbering(vocabulary)
        self.sizes = (len(vocabulary.words) + 2, len(CASINGS), *(len(vocabulary.letters) + 2,) * vocabulary.width)
        self.separator = np.zeros((1, len(self.sizes)), dtype=np.int32)
        self.separator[0, :2] = len(vocabulary.words) + 2, CASINGS.index("other")

    def numbered(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """See `Steps`."""
        return [self.numbering.numbered(words) for words in split_words(texts)]

    def shown(self, item: NDArray[np.integer]) -> list[str]:
        """Unknown words by their known letters; see `Steps`."""
        words, letters = self.vocabulary.words, self.vocabulary.letters
        return [
            words[row[0] - 2]
            if UNKNOWN < row[0] < self.sizes[0]
            else "".join(letters[letter - 2] if letter > UNKNOWN else "?" for letter in row[2:] if letter) or " / "
            for row in item.tolist()
        ]

    def text(self, item: NDArray[np.integer]) -> str:
        """Words separated by spaces; see `Steps`."""
        return " ".join(word.strip() for word in self.shown(item))


def learn_steps(folder: Path, texts: Sequence[str], options: TextOptions) -> Steps:
    """Learn the steps of training texts, and store them."""
    if options.unit == "word":
        vocabulary, counts = learned(split_words(texts), options.vocabulary)
        (folder / FILE).write_text(json.dumps(vocabulary._asdict()))
        np.save(folder / COUNTS, counts)
        return WordSteps(vocabulary)
    tokenizer = character_tokenizer(texts) if options.unit == "char" else train_tokenizer(texts, options.vocabulary)
    tokenizer.save(str(folder / FILE))
    return TextTokens(tokenizer)


def learn_vectors(folder: Path, steps: Steps, options: TextOptions) -> tuple[dict[str, object], list[str]]:
    """Store the vectors of `data.vectors`, if it is set; returns facts and notices, see `write_vectors`."""
    if options.vectors is None:
        return {}, []
    assert isinstance(steps, WordSteps)
    size, told = write_vectors(folder, options.vectors, steps.numbering.words, np.load(folder / COUNTS), folded=True)
    return {"vector_size": size}, [told]


def steps_of(folder: Path, unit: TextUnit) -> Steps:
    """The steps that were stored in a folder."""
    if unit == "word":
        return WordSteps(opened_vocabulary(folder / FILE))
    from tokenizers import Tokenizer

    return TextTokens(Tokenizer.from_str(regular.read_bytes(folder / FILE).decode()))


def encoded(steps: Steps, texts: Sequence[str], options: TextOptions) -> Encoded:
    """The steps of texts or pairs (see `vocabulary.joined`), of each text `max_length` at most."""
    most, at = options.max_length, 0
    parts = [text.split(PARTED) for text in texts]
    found = steps.numbered([part for each in parts for part in each])
    items, cut = [], []
    for each in parts:
        whole = found[at : at + len(each)]
        at += len(each)
        first, *more = [item[-most:] if options.keep == "end" else item[:most] for item in whole]
        items.append(np.concatenate([first, *(step for other in more for step in (steps.separator, other))]))
        cut.append(max(map(len, whole)) > most)
    return Encoded(items, cut)
