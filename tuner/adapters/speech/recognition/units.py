"""Units that are recognized: characters, words or phones, numbered from 1; 0 is the blank of CTC."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.speech.recognition.options import RecognitionOptions, UnitKind
from tuner.errors import DataError

BLANK = 0
MOST = 5000
"""Largest number of units; of more, few occur often enough to be learned."""


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


def split_units(text: str, kind: UnitKind) -> list[str]:
    """The units of a normalized transcript."""
    return list(text) if kind == "characters" else text.split()


def needed(units: Sequence[object]) -> int:
    """Steps that the shortest path through these units takes: one each, and a blank between equal neighbours."""
    return len(units) + sum(one == other for one, other in pairwise(units))


class Units:
    """Transcripts as numbers and back.

    Args:
        kind: Characters, words or phones.
        names: The units of training, numbered from 1.
        unseen: Units of other splits only, whose numbers follow: no network predicts them.
    """

    def __init__(self, kind: UnitKind, names: Sequence[str], unseen: Sequence[str] = ()) -> None:
        self.kind, self.names, self.unseen = kind, list(names), list(unseen)
        self._spelled = ["", *names, *unseen]
        self._numbers = {name: number for number, name in enumerate(self._spelled)}

    def numbers(self, text: str) -> NDArray[np.int32]:
        """The numbers (U,) of a transcript's units, all of which must be known."""
        return np.asarray([self._numbers[unit] for unit in split_units(text, self.kind)], dtype=np.int32)

    def text(self, numbers: Iterable[int]) -> str:
        """The transcript of numbers, without the blanks of CTC."""
        joint = "" if self.kind == "characters" else " "
        return " ".join(joint.join(self._spelled[number] for number in numbers).split())

    def begins(self, numbers: Sequence[int], place: int) -> bool:
        """Whether a word begins at this place of a transcript's numbers."""
        if self.kind != "characters":
            return True
        return self._spelled[numbers[place]] != " " and (place == 0 or self._spelled[numbers[place - 1]] == " ")


def learned(train: Iterable[str], kind: UnitKind, where: str) -> list[str]:
    """The units of the training transcripts, sorted.

    Args:
        train: Normalized transcripts.
        kind: Characters, words or phones.
        where: Place named in the message.

    Raises:
        DataError: There are too many.
    """
    names = sorted({unit for text in train for unit in split_units(text, kind)})
    if len(names) > MOST:
        raise DataError(
            f"there must be at most {MOST} different units ({kind}) in the training transcripts",
            value=len(names),
            fix="Set data.units to characters." if kind != "characters" else "Check which column holds transcripts.",
            where=where,
        )
    return names
