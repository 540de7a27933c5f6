"""What a step of a running text is: its characters, subwords or words, numbered by the training text alone.

Token 0 is the unknown symbol, and what a network sees before a text begins; the others are numbered from 1.

Letter of shapes: K tokens, the unknown one included.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.nlp.options import Unit
from tuner.adapters.nlp.vocabulary import encode, train_tokenizer

UNKNOWN = "<unk>"
"""What token 0 is called; a word of that name, as in the Penn Treebank, is unknown."""

_CODES = 0x110000
_WORD = re.compile(r"\n|\S+")
_PIECE = re.compile(r"(?s).{1,4096}\S*")
"""A part of a text to be told apart into subwords by itself, which ends with a word."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of a training text.

    Args:
        tokens: Their spellings, K; subwords are in the byte alphabet of GPT-2.
        lengths: Characters that each stands for, (K,) float64; a subword may end within one, which belongs to the
            subword where it begins.
        encode: A text to token numbers, int64.
        spelling: Nats that it takes to tell which symbol an unknown one is, once it is known to be unknown; without
            them, the fewer tokens the fewer bits.
    """

    tokens: list[str]
    lengths: NDArray[np.float64]
    encode: Callable[[str], NDArray[np.int64]]
    spelling: float


def characters(train: str, _: int) -> Vocabulary:
    """Every character of the training text; the vocabulary has no limit. An unknown one may be any of Unicode's."""
    known = np.flatnonzero(np.bincount(_codes(train), minlength=_CODES))
    numbers = np.zeros(_CODES, dtype=np.int64)
    numbers[known] = np.arange(1, len(known) + 1)
    tokens = [UNKNOWN, *map(chr, known)]
    return Vocabulary(tokens, np.ones(len(tokens)), lambda text: numbers[_codes(text)], math.log(_CODES))


def subwords(train: str, limit: int) -> Vocabulary:
    """At most `limit` subwords over bytes, so that nothing is unknown.

    Reference:
        See `tuner.adapters.nlp.vocabulary`.
    """
    tokenizer = train_tokenizer(_PIECE.findall(train), limit, prefix_space=False)
    tokens = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])]
    begins = {letter for letter, byte in _byte_letters().items() if byte & 0xC0 != 0x80}  # not inside a character

    def numbers(text: str) -> NDArray[np.int64]:
        return np.concatenate(encode(tokenizer, _PIECE.findall(text))).astype(np.int64)

    counts = [sum(letter in begins for letter in token) for token in tokens]
    return Vocabulary([UNKNOWN, *tokens], np.asarray([1, *counts], dtype=np.float64), numbers, spelling=0.0)


def words(train: str, limit: int) -> Vocabulary:
    """The most frequent words, at most `limit` with the unknown one; a line end is a word.

    A word stands for its characters and for the white space after it, which other white space and blank lines leave
    out of the count. An unknown word counts as much as those of the training text do on average, and takes as many nats
    to spell, letter by letter as often as each is there.

    Reference:
        Mikolov et al. 2010, Interspeech, section 3. No deviation on texts whose words are parted by single blanks.
    """
    counts = Counter(_WORD.findall(train))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    kept = [word for word in ranked if word != UNKNOWN][: limit - 1]
    numbers = {word: number for number, word in enumerate(kept, start=1)}
    sizes = {word: 0 if word == "\n" else len(word) + 1 for word in counts}
    lost = [word for word in counts if word not in numbers] or list(counts)
    letters, ends = Counter(train), sum(counts.values())
    nats = {letter: math.log(len(train) / count) for letter, count in letters.items()}
    end = math.log(len(train) / ends)
    spellings = [0.0 if word == UNKNOWN else sum(map(nats.__getitem__, word), end) for word in lost]
    weights = [counts[word] for word in lost]
    unknown = np.average([sizes[word] for word in lost], weights=weights)

    def encoded(text: str) -> NDArray[np.int64]:
        found = _WORD.findall(text)
        return np.fromiter(map(numbers.get, found, repeat(0)), dtype=np.int64, count=len(found))

    lengths = np.asarray([unknown, *(sizes[word] for word in kept)])
    return Vocabulary([UNKNOWN, *kept], lengths, encoded, float(np.average(spellings, weights=weights)))


UNITS: Mapping[Unit, Callable[[str, int], Vocabulary]] = {"char": characters, "subword": subwords, "word": words}
"""Unit -> maker of its vocabulary from a training text that is not blank and the largest number of tokens."""


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def _byte_letters() -> dict[str, int]:
    """Letter -> the byte that it stands for in a subword's spelling (Radford et al. 2019, their code)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {
        **{chr(byte): byte for byte in printable},
        **{chr(256 + place): byte for place, byte in enumerate(others)},
    }
