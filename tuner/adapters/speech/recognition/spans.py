"""Where in a recording its transcript is said: forced alignment by CTC, and spans of words and units. Free of torch.

A path is a unit, or the blank, at each step; its transcript is what is left without repetitions, then without blanks.

Letters of shapes: S steps, K units, the blank with number 0 among them, J places of a transcript with blanks around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.speech.recognition.units import BLANK, Units, needed, spelled


class Span(NamedTuple):
    """A word or a unit, and the first and the last step of it."""

    text: str
    first: int
    last: int


def aligned(log_p_SK: NDArray[np.float64], units: Sequence[int]) -> NDArray[np.int64]:
    """The most probable path (S,) of a transcript, by the Viterbi algorithm.

    Args:
        log_p_SK: Logarithms of the units' probabilities at each step, S >= 1.
        units: The transcript's numbers; S must be at least `needed(units)`.

    Reference:
        Graves et al. 2006, ICML, section 4.1: the states of the forward variables, with max in place of the sum.
    """
    steps = len(log_p_SK)
    assert steps >= needed(units)
    unit_J = np.full(2 * len(units) + 1, BLANK)
    unit_J[1::2] = units
    leap_J = np.zeros(len(unit_J), dtype=bool)  # from a unit to another one, past the blank between them
    leap_J[3::2] = unit_J[3::2] != unit_J[1:-2:2]
    best_J = np.where(np.arange(len(unit_J)) < 2, log_p_SK[0, unit_J], -np.inf)
    back_SJ = np.zeros((steps, len(unit_J)), dtype=np.int64)
    for step in range(1, steps):
        from_3J = np.full((3, len(unit_J)), -np.inf)
        from_3J[0], from_3J[1, 1:] = best_J, best_J[:-1]
        from_3J[2, 2:] = np.where(leap_J[2:], best_J[:-2], -np.inf)
        back_SJ[step] = from_3J.argmax(axis=0)
        best_J = from_3J.max(axis=0) + log_p_SK[step, unit_J]
    place = len(unit_J) - 1
    if units and best_J[place - 1] > best_J[place]:
        place -= 1
    path_S = np.zeros(steps, dtype=np.int64)
    for step in reversed(range(steps)):
        path_S[step] = unit_J[place]
        place -= back_SJ[step, place]
    return path_S


def unit_spans(path_S: Sequence[int], units: Units) -> list[Span]:
    """The units of a path."""
    return [Span(spelled(units.names[number - 1], units.kind), first, last) for number, first, last in _runs(path_S)]


def word_spans(path_S: Sequence[int], units: Units) -> list[Span]:
    """The words of a path, from the first step of their first unit to the last one of their last."""
    runs = _runs(path_S)
    words = units.words([number for number, _, _ in runs])
    return [Span(word, runs[places[0]][1], runs[places[-1]][2]) for word, places in words]


def _runs(path_S: Sequence[int]) -> list[tuple[int, int, int]]:
    """Number, first and last step of each unit."""
    found = []
    for number, group in groupby(enumerate(path_S), key=lambda pair: pair[1]):
        steps = [step for step, _ in group]
        if number != BLANK:
            found.append((number, steps[0], steps[-1]))
    return found
