"""Errors of transcripts, and of the trivial predictor, whose answer is always the same. Free of torch.

Letters of shapes: N recordings, S states of a transcript with blanks between its units, K units and the blank.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Metric, Split
from tuner.adapters.speech.recognition.options import UnitKind
from tuner.adapters.speech.recognition.units import BLANK, needed
from tuner.adapters.splits import SPLITS

_LOSS = Metric(
    "loss",
    maximize=False,
    summary="CTC loss: negative log-likelihood in nats per unit, over the transcripts that have a path",
    within=(0, math.inf),
)
_MORE = (
    Metric("insertions", maximize=False, summary="inserted words per reference word", within=(0, math.inf)),
    Metric("deletions", maximize=False, summary="deleted words per reference word, 0 to 1", within=(0, 1)),
    Metric("substitutions", maximize=False, summary="substituted words per reference word, 0 to 1", within=(0, 1)),
    Metric(
        "empty",
        maximize=False,
        summary="share of recordings whose recognized transcript is empty, 0 to 1",
        within=(0, 1),
        chooses=False,
    ),
    Metric(
        "impossible",
        maximize=False,
        summary="recordings whose transcript has no path: too few steps, or a unit that training lacks; not in loss",
        within=(0, math.inf),
        chooses=False,
    ),
)
_RATES = (
    Metric(
        "wer",
        maximize=False,
        summary="word error rate: insertions, deletions and substitutions per reference word; 0 is perfect",
        within=(0, math.inf),
        readable=True,
    ),
    Metric("cer", maximize=False, summary="character error rate, spaces included", within=(0, math.inf)),
)
_PER = Metric(
    "per",
    maximize=False,
    summary="phone error rate: insertions, deletions and substitutions per reference phone; 0 is perfect",
    within=(0, math.inf),
    readable=True,
)


def metrics_of(kind: UnitKind) -> Sequence[Metric]:
    """The metrics, with the default objective first."""
    return (_PER, _LOSS, *_MORE) if kind == "phones" else (*_RATES, _LOSS, *_MORE)


def error_rates(truth: Sequence[str], answers: Sequence[str], kind: UnitKind) -> dict[str, float]:
    """All metrics that need only transcripts.

    Args:
        truth: The references; none is empty.
        answers: The recognized transcripts.
        kind: The kind of units.
    """
    import jiwer

    words = jiwer.process_words(list(truth), list(answers))
    said = words.hits + words.substitutions + words.deletions
    if kind == "phones":
        rates = {"per": words.wer}
    else:
        rates = {"wer": words.wer, "cer": jiwer.process_characters(list(truth), list(answers)).cer}
    return {
        **{name: float(rate) for name, rate in rates.items()},
        "insertions": words.insertions / said,
        "deletions": words.deletions / said,
        "substitutions": words.substitutions / said,
        "empty": sum(not answer for answer in answers) / len(answers),
    }


class Spoken:
    """Transcripts of a split.

    Args:
        texts: The transcripts.
        units: The same as numbers from 1.
        steps: Steps of each recording.
        known: Number of units in training.
    """

    def __init__(
        self, texts: Sequence[str], units: Sequence[NDArray[np.int32]], steps: Sequence[int], known: int
    ) -> None:
        self.texts, self.units, self.steps = texts, units, steps
        self.possible = [
            needed(numbers.tolist()) <= length and int(numbers.max(initial=0)) <= known
            for numbers, length in zip(units, steps, strict=True)
        ]


def constant_answer(train: Spoken, kind: UnitKind) -> str:
    """The most frequent transcript, or the empty one if that has fewer errors on the training recordings."""
    text, _ = min(Counter(train.texts).items(), key=lambda pair: (-pair[1], pair[0]))
    rate = metrics_of(kind)[0].name
    return text if error_rates(train.texts, [text] * len(train.texts), kind)[rate] < 1 else ""


def trivial_scores(spoken: Mapping[Split, Spoken], kind: UnitKind, known: int) -> dict[str, dict[str, float]]:
    """Scores on val and test of `constant_answer`, and of a distribution of units that is the same at each step.

    Its units are as frequent as in the training transcripts (add-one), its blank as is best for the first of them.
    """
    train = spoken["train"]
    counts_K = np.bincount(np.concatenate(train.units), minlength=known + 1).astype(np.float64)
    counts_K[1:] += 1
    few = [place for place, fits in enumerate(train.possible) if fits][:_FEW]
    best = min(_BLANKS, key=lambda blank: _loss(train, _distribution(counts_K, blank), few))
    answer = constant_answer(train, kind)
    return {
        split: {
            "loss": _loss(part, _distribution(counts_K, best)),
            "impossible": float(len(part.possible) - sum(part.possible)),
            **error_rates(part.texts, [answer] * len(part.texts), kind),
        }
        for split in SPLITS[1:]
        for part in (spoken[split],)
    }


_FEW = 200
_BLANKS = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)
_BLOCK = 256


def _distribution(counts_K: NDArray[np.float64], blank: float) -> NDArray[np.float64]:
    share_K: NDArray[np.float64] = counts_K / counts_K[1:].sum() * (1 - blank)
    share_K[BLANK] = blank
    return share_K


def _loss(part: Spoken, share_K: NDArray[np.float64], places: Sequence[int] | None = None) -> float:
    """Nats per unit under one distribution for all steps, over the transcripts that have a path."""
    chosen = range(len(part.units)) if places is None else places
    kept = sorted((place for place in chosen if part.possible[place]), key=lambda place: part.steps[place])
    nats = 0.0
    for start in range(0, len(kept), _BLOCK):
        block = kept[start : start + _BLOCK]
        nats += constant_nats([part.units[place] for place in block], [part.steps[place] for place in block], share_K)
    return nats / max(1, sum(len(part.units[place]) for place in kept))


def constant_nats(units: Sequence[NDArray[np.int32]], steps: Sequence[int], share_K: NDArray[np.float64]) -> float:
    """Sum over transcripts of their negative log-likelihood under CTC if all steps have the same distribution.

    Reference:
        Graves et al. 2006, ICML, equations 6 to 8, rescaled at each step.
    """
    longest = max(map(len, units))
    state_NS = np.zeros((len(units), 2 * longest + 1), dtype=np.int64)
    for row, numbers in enumerate(units):
        state_NS[row, 1 : 2 * len(numbers) : 2] = numbers
    size_N, length_N = np.asarray([len(numbers) for numbers in units]), np.asarray(steps)
    there_NS = np.arange(state_NS.shape[1]) <= 2 * size_N[:, None]
    share_NS = share_K[state_NS] * there_NS
    leap_NS = np.zeros_like(there_NS)
    leap_NS[:, 2:] = (state_NS[:, 2:] != BLANK) & (state_NS[:, 2:] != state_NS[:, :-2])
    alpha_NS = np.where(np.arange(state_NS.shape[1]) < 2, share_NS, 0.0)
    nats = np.zeros(len(units))
    for step in range(int(length_N.max())):
        if step:
            moved_NS = alpha_NS.copy()
            moved_NS[:, 1:] += alpha_NS[:, :-1]
            moved_NS[:, 2:] += alpha_NS[:, :-2] * leap_NS[:, 2:]
            alpha_NS = np.where((step < length_N)[:, None], moved_NS * share_NS, alpha_NS)
        total_N = alpha_NS.sum(axis=1)
        nats -= np.log(total_N)
        alpha_NS /= total_N[:, None]
    row_N = np.arange(len(units))
    end_N = alpha_NS[row_N, 2 * size_N] + alpha_NS[row_N, 2 * size_N - 1]
    return float((nats - np.log(end_N)).sum())
