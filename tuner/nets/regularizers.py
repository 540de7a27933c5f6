"""What acts on the values that flow through the stack, in training only.

Letters of shapes: B batch, T steps, F features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, Protocol, get_args

import torch
from torch import Tensor, nn

Place = Literal["input", "layer", "between", "output"]
"""On the stack's input; on every layer's output; from one layer to the next; on the stack's output."""

PLACES: tuple[Place, ...] = get_args(Place)


class Regularizer(nn.Module, ABC):
    """Changes values at one place of the stack while training, and nothing in evaluation.

    The stack builds it in the worker as `Class(options)`, only where it is switched on, and calls it once
    per batch and place. It draws from the global generator of the values' device and has no parameters.
    """

    place: ClassVar[Place]

    @abstractmethod
    def forward(self, x_BTF: Tensor) -> Tensor:
        """The changed values, (B, T, F)."""


class Rated(Protocol):
    """Options with a rate."""

    @property
    def rate(self) -> float:
        """Share of values set to zero, in [0, 1)."""
        ...


class Dropout(Regularizer):
    """Inverted dropout: x * m / (1 - p), m ~ Bernoulli(1 - p), drawn anew for every element.

    Args:
        options: `rate` is p, in [0, 1).

    Reference:
        Zaremba et al. 2014: connections between steps are left alone. No deviation.
    """

    def __init__(self, options: Rated) -> None:
        super().__init__()
        self.rate = options.rate

    def forward(self, x_BTF: Tensor) -> Tensor:
        """See `Regularizer.forward`."""
        return x_BTF * self.mask(x_BTF) if self.training else x_BTF

    def mask(self, like: Tensor) -> Tensor:
        """The factor m / (1 - p), of the shape of `like`."""
        # On a CPU three times as fast as functional.dropout, whose Bernoulli draws cost a tenth of a step.
        return torch.rand_like(like).ge_(self.rate).div_(1 - self.rate)


class InputDropout(Dropout):
    """`Dropout` on the stack's input."""

    place = "input"


class BetweenDropout(Dropout):
    """`Dropout` between layers."""

    place = "between"


class OutputDropout(Dropout):
    """`Dropout` on the stack's output, before pooling."""

    place = "output"


class VariationalDropout(Dropout):
    """Inverted dropout on every layer's output whose mask is the same at all steps of a sequence: m_B1F.

    Reference:
        Gal & Ghahramani 2016; "locked dropout" of Merity et al. 2018. Deviation from the former: the state
        that a cell hands to its own next step is left alone, as in the latter.
    """

    place = "layer"

    def forward(self, x_BTF: Tensor) -> Tensor:
        """See `Regularizer.forward`."""
        return x_BTF * self.mask(x_BTF[:, :1]) if self.training else x_BTF
