"""What was recognized beside what was said, word by word, for reports. Free of torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tuner.adapters.shown import Misheard

MOST_UTTERANCES, MOST_CONFUSIONS, MOST_PLACES = 10, 8, 60
"""Largest numbers of recordings, of confusions, and of a recording's words."""


class Word(NamedTuple):
    """A recognized word, and when it begins in seconds; None where that is not known."""

    text: str
    at: float | None = None


def misheard(truth: Sequence[str], answers: Sequence[Sequence[Word]]) -> Misheard:
    """The recordings with most errors, aligned, and the most frequent errors.

    Args:
        truth: What was said, words separated by blanks; none is empty.
        answers: What was recognized.
    """
    import jiwer

    texts = [" ".join(word.text for word in words) for words in answers]
    chunks = jiwer.process_words(list(truth), texts).alignments
    found = [list(_places(said.split(), words, each)) for said, words, each in zip(truth, answers, chunks, strict=True)]
    errors = [sum(place["said"] != place["heard"] for place in places) for places in found]
    wrong = sorted((at for at in range(len(found)) if errors[at]), key=lambda at: -errors[at])[:MOST_UTTERANCES]
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
            yield {"said": own[place] if own else "", "heard": word.text, "at": word.at}
