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

from tuner.adapters.speech.recognition.units import BLANK

_ENOUGH = 1e-3
"""A beam search only tries units with at least this share of the most probable unit's probability."""


class Scorer(Protocol):
    """An additional score of a prefix of a transcript, as a logarithm; such as a language model's."""

    def __call__(self, prefix: tuple[int, ...], *, ended: bool) -> float:
        """The score of unit numbers; `ended`: whether the transcript ends here."""
        ...


def decoded(log_p_BSK: Tensor, lengths_B: Tensor, beam: int, scorer: Scorer | None = None) -> Tensor:
    """Unit numbers of each recording in their order, int64 (B, S), with zeros between or after them.

    Args:
        log_p_BSK: Logarithms of the units' probabilities.
        lengths_B: Steps without padding.
        beam: 1 is greedy decoding; more is the width of a prefix beam search.
        scorer: For the beam search.
    """
    if beam == 1:
        return likeliest(log_p_BSK, lengths_B)
    found = torch.zeros(log_p_BSK.shape[:2], dtype=torch.int64)
    for row, (log_p_SK, length) in enumerate(zip(log_p_BSK.double().cpu().numpy(), lengths_B.tolist(), strict=True)):
        units, _ = best_prefix(log_p_SK[:length], beam, scorer)
        found[row, : len(units)] = torch.tensor(units, dtype=torch.int64)
    return found.to(log_p_BSK.device)


def likeliest(log_p_BSK: Tensor, lengths_B: Tensor) -> Tensor:
    """Greedy decoding: the most probable unit of each step, of equal neighbours the first; 0 elsewhere."""
    unit_BS = log_p_BSK.argmax(dim=-1)
    new_BS = torch.ones_like(unit_BS, dtype=torch.bool)
    new_BS[:, 1:] = unit_BS[:, 1:] != unit_BS[:, :-1]
    there_BS = torch.arange(unit_BS.shape[1], device=unit_BS.device) < lengths_B[:, None]
    return unit_BS * (new_BS & there_BS)


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
