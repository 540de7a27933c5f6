"""What was recognized beside what was said, word by word, for reports. Free of torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tuner.adapters.shown import Misheard

MOST_UTTERANCES, MOST_CONFUSIONS, MOST_PLACES = 10, 8, 60
"""Largest numbers of recordings, of confusions, and of a recording's words."""
_FEW = 3
"""Number of recordings where none has an error."""


class Word(NamedTuple):
    """A recognized word, and the seconds at which it begins and ends; None for no word."""

    text: str
    at: float | None = None
    until: float | None = None


def misheard(truth: Sequence[str], answers: Sequence[Sequence[Word]]) -> Misheard:
    """The recordings with most errors, aligned, or a few where there is none; and the most frequent errors.

    Args:
        truth: What was said, words separated by blanks; none is empty.
        answers: What was recognized.
    """
    import jiwer

    texts = [" ".join(word.text for word in words) for words in answers]
    chunks = jiwer.process_words(list(truth), texts).alignments
    found = [list(_places(said.split(), words, each)) for said, words, each in zip(truth, answers, chunks, strict=True)]
    errors = [sum(place["said"] != place["heard"] for place in places) for places in found]
    most_wrong = sorted(range(len(found)), key=lambda at: -errors[at])
    wrong = [at for at in most_wrong if errors[at]][:MOST_UTTERANCES] or most_wrong[:_FEW]
    pairs = ((place["said"], place["heard"]) for places in found for place in places)
    confused = Counter(pair for pair in pairs if pair[0] != pair[1])
    most = confused.most_common(MOST_CONFUSIONS)
    return Misheard(
        [{"errors": errors[at], "words": found[at][:MOST_PLACES]} for at in wrong],
        [{"said": one, "heard": other, "count": count} for (one, other), count in most],
        recordings=len(found),
        faultless=errors.count(0),
    )


def _places(said: Sequence[str], heard: Sequence[Word], chunks: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for chunk in chunks:
        own, other = said[chunk.ref_start_idx : chunk.ref_end_idx], heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
        for place in range(max(len(own), len(other))):
            word = other[place] if other else Word("")
            yield {"said": own[place] if own else "", "heard": word.text, "at": word.at, "until": word.until}
