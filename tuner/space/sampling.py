"""Configurations for checking a space: random, but every choice and every end of a range occurs early."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")


class Covering:
    """A `Suggester` that picks at random among the values it has picked least often.

    Args:
        rng: Breaks ties.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._picked: dict[str, Counter[int]] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices picked least often."""
        return self._pick(name, choices)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Low, high, or a number between them."""
        if step is not None:
            steps = round((high - low) / step)
            return self._pick(name, (low, high, min(high, low + step * self._rng.randint(0, steps))))
        share = self._rng.random()
        between = low * (1 - share) + high * share
        if log:
            between = math.exp(math.log(low) * (1 - share) + math.log(high) * share)
        return self._pick(name, (low, high, min(max(between, low), high)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:  # noqa: ARG002 - any spread covers
        """Low, high, or a number between them."""
        return self._pick(name, (low, high, self._rng.randrange(low, high + 1, step)))

    def _pick(self, name: str, options: Sequence[_T]) -> _T:
        counts = self._picked.setdefault(name, Counter())
        least = min(counts[index] for index in range(len(options)))
        index = self._rng.choice([index for index in range(len(options)) if counts[index] == least])
        counts[index] += 1
        return options[index]
