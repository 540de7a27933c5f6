"""Answers to "this or that?": which choice of a parameter did better here, with its confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist, median

from tuner.objective import Objective
from tuner.report.svg import number, shown
from tuner.reporting.comparable import FEWEST, Comparable
from tuner.reporting.importance import is_numeric

LEVEL = 0.95
"""Joint confidence of all answers."""
MOST_CHOICES = 6
"""A number with at most so many different values is treated as a choice."""


@dataclass(frozen=True)
class Answer:
    """Two choices of one parameter.

    Args:
        parameter: Its name.
        first: The choice that did better.
        second: The other.
        trials: Number of trials with the first and with the second.
        medians: Their median scores.
        share: Fraction of pairs of trials in which the first is better, ties counted half; 0.5 to 1.
        low: Lower end of its interval.
        high: Upper end.
    """

    parameter: str
    first: str
    second: str
    trials: tuple[int, int]
    medians: tuple[float, float]
    share: float
    low: float
    high: float

    @property
    def question(self) -> str:
        """The question in words."""
        return f"{self.parameter}: {self.first} or {self.second}?"

    @property
    def known(self) -> bool:
        """Whether the interval excludes 0.5."""
        return self.low > 0.5

    @property
    def sentence(self) -> str:
        """The answer in words."""
        evidence = (
            f"a trial with {self.first} is better than one with {self.second} in {self.share:.0%} of pairs "
            f"(interval {self.low:.0%} to {self.high:.0%}; {self.trials[0]} against {self.trials[1]} trials; "
            f"medians {number(float(f'{self.medians[0]:.3g}'))} and {number(float(f'{self.medians[1]:.3g}'))})"
        )
        return f"{self.first}: {evidence}." if self.known else f"No answer: {evidence}."


def answers(compared: Comparable, objective: Objective) -> list[Answer]:
    """Every pair of choices with enough trials, the clearest first.

    Args:
        compared: The trials, judged after the same number of epochs.
        objective: Of their scores.
    """
    pairs = [
        (name, one, other, scores[one], scores[other])
        for name, scores in _scores(compared).items()
        for one, other in combinations(scores, 2)
    ]
    found = []
    for name, one, other, ours, theirs in pairs:
        share = _better(ours, theirs, objective)
        if share < 0.5:
            one, other, ours, theirs, share = other, one, theirs, ours, 1 - share
        low, high = interval(share, len(ours), len(theirs), 1 - (1 - LEVEL) / len(pairs))
        middles = (median(ours), median(theirs))
        found.append(Answer(name, one, other, (len(ours), len(theirs)), middles, share, low, high))
    return sorted(found, key=lambda answer: (not answer.known, -answer.low))


def _scores(compared: Comparable) -> dict[str, dict[str, list[float]]]:
    """Parameter -> choice -> scores of its trials, if they are enough."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in dict.fromkeys(name for one in compared.trials for name in one.params):
        values = [one.params[name] for one in compared.trials if name in one.params]
        if is_numeric(values) and len(set(values)) > MOST_CHOICES:
            continue
        by_choice: dict[str, list[float]] = {}
        for one in compared.trials:
            if name in one.params:
                by_choice.setdefault(shown(one.params[name]), []).append(one.score)
        found[name] = {choice: scores for choice, scores in by_choice.items() if len(scores) >= FEWEST}
    return found


def _better(ours: Sequence[float], theirs: Sequence[float], objective: Objective) -> float:
    losses = sorted(objective.loss(score) for score in theirs)
    import bisect

    wins = 0.0
    for score in ours:
        loss = objective.loss(score)
        after, upto = bisect.bisect_right(losses, loss), bisect.bisect_left(losses, loss)
        wins += len(losses) - after + (after - upto) / 2
    return wins / (len(ours) * len(theirs))


def interval(share: float, first: int, second: int, level: float) -> tuple[float, float]:
    """Interval of the probability that a trial of the first group is better than one of the second.

    Args:
        share: The observed fraction, 0 to 1.
        first: Size of the first group, >= 1.
        second: Size of the second.
        level: Confidence, in (0, 1).

    Reference:
        Newcombe 2006, doi:10.1002/sim.2324, method 5. No deviation.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    mean = (first + second) / 2 - 1

    def off(true: float) -> float:
        spread = true * (1 - true) * (1 + mean * (1 - true) / (2 - true) + mean * true / (1 + true))
        return abs(share - true) - z * math.sqrt(max(0.0, spread) / (first * second))

    def border(inside: float, outside: float) -> float:
        for _ in range(50):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if off(middle) <= 0 else (inside, middle)
        return inside

    return border(share, 0.0), border(share, 1.0)
