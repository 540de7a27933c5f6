"""Tagging schemes: entities written in BIO, BIOES or IOB1, and which tag may follow which.

References:
    Ramshaw and Marcus 1995 (IOB1); Tjong Kim Sang and Veenstra 1999, Representing text chunks, EACL (the others).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.nlp.tagging.options import Scheme

OUTSIDE = "O"
_ENTITY = re.compile(r"[BIESLU]-.+", re.DOTALL)
_ALIASES = {"L": "E", "U": "S"}
"""Letters of BILOU -> those of BIOES."""


class Entity(NamedTuple):
    """Words `start` to `end` (exclusive), and the type."""

    start: int
    end: int
    type: str


def parted(tag: str) -> tuple[str, str]:
    """A tag's letter and its type: "B-city" is ("B", "city"), "O" is ("O", ""); BILOU's letters are those of BIOES."""
    letter, _, type_ = tag.partition("-")
    return _ALIASES.get(letter, letter), type_


def is_scheme(tags: Iterable[str]) -> bool:
    """Whether tags are those of entities: all are O or begin with a letter and a dash, and one at least does."""
    found = set(tags) - {OUTSIDE}
    return bool(found) and all(_ENTITY.fullmatch(tag) for tag in found)


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of a sentence, of any scheme; if its rules are broken, as CoNLL's scorer reads it.

    A word begins an entity by B or S, or where the word before is outside, ends one, or is of another type.

    Reference:
        conlleval, Tjong Kim Sang and Buchholz 2000, CoNLL. No deviation on the letters B, I, O, E, S.
    """
    found: list[Entity] = []
    before, type_before = OUTSIDE, ""
    for place, tag in enumerate(tags):
        letter, type_ = parted(tag)
        if letter != OUTSIDE:
            if letter in "BS" or before in "OES" or type_ != type_before:
                found.append(Entity(place, place + 1, type_))
            else:
                found[-1] = found[-1]._replace(end=place + 1)
        before, type_before = letter, type_
    return found


def written(found: Sequence[Entity], words: int, scheme: Scheme) -> list[str]:
    """Entities of a sentence as tags.

    Args:
        found: In their order; none overlap.
        words: Number of words of the sentence.
        scheme: Any but plain.
    """
    tags = [OUTSIDE] * words
    for number, (start, end, type_) in enumerate(found):
        before = found[number - 1] if number else Entity(-1, -1, "")
        letters = _LETTERS[scheme](end - start, before.end == start and before.type == type_)
        tags[start:end] = [f"{letter}-{type_}" for letter in letters]
    return tags


_LETTERS: Mapping[str, Callable[[int, bool], str]] = {
    "bio": lambda words, _: "B" + "I" * (words - 1),
    "bioes": lambda words, _: "S" if words == 1 else "B" + "I" * (words - 2) + "E",
    "iob1": lambda words, adjacent: ("B" if adjacent else "I") + "I" * (words - 1),
}
"""Scheme -> letters of an entity, from its number of words and whether it directly follows one of its type."""


def unaliased(tags: Sequence[str]) -> list[str]:
    """Tags with the letters of BIOES instead of those of BILOU."""
    return [tag if tag == OUTSIDE else "-".join(parted(tag)) for tag in tags]


def illegal(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """The words whose tag differs from how the scheme writes the sentence's entities."""
    wanted = written(entities(tags), len(tags), scheme)
    return [place for place, pair in enumerate(zip(unaliased(tags), wanted, strict=True)) if pair[0] != pair[1]]


def scheme_of(sentences: Sequence[Sequence[str]]) -> Scheme:
    """The scheme of tags: of those that have their letters, the one whose rules they break least often."""
    tags = {tag for sentence in sentences for tag in sentence}
    if not is_scheme(tags):
        return "plain"
    if {parted(tag)[0] for tag in tags} & {"E", "S"}:
        return "bioes"
    candidates: tuple[Scheme, ...] = ("bio", "iob1")
    return min(candidates, key=lambda scheme: sum(len(illegal(sentence, scheme)) for sentence in sentences))


class Rules(NamedTuple):
    """Which tag may follow which, by their numbers; K tags."""

    follows: NDArray[np.bool_]
    """Whether the second may follow the first, (K, K)."""
    first: NDArray[np.bool_]
    """Whether it may be a sentence's first, (K,)."""
    last: NDArray[np.bool_]
    """Whether it may be a sentence's last, (K,)."""


ALLOWED: Mapping[Scheme, str] = {
    "plain": "",
    "bio": "each I-X follows B-X or I-X",
    "bioes": "each I-X and E-X follows B-X or I-X, and each B-X and I-X is followed by I-X or E-X",
}
"""Scheme -> the transitions that it allows (see `rules`), in words; none where it allows all. iob1 is not learned."""


def rules(tags: Sequence[str], scheme: Scheme) -> Rules:
    """The transitions that a scheme allows.

    Args:
        tags: All of them.
        scheme: plain allows all; iob1 is not learned.
    """
    letters_types = [parted(tag) for tag in tags] if scheme != "plain" else [(OUTSIDE, "")] * len(tags)
    open_K = np.asarray([letter in "BI" for letter, _ in letters_types])
    goes_on_K = np.asarray([letter in "IE" for letter, _ in letters_types])
    same_KK = np.asarray([[one == other for _, other in letters_types] for _, one in letters_types])
    goes_on_KK = open_K[:, None] & goes_on_K & same_KK
    may_end_K = ~open_K if scheme == "bioes" else np.ones_like(open_K)
    return Rules(goes_on_KK | (may_end_K[:, None] & ~goes_on_K), ~goes_on_K, may_end_K)
