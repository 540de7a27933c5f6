"""What is optimized: a score, which way it is better, and what the trivial predictor has of it.

Nothing else in the package chooses by direction. Plain data: picklable, free of third parties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, overload

T = TypeVar("T")

TRIVIAL_PREDICTOR = "trivial predictor"
"""What it is called where the data give it no name."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What is optimized. A score that is None or not finite is none: it is never better than another, and comes last.

    Args:
        metric: With its split: "val/accuracy".
        maximize: Whether higher is better.
        within: The least and the largest score that there can be.
        trivial: The trivial predictor's score; None where it is not known.
        trivial_name: What that predictor is called: "most frequent class".
        counted: Whether it counts items, so that one of N more changes it by about 1 / N.
    """

    metric: str = "val/loss"
    maximize: bool = False
    within: tuple[float, float] = (-math.inf, math.inf)
    trivial: float | None = None
    trivial_name: str = TRIVIAL_PREDICTOR
    counted: bool = False

    @property
    def name(self) -> str:
        """The metric without its split: "accuracy"."""
        return self.metric.removeprefix("val/")

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """As Optuna and the task file call it."""
        return "maximize" if self.maximize else "minimize"

    @property
    def is_loss(self) -> bool:
        """Whether lower is better."""
        return not self.maximize

    @property
    def words(self) -> str:
        """Which way is better, for people."""
        return "higher is better" if self.maximize else "lower is better"

    @property
    def sign(self) -> float:
        """What makes a loss of a score, and a score of a loss: 1 or -1."""
        return -1.0 if self.maximize else 1.0

    @property
    def worst(self) -> float:
        """What every score is better than, infinite."""
        return -math.inf if self.maximize else math.inf

    def loss(self, score: float | None) -> float:
        """Lower is better, whatever the direction: the key that sorts the best first; infinite without a score."""
        return self.sign * score if score is not None and math.isfinite(score) else math.inf

    def better(self, score: float | None, than: float | None) -> bool:
        """Whether a score is better than another; any is better than none."""
        return self.loss(score) < self.loss(than)

    def gain(self, score: float, over: float) -> float:
        """By how much a score is better than another; negative where it is worse."""
        return score - over if self.maximize else over - score

    @overload
    def best(self, scores: Iterable[float | None], default: float) -> float: ...

    @overload
    def best(self, scores: Iterable[float | None], default: None = None) -> float | None: ...

    def best(self, scores: Iterable[float | None], default: float | None = None) -> float | None:
        """The best score; `default` where there is none."""
        found = self.best_of(scores, score=lambda score: score)
        return default if found is None else found

    def best_of(self, items: Iterable[T], score: Callable[[T], float | None]) -> T | None:
        """The item with the best score, of equals the first; None where none has one."""
        found = min(items, key=lambda item: self.loss(score(item)), default=None)
        return None if found is None or math.isinf(self.loss(score(found))) else found

    def against(self, trivial: float | None, name: str = TRIVIAL_PREDICTOR) -> Objective:
        """The same beside a trivial predictor.

        Args:
            trivial: Its score; None where it is not known.
            name: What it is called.
        """
        return replace(self, trivial=trivial, trivial_name=name)
