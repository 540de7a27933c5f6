"""Words as numbers: the lowercased word, its casing, and its letters.

A word is a row of int32: its number (0 padding, 1 unknown, words from 2), its casing from 1, then the numbers of its
letters (0 padding, 1 unknown, letters from 2), `LETTERS` at most; of a longer word the beginning and the end.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.disk import regular

UNKNOWN = 1
COUNTS = "counts.npy"
"""File of a prepared folder: how often each word number occurs in the training data, as `learned` counts them."""
LETTERS = 24
"""Largest number of letters of a word that are read."""
CASINGS = ("padding", "other", "small", "capitals", "first capital", "mixed", "digits", "with digits")
"""Casings of words, by number."""
_MOST_LETTERS = 20_000


class Vocabulary(NamedTuple):
    """What numbers stand for.

    Args:
        words: Lowercased words, numbered from 2.
        letters: Letters, numbered from 2.
        width: Letters of a word that are kept, >= 1.
    """

    words: list[str]
    letters: list[str]
    width: int


def opened_vocabulary(file: Path) -> Vocabulary:
    """The vocabulary that a file has, as JSON."""
    return Vocabulary(**json.loads(regular.read_bytes(file)))


def folded(word: str) -> str:
    """A word in Unicode form NFC, lowercased."""
    return unicodedata.normalize("NFC", word).lower()


def learned(sentences: Iterable[Sequence[str]], most: int) -> tuple[Vocabulary, NDArray[np.int64]]:
    """The most frequent words of the training sentences, and all their letters.

    Args:
        sentences: Words, as they are written.
        most: Largest number of words.

    Returns:
        The vocabulary, and the count of each number: 0 for padding, that of all unknown words, then of each word.
    """
    as_written = Counter(word for sentence in sentences for word in sentence)
    counts, letters = Counter[str](), Counter[str]()
    for word, count in as_written.items():
        counts[folded(word)] += count
        letters.update(dict.fromkeys(unicodedata.normalize("NFC", word), count))
    words = sorted(counts, key=lambda word: (-counts[word], word))
    kept = words[:most]
    width = min(LETTERS, max(1, max((len(unicodedata.normalize("NFC", word)) for word in as_written), default=1)))
    known = sorted(sorted(letters, key=lambda letter: (-letters[letter], letter))[:_MOST_LETTERS])
    left_out = sum(counts[word] for word in words[most:])
    return Vocabulary(kept, known, width), np.asarray([0, left_out, *(counts[word] for word in kept)], dtype=np.int64)


class Numbering:
    """Words to rows of numbers.

    Args:
        vocabulary: What numbers stand for.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.columns = 2 + vocabulary.width
        self._width = vocabulary.width
        self.words = {word: number for number, word in enumerate(vocabulary.words, start=2)}
        self._letters = {letter: number for number, letter in enumerate(vocabulary.letters, start=2)}
        self._rows: dict[str, list[int]] = {}

    def numbered(self, sentence: Sequence[str]) -> NDArray[np.int32]:
        """The words of a sentence, (T, columns)."""
        return np.asarray([self._row(word) for word in sentence], dtype=np.int32).reshape(len(sentence), self.columns)

    def _row(self, word: str) -> list[int]:
        row = self._rows.get(word)
        if row is None:
            if len(self._rows) > 1_000_000:
                self._rows.clear()
            row = self._rows[word] = self._numbered(word)
        return row

    def _numbered(self, word: str) -> list[int]:
        whole = unicodedata.normalize("NFC", word)
        kept = whole
        if len(whole) > self._width:
            ahead = (self._width + 1) // 2
            kept = whole[:ahead] + whole[len(whole) - self._width + ahead :]
        letters = [self._letters.get(letter, UNKNOWN) for letter in kept]
        number = self.words.get(whole.lower(), UNKNOWN)
        return [number, casing(whole), *letters, *[0] * (self._width - len(letters))]


def rows_told(width: int, file: str) -> str:
    """What an exported graph takes as a word.

    Args:
        width: Largest number of letters.
        file: Name of the vocabulary's file.
    """
    casings = ", ".join(f"{number} {name}" for number, name in enumerate(CASINGS))
    return (
        f"for each word its number, its casing, the numbers of its letters, {width} at most, in Unicode form NFC. "
        f"Words, in lower case, and letters are listed in preprocess/{file}, numbered from 2; 1 is unknown, 0 is "
        f"padding. Casings: {casings}. Of a longer word the beginning and the end are kept"
    )


def casing(word: str) -> int:
    """A word's casing, by its number in `CASINGS`."""
    if word.isdigit():
        name = "digits"
    elif any(map(str.isdigit, word)):
        name = "with digits"
    elif word.islower():
        name = "small"
    elif word.isupper():
        name = "first capital" if len(word) == 1 else "capitals"
    elif word.istitle() or (word[:1].isupper() and word[1:].islower()):
        name = "first capital"
    else:
        name = "mixed" if any(map(str.isupper, word)) else "other"
    return CASINGS.index(name)
