"""What is optimized: a score, its direction, and the trivial predictor's value of it.

No other code in the package depends on the direction. Plain data: picklable, free of third parties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, overload

T = TypeVar("T")

TRIVIAL_PREDICTOR = "trivial predictor"
"""Its name if the data give it none."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What is optimized. A score that is None or not finite is never better than another, and comes last.

    Args:
        metric: With its split: "val/accuracy".
        maximize: Whether higher is better.
        within: The least and the largest possible score.
        trivial: The trivial predictor's score; None if unknown.
        trivial_name: That predictor's name: "most frequent class".
        counted: Whether it counts items, so that one item of N changes it by about 1 / N.
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
        """As in Optuna and the task file: "maximize" or "minimize"."""
        return "maximize" if self.maximize else "minimize"

    @property
    def is_loss(self) -> bool:
        """Whether lower is better."""
        return not self.maximize

    @property
    def words(self) -> str:
        """The direction in words."""
        return "higher is better" if self.maximize else "lower is better"

    @property
    def sign(self) -> float:
        """The factor between score and loss: 1 or -1."""
        return -1.0 if self.maximize else 1.0

    @property
    def worst(self) -> float:
        """An infinite score that every score is better than."""
        return -math.inf if self.maximize else math.inf

    def loss(self, score: float | None) -> float:
        """The score as a loss (lower is better), the key that sorts the best first; infinite without a score."""
        return self.sign * score if score is not None and math.isfinite(score) else math.inf

    def better(self, score: float | None, than: float | None) -> bool:
        """Whether a score is better than another; any score is better than None."""
        return self.loss(score) < self.loss(than)

    def gain(self, score: float, over: float) -> float:
        """By how much a score is better than another; negative if it is worse."""
        return score - over if self.maximize else over - score

    @overload
    def best(self, scores: Iterable[float | None], default: float) -> float: ...

    @overload
    def best(self, scores: Iterable[float | None], default: None = None) -> float | None: ...

    def best(self, scores: Iterable[float | None], default: float | None = None) -> float | None:
        """The best score; `default` without any."""
        found = self.best_of(scores, score=lambda score: score)
        return default if found is None else found

    def best_of(self, items: Iterable[T], score: Callable[[T], float | None]) -> T | None:
        """The item with the best score, the first of equals; None without any score."""
        found = min(items, key=lambda item: self.loss(score(item)), default=None)
        return None if found is None or math.isinf(self.loss(score(found))) else found

    def against(self, trivial: float | None, name: str = TRIVIAL_PREDICTOR) -> Objective:
        """The same objective with a trivial predictor.

        Args:
            trivial: Its score; None if unknown.
            name: Its name.
        """
        return replace(self, trivial=trivial, trivial_name=name)
