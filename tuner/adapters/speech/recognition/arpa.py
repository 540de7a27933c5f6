"""N-gram language models in the ARPA format, read from an untrusted file, and their scores of transcripts.

Reference:
    Format: Doug Paul's, as SRILM's ngram-format(5) has it; back-off: Katz 1987, IEEE TASSP 35(3).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache

from tuner.adapters.speech.recognition.units import Units
from tuner.errors import DataError

LANGUAGE = "language.arpa"
"""The file of prepared data that holds the model; empty without one."""
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
_SECTION = re.compile(r"\\(\d+)-grams:")
_LEAST = -20.0
"""Log10 probability of a word that the model lacks, where it has no <unk> either."""


class NGrams:
    """Probabilities of words given those before them.

    Args:
        text: Content of a file in the ARPA format.
        where: Its name, for messages.

    Raises:
        DataError: A line is damaged, or there is no section of words.
    """

    def __init__(self, text: str, where: str) -> None:
        self._log10: dict[tuple[str, ...], tuple[float, float]] = {}
        self.order = 0
        size = 0
        for number, line in enumerate(text.split("\n"), start=1):
            line = line.strip()
            if section := _SECTION.fullmatch(line):
                size = int(section[1])
                self.order = max(self.order, size)
            elif line.startswith("\\"):
                size = 0
            elif line and size:
                self._take(line.split(), size, f"{where}:{number}")
        if not self.order:
            raise DataError(
                "a language model must be in the ARPA format, with a section \\1-grams:", value=text[:40], where=where
            )
        self.score = cache(self._score)

    def _take(self, cells: Sequence[str], size: int, where: str) -> None:
        log10, backoff = _numbers(cells, size)
        if not log10 <= 0 or math.isnan(backoff):
            raise DataError(
                f"a line of {size}-grams must have a log10 probability, {size} words and optionally a back-off weight",
                value=" ".join(cells),
                where=where,
            )
        self._log10[tuple(cells[1 : size + 1])] = (max(log10, _LEAST), backoff)

    def _score(self, before: tuple[str, ...], word: str) -> float:
        """The natural logarithm of the probability of a word after others, of which the last `order` - 1 count."""
        if (word,) not in self._log10:
            word = UNKNOWN
        return self._backed_off(before[len(before) - self.order + 1 :] if self.order > 1 else (), word) * math.log(10)

    def _backed_off(self, before: tuple[str, ...], word: str) -> float:
        found = self._log10.get((*before, word))
        if found is not None:
            return found[0]
        if not before:
            return _LEAST
        return self._log10.get(before, (0.0, 0.0))[1] + self._backed_off(before[1:], word)


def _numbers(cells: Sequence[str], size: int) -> tuple[float, float]:
    """Probability and back-off weight of a line; nan where it is damaged."""
    try:
        if len(cells) == size + 1:
            return float(cells[0]), 0.0
        return (float(cells[0]), float(cells[-1])) if len(cells) == size + 2 else (math.nan, math.nan)
    except ValueError:
        return math.nan, math.nan


class WordScorer:
    """A language model's score of a prefix of a transcript: the weighted log-probability of each whole word, plus a
    bonus, without which short transcripts win.

    Args:
        units: The units of the prefix's numbers.
        ngrams: The model, of the words of normalized transcripts.
        weight: Weight of its log-probabilities relative to the network's, >= 0.
        bonus: Added for each word.
    """  # noqa: D205

    def __init__(self, units: Units, ngrams: NGrams, weight: float, bonus: float) -> None:
        self._units, self._ngrams, self._weight, self._bonus = units, ngrams, weight, bonus
        self._sums: dict[tuple[str, ...], float] = {(): 0.0}

    def __call__(self, prefix: tuple[int, ...], *, ended: bool) -> float:
        """The sum over the words of a prefix; the last word counts once it is complete.

        Args:
            prefix: Unit numbers.
            ended: Whether the transcript ends here; its end is scored, too.
        """
        words = self._units.text(prefix).split() if ended else self._units.whole(prefix)
        total = self._sum(tuple(words))
        return total + self._weight * self._ngrams.score((BEGIN, *words), END) if ended else total

    def _sum(self, words: tuple[str, ...]) -> float:
        if words not in self._sums:
            gain = self._weight * self._ngrams.score((BEGIN, *words[:-1]), words[-1]) + self._bonus
            self._sums[words] = self._sum(words[:-1]) + gain
        return self._sums[words]
