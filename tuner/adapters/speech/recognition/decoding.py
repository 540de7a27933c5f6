"""From the probabilities of units at each step to a transcript.

Letters of shapes: B recordings, S steps, K units, the blank with number 0 among them.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tuner.adapters.speech.recognition.spans import aligned
from tuner.adapters.speech.recognition.units import BLANK

_ENOUGH = 1e-3
"""A beam search only tries units with at least this share of the most probable unit's probability."""


class Scorer(Protocol):
    """An additional score of a prefix of a transcript, as a logarithm; such as a language model's."""

    def __call__(self, prefix: tuple[int, ...], *, ended: bool) -> float:
        """The score of unit numbers; `ended`: whether the transcript ends here."""
        ...


def best_paths(log_p_BSK: Tensor, lengths_B: Tensor, beam: int, scorer: Scorer | None = None) -> Tensor:
    """The path of each recording, int64 (B, S): a unit number or the blank at each step, blanks beyond its end.

    Args:
        log_p_BSK: Logarithms of the units' probabilities.
        lengths_B: Steps without padding.
        beam: 1 is greedy decoding, the most probable unit of each step; more is the width of a prefix beam search, of
            whose transcript it is the most probable path.
        scorer: For the beam search.
    """
    if beam == 1:
        there_BS = torch.arange(log_p_BSK.shape[1], device=log_p_BSK.device) < lengths_B[:, None]
        return log_p_BSK.argmax(dim=-1) * there_BS
    path_BS = torch.zeros(log_p_BSK.shape[:2], dtype=torch.int64)
    for row, (log_p_SK, length) in enumerate(zip(log_p_BSK.double().cpu().numpy(), lengths_B.tolist(), strict=True)):
        units, _ = best_prefix(log_p_SK[:length], beam, scorer)
        path_BS[row, :length] = torch.from_numpy(aligned(log_p_SK[:length], units))
    return path_BS.to(log_p_BSK.device)


def transcript_of(path_S: Tensor) -> Tensor:
    """The unit numbers of a path in their order, (U,)."""
    said_S = path_S != BLANK
    said_S[1:] &= path_S[1:] != path_S[:-1]
    return path_S[said_S]


def _silent(prefix: tuple[int, ...], *, ended: bool) -> float:  # noqa: ARG001 - as `Scorer` has it
    return 0.0


def best_prefix(log_p_SK: NDArray[np.float64], beam: int, scorer: Scorer | None = None) -> tuple[list[int], float]:
    """The transcript with the largest score, its log-probability over all paths plus the scorer's; and that score.
    After each step the `beam` best prefixes are kept, each with the probability of its paths that end in a blank and of
    those that end in its last unit.

    Args:
        log_p_SK: Logarithms of the units' probabilities.
        beam: Prefixes that are kept, >= 1.
        scorer: None adds nothing.

    Reference:
        Hannun et al. 2014, arXiv:1408.2873, algorithm 1. Deviation: units far less probable
        than the best of their step are not tried.
    """  # noqa: D205
    said = scorer or _silent
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}  # paths that end in a blank, in a unit
    for log_p_K in log_p_SK:
        least = log_p_K.max() + math.log(_ENOUGH) if len(log_p_K) > beam else -math.inf
        tried = [number for number in np.flatnonzero(log_p_K >= least).tolist() if number != BLANK]
        p = log_p_K.tolist()
        found: dict[tuple[int, ...], tuple[float, float]] = {}
        for prefix, (blank, unit) in beams.items():
            both = _sum(blank, unit)
            _add(found, prefix, both + p[BLANK], unit + p[prefix[-1]] if prefix else -math.inf)
            for number in tried:
                before = blank if prefix and prefix[-1] == number else both
                _add(found, (*prefix, number), -math.inf, before + p[number])
        beams = dict(sorted(found.items(), key=lambda pair: -_sum(*pair[1]) - said(pair[0], ended=False))[:beam])
    totals = {prefix: _sum(*ends) + said(prefix, ended=True) for prefix, ends in beams.items()}
    best = max(totals, key=lambda prefix: totals[prefix])
    return list(best), totals[best]


def _add(found: dict[tuple[int, ...], tuple[float, float]], prefix: tuple[int, ...], blank: float, unit: float) -> None:
    before = found.get(prefix, (-math.inf, -math.inf))
    found[prefix] = (_sum(before[0], blank), _sum(before[1], unit))


def _sum(one: float, other: float) -> float:
    """The logarithm of the sum of two probabilities, given their logarithms."""
    high, low = (one, other) if one >= other else (other, one)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
