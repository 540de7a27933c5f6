"""Units that are recognized: characters, subwords, words or phones, numbered from 1; 0 is the blank of CTC."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.speech.recognition.options import MOST_UNITS, RecognitionOptions, UnitKind
from tuner.adapters.subwords import BYTES, byte_letters, train_tokenizer
from tuner.errors import DataError

BLANK = 0


def normalized(text: str, options: RecognitionOptions) -> str:
    """A transcript in Unicode form NFC with single spaces, lowercased and without punctuation if options say so."""
    text = unicodedata.normalize("NFC", text)
    if options.punctuation == "drop":
        text = "".join(_spoken(text, place) for place in range(len(text)))
    if options.lower_case:
        text = unicodedata.normalize("NFC", text.lower())
    return " ".join(text.split())


def _spoken(text: str, place: int) -> str:
    """The character at a place; a space for punctuation that is not within a word."""
    if not unicodedata.category(text[place]).startswith("P"):
        return text[place]
    around = (text[place - 1 : place], text[place + 1 : place + 2])
    return text[place] if text[place] in "'\u2019-" and all(map(str.isalpha, around)) else " "


Splitter = Callable[[str], list[str]]
"""From a normalized transcript to its units."""


def splitter(options: RecognitionOptions, train: Sequence[str]) -> Splitter:
    """The function that splits transcripts into units; subwords are learned from the training transcripts."""
    if options.units == "characters":
        return list
    if options.units != "subwords":
        return str.split
    letters = len({32}.union(*(text.encode() for text in train)))
    tokenizer = train_tokenizer(train, BYTES + max(0, options.vocabulary - letters))

    def split(text: str) -> list[str]:
        return list(tokenizer.encode(text).tokens)

    return split


def needed(units: Sequence[object]) -> int:
    """Steps that the shortest path through these units takes: one each, and a blank between equal neighbours."""
    return len(units) + sum(one == other for one, other in pairwise(units))


class Units:
    """Transcripts as numbers and back.

    Args:
        kind: Characters, subwords, words or phones.
        names: The units of training, numbered from 1; of subwords their spelling in letters of bytes.
        unseen: Units of other splits only, whose numbers follow: no network predicts them.
    """

    def __init__(self, kind: UnitKind, names: Sequence[str], unseen: Sequence[str] = ()) -> None:
        self.kind, self.names, self.unseen = kind, list(names), list(unseen)
        self._numbers = {name: number for number, name in enumerate([*names, *unseen], start=1)}
        self._bytes = [b"", *map(_bytes_of(kind), self._numbers)]
        """What each adds to a transcript, in UTF-8; a blank begins a word."""

    def numbers(self, units: Iterable[str]) -> NDArray[np.int32]:
        """The numbers (U,) of a transcript's units, all of which must be known."""
        return np.asarray([self._numbers[unit] for unit in units], dtype=np.int32)

    def text(self, numbers: Iterable[int]) -> str:
        """The transcript of numbers, without the blanks of CTC."""
        return " ".join(filter(None, map(_word, self._parts(numbers))))

    def whole(self, numbers: Sequence[int]) -> list[str]:
        """The words of a transcript that goes on, but for one that may go on, too."""
        parts = self._parts(numbers)
        return list(filter(None, map(_word, parts if self.kind in ("words", "phones") else parts[:-1])))

    def words(self, numbers: Sequence[int]) -> list[tuple[str, list[int]]]:
        """Each word of a transcript, and the places of its units among the numbers."""
        parts: list[tuple[bytes, list[int]]] = [(b"", [])]
        for place, number in enumerate(numbers):
            for index, part in enumerate(self._bytes[number].split(b" ")):
                if index:
                    parts.append((b"", []))
                if part:
                    parts[-1] = (parts[-1][0] + part, [*parts[-1][1], place])
        return [(word, places) for part, places in parts if (word := _word(part))]

    def _parts(self, numbers: Iterable[int]) -> list[bytes]:
        return b"".join(self._bytes[number] for number in numbers).split(b" ")


def spelled(name: str, kind: UnitKind) -> str:
    """A unit for a reader: of subwords its characters, of which one may be torn."""
    return _bytes_of(kind)(name).decode(errors="replace") if kind == "subwords" else name


def _word(part: bytes) -> str:
    """A word, or "" of none; bytes of no character, or of white space, are possible only in answers."""
    return "".join(part.decode(errors="replace").split())


def _bytes_of(kind: UnitKind) -> Callable[[str], bytes]:
    if kind == "characters":
        return str.encode
    if kind != "subwords":
        return lambda name: b" " + name.encode()
    letters = byte_letters()
    return lambda name: bytes(letters[letter] for letter in name)


def learned(train: Iterable[Sequence[str]], kind: UnitKind, where: str) -> list[str]:
    """The units of the training transcripts, sorted.

    Args:
        train: The units of each transcript.
        kind: Their kind.
        where: Place named in the message.

    Raises:
        DataError: There are too many.
    """
    names = sorted({unit for units in train for unit in units})
    if len(names) > MOST_UNITS:
        raise DataError(
            f"there must be at most {MOST_UNITS} different units ({kind}) in the training transcripts",
            value=len(names),
            fix="Set data.units to subwords or characters."
            if kind != "characters"
            else "Check which column holds transcripts.",
            where=where,
        )
    return names
