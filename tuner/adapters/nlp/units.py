"""Units of a running text: characters, subwords or words, numbered by the training text alone.

Token 0 is the unknown symbol, and the network's first input before a text; the others are numbered from 1.

Letter of shapes: K tokens, including the unknown one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.nlp.options import Unit
from tuner.adapters.nlp.vocabulary import encode
from tuner.adapters.subwords import byte_letters, train_tokenizer

UNKNOWN = "<unk>"
"""The name of token 0; a word of that name, as in the Penn Treebank, counts as unknown."""

Encode = Callable[[str], NDArray[np.int64]]
"""A text to token numbers."""

_CODES = 0x110000
_PARTS_OF_LETTERS = (0x85, 0xA0)
"""Bytes that are white space as characters, but parts of other characters in UTF-8; as characters they are rare."""
_WORD = re.compile(r"\n|\S+")
_PIECE = re.compile(r"(?s).{1,4096}\S*")
"""A part of a text that is split into subwords by itself; it ends with a word."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of a training text.

    Args:
        tokens: Their spellings, K; subwords are in the byte alphabet of GPT-2.
        lengths: Characters that each stands for, (K,) float64; a character of several subwords counts for the one in
            which it begins.
        encode: A text to token numbers, int64.
        spelling: Nats to spell out an unknown symbol, once it is known to be unknown; without them, a smaller
            vocabulary would always have a better score.
        tokenizer: The tokenizer of subwords, as JSON; empty with other units.
    """

    tokens: list[str]
    lengths: NDArray[np.float64]
    encode: Encode
    spelling: float
    tokenizer: str = ""


def characters(train: str, _: int) -> Vocabulary:
    """Every character of the training text; the vocabulary has no limit. An unknown one may be any in Unicode."""
    known = np.flatnonzero(np.bincount(_codes(train), minlength=_CODES))
    tokens = [UNKNOWN, *map(chr, known)]
    return Vocabulary(tokens, np.ones(len(tokens)), _by_character(tokens), math.log(_CODES))


def _by_character(tokens: Sequence[str], _: str = "") -> Encode:
    numbers = np.zeros(_CODES, dtype=np.int64)
    numbers[[ord(token) for token in tokens[1:]]] = np.arange(1, len(tokens))
    return lambda text: numbers[_codes(text)]


def subwords(train: str, limit: int) -> Vocabulary:
    """At most `limit` subwords over bytes, so that nothing is unknown.

    Reference:
        See `tuner.adapters.subwords`.
    """
    tokenizer = train_tokenizer(_PIECE.findall(train), limit, prefix_space=False)
    tokens = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])]
    told = tokenizer.to_str()
    begins = {letter for letter, byte in byte_letters().items() if byte & 0xC0 != 0x80}  # not inside a character
    counts = [sum(letter in begins for letter in token) for token in tokens]
    lengths = np.asarray([1, *counts], dtype=np.float64)
    return Vocabulary([UNKNOWN, *tokens], lengths, _by_subword(tokens, told), spelling=0.0, tokenizer=told)


def _by_subword(_: Sequence[str], told: str) -> Encode:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(told)
    return lambda text: np.concatenate(encode(tokenizer, _PIECE.findall(text))).astype(np.int64)


def words(train: str, limit: int) -> Vocabulary:
    """The most frequent words, at most `limit` including the unknown one; a line end is a word.

    The length of a word is that of its characters and one white space after it; further white space is not counted.
    The length of an unknown word is the mean over the training words outside the vocabulary, and so are its nats: those
    of its letters, by their frequencies.

    Reference:
        Mikolov et al. 2010, Interspeech, section 3. No deviation on texts whose words are separated by single spaces.
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
    tokens, lengths = [UNKNOWN, *kept], np.asarray([unknown, *(sizes[word] for word in kept)])
    return Vocabulary(tokens, lengths, _by_word(tokens), float(np.average(spellings, weights=weights)))


def _by_word(tokens: Sequence[str], _: str = "") -> Encode:
    numbers = {word: number for number, word in enumerate(tokens) if number}

    def encoded(text: str) -> NDArray[np.int64]:
        found = _WORD.findall(text)
        return np.fromiter(map(numbers.get, found, repeat(0)), dtype=np.int64, count=len(found))

    return encoded


UNITS: Mapping[Unit, Callable[[str, int], Vocabulary]] = {"char": characters, "subword": subwords, "word": words}
"""Unit -> maker of its vocabulary from a training text that is not blank and the largest number of tokens."""

ENCODERS: Mapping[Unit, Callable[[Sequence[str], str], Encode]] = {
    "char": _by_character,
    "subword": _by_subword,
    "word": _by_word,
}
"""Unit -> maker of `Vocabulary.encode` from `Vocabulary.tokens` and `Vocabulary.tokenizer`."""


def parts_of(unit: Unit, text: str) -> Sequence[str]:
    """The tokens of a text, one by one; empty for subwords, none of which is unknown."""
    return {"char": list(text), "word": _WORD.findall(text), "subword": []}[unit]


class WordEnds(NamedTuple):
    """Which tokens end words: words are separated by white space, and every line end is a word.

    Args:
        within: Number of words that end within each token, including line ends, (K,) int64.
        closes: Whether it begins with white space, which ends the word before it, (K,).
        opens: Whether it ends with another character, so that a word continues, (K,).
    """

    within: NDArray[np.int64]
    closes: NDArray[np.bool_]
    opens: NDArray[np.bool_]

    def number(self, before_N: NDArray[np.integer], token_N: NDArray[np.integer]) -> int:
        """Number of words that end in a text; the last one counts if white space follows it.

        Args:
            before_N: The token before each.
            token_N: Its tokens.
        """
        return int(self.within[token_N].sum() + (self.closes[token_N] & self.opens[before_N]).sum())


def word_ends(unit: Unit, tokens: Sequence[str]) -> WordEnds:
    """The `WordEnds` of tokens, from their spellings; token 0, the unknown one, is within a word."""
    if unit == "word":
        nowhere = np.zeros(len(tokens), dtype=bool)
        return WordEnds(np.ones(len(tokens), dtype=np.int64), nowhere, nowhere)
    bytes_of = byte_letters() if unit == "subword" else {}
    within, closes, opens = [], [], []
    for token in ("x", *tokens[1:]):
        text = "".join(chr(bytes_of[letter]) for letter in token) if unit == "subword" else token
        blank = [sign.isspace() and ord(sign) not in _PARTS_OF_LETTERS for sign in text]
        within.append(text.count("\n") + sum(after and not sign for sign, after in pairwise(blank)))
        closes.append(blank[0])
        opens.append(not blank[-1])
    return WordEnds(np.asarray(within, dtype=np.int64), np.asarray(closes), np.asarray(opens))


def _from_subwords(tokens: Sequence[str]) -> str:
    letters = byte_letters()
    return bytes(letters[letter] for token in tokens for letter in token).decode(errors="replace")


DECODERS: Mapping[Unit, Callable[[Sequence[str]], str]] = {
    "char": "".join,
    "subword": _from_subwords,
    "word": lambda tokens: re.sub(r" ?\n ?", "\n", " ".join(tokens)),
}
"""Unit -> function from the spellings of tokens to the text."""


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
