"""Prior distributions of parameters.

A prior shapes random draws: all trials of the random sampler, and the first ones of other samplers. TPE's model is
guided by it as well, the less the more trials there are (`tuner.study.tpe`), so that a wrong prior delays a search but
does not bind it; the models of other samplers use only the trials.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from tuner.space.domains import Choices, Domain, Range, Scalar

WIDTH = 0.25
"""Standard deviation around a likely value, as a fraction of the range (of its logarithm, on a log scale). Our choice:
two draws of three are then within half of the range."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Weights of choices, or the likeliest value of a range.

    Args:
        weights: One per choice, > 0; a choice is drawn in proportion to its weight.
        likely: A value of the range; values are drawn from a normal distribution around it, truncated at the ends.
    """

    weights: tuple[float, ...] = ()
    likely: float | None = None

    def draw(self, domain: Choices | Range, rng: random.Random) -> Scalar:
        """A value of the domain."""
        if isinstance(domain, Choices):
            return rng.choices(domain.options, self.weights)[0]
        assert self.likely is not None
        scale, back = (math.log, math.exp) if domain.log else (float, float)
        low, high, middle = scale(domain.low), scale(domain.high), scale(self.likely)
        while not low <= (drawn := rng.gauss(middle, WIDTH * (high - low))) <= high:
            pass
        return _on_grid(back(drawn), domain)

    def log_density(self, domain: Domain, value: float) -> float:
        """The logarithm of the density at a value, over the highest density; 0 at the likeliest value.

        Args:
            domain: The domain.
            value: A value of a range, or the position of a choice, from 0.
        """
        if not isinstance(domain, Range):
            return math.log(self.weights[int(value)] / max(self.weights))
        assert self.likely is not None
        scale = math.log if domain.log else float
        return -0.5 * ((scale(value) - scale(self.likely)) / (WIDTH * (scale(domain.high) - scale(domain.low)))) ** 2

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `prior_from_json` makes the same prior."""
        return {"weights": list(self.weights)} if self.weights else {"likely": self.likely}

    def __str__(self) -> str:
        return (
            f"prior {':'.join(f'{weight:g}' for weight in self.weights)}" if self.weights else f"near {self.likely:g}"
        )


def prior_from_json(data: dict[str, Any] | None) -> Prior | None:
    """The prior that `to_json` described; None for none."""
    return None if data is None else Prior(tuple(data.get("weights", ())), data.get("likely"))


def _on_grid(value: float, domain: Range) -> Scalar:
    """The nearest value that the range holds."""
    step = domain.step or (1 if domain.whole else None)
    if step is not None:
        value = domain.low + round((value - domain.low) / step) * step
    value = min(max(value, domain.low), domain.high)
    return round(value) if domain.whole else float(value)
