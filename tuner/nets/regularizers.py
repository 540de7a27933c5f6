"""Regularizers, active in training only: change values between the layers, or add a term to the loss.

Noise within a cell is in `tuner.nets.cells.noise`. Letters of shapes: B batch, T steps, F features, V symbols.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, Protocol, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.errors import TrialError
from tuner.nets.regularizer_options import InputNoiseOptions, InputScalingOptions, TimeMaskOptions

Place = Literal["input", "layer", "between", "output"]
"""Places: the stack's input; every layer's output; between layers; the stack's output."""

PLACES: tuple[Place, ...] = get_args(Place)


def dropout_mask(rate: float, like: Tensor) -> Tensor:
    """The factor m / (1 - p) of inverted dropout, m ~ Bernoulli(1 - p), of the shape of `like`."""
    # On a CPU three times as fast as functional.dropout, whose Bernoulli draws cost a tenth of a step.
    return torch.rand_like(like).ge_(rate).div_(1 - rate)


class Regularizer(nn.Module, ABC):
    """Changes values at one place of the stack while training, and nothing in evaluation.

    Built in the worker as `Class(options)` if it is switched on, and called once per batch and place. It draws from the
    global generator of the values' device and has no parameters. In addition, a `Penalty` adds to the loss, and
    `EmbeddingDropout` acts on the encoder's embeddings.
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
    """Inverted dropout: x * m / (1 - p), m ~ Bernoulli(1 - p), drawn for every element.

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
        return dropout_mask(self.rate, like)


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
        Gal & Ghahramani 2016; "locked dropout" of Merity et al. 2018. Deviation from the former: the recurrent state
        itself is not changed, as in the latter.
    """

    place = "layer"

    def forward(self, x_BTF: Tensor) -> Tensor:
        """See `Regularizer.forward`."""
        return x_BTF * self.mask(x_BTF[:, :1]) if self.training else x_BTF


class InputNoise(Regularizer):
    """x + N(0, sd^2), drawn anew for every element of the stack's input.

    Reference:
        Graves et al. 2013; searched by Greff et al. 2017, section 3.D. No deviation.
    """

    place = "input"

    def __init__(self, options: InputNoiseOptions) -> None:
        super().__init__()
        self.sd = options.sd

    def forward(self, x_BTF: Tensor) -> Tensor:
        """See `Regularizer.forward`."""
        return torch.add(x_BTF, torch.randn_like(x_BTF), alpha=self.sd) if self.training else x_BTF


class InputScaling(Regularizer):
    """x_BTF * a_B1F, a ~ N(1, sd^2): every channel of a sequence gets one factor for all of its steps.

    Reference:
        Um et al. 2017, arXiv:1706.00527, "scaling". No deviation.
    """

    place = "input"

    def __init__(self, options: InputScalingOptions) -> None:
        super().__init__()
        self.sd = options.sd

    def forward(self, x_BTF: Tensor) -> Tensor:
        """See `Regularizer.forward`."""
        return x_BTF * (1 + self.sd * torch.randn_like(x_BTF[:, :1])) if self.training else x_BTF


class TimeMask(Regularizer):
    """Sets a stretch of each sequence to 0: of U(0, share) of its steps, anywhere, beyond the end around to the start.

    Reference:
        Park et al. 2019, arXiv:1904.08779, section 2, one mask in time per sequence. Deviation: a mask goes around the
        end, so that every step is masked as often as any other.
    """

    place = "input"

    def __init__(self, options: TimeMaskOptions) -> None:
        super().__init__()
        self.share = options.share

    def forward(self, x_BTF: Tensor) -> Tensor:
        """See `Regularizer.forward`."""
        if not self.training:
            return x_BTF
        steps = x_BTF.shape[1]
        length_B1, start_B1 = torch.rand(2, len(x_BTF), 1, dtype=x_BTF.dtype, device=x_BTF.device) * steps
        since_BT = (torch.arange(steps, device=x_BTF.device) - start_B1) % steps
        kept_BTF: Tensor = x_BTF * (since_BT >= self.share * length_B1)[..., None]
        return kept_BTF


class EmbeddingDropout(nn.Module):
    """Inverted dropout of whole rows of an embedding: a symbol is kept or dropped throughout a batch.

    Args:
        options: `rate`, in [0, 1).

    Reference:
        Gal & Ghahramani 2016; Merity et al. 2018, section 4.3. No deviation.
    """

    def __init__(self, options: Rated) -> None:
        super().__init__()
        self.rate = options.rate

    def attach(self, encoder: nn.Module) -> None:
        """Act on all embeddings of an encoder.

        Raises:
            TrialError: It has none.
        """
        embeddings = [module for module in encoder.modules() if isinstance(module, nn.Embedding)]
        if not embeddings:
            raise TrialError("dropout.embedding acts only where the data are symbols that are embedded")
        for embedding in embeddings:
            embedding.register_forward_hook(self._drop)

    def _drop(self, embedding: nn.Embedding, symbols: tuple[Tensor], rows: Tensor) -> Tensor:
        """Rows (..., F) of symbols (...), some of them 0."""
        if not embedding.training:
            return rows
        mask_V1 = dropout_mask(self.rate, embedding.weight[:, :1])
        return rows * functional.embedding(symbols[0], mask_V1)


class Penalty(nn.Module, ABC):
    """A term added to the loss in training, computed from the last layer's output.

    Built as `Class(options)`, only where it is switched on.
    """

    def __init__(self, options: Scaled) -> None:
        super().__init__()
        self.factor = options.factor

    @abstractmethod
    def forward(self, y_BTF: Tensor, dropped_BTF: Tensor, valid_BT1: Tensor | None) -> Tensor:
        """The term, a scalar.

        Args:
            y_BTF: The last layer's output, before any dropout.
            dropped_BTF: The same after dropout, as the pooling gets it.
            valid_BT1: Whether a step is valid, not padding; None: all are valid.
        """


class Scaled(Protocol):
    """Options with a factor."""

    @property
    def factor(self) -> float:
        """Factor of the mean, >= 0."""
        ...


class ActivationPenalty(Penalty):
    """alpha * mean(y^2), over valid steps, of the output after dropout.

    Reference:
        Merity et al. 2017, arXiv:1708.01009, AR. No deviation.
    """

    def forward(self, y_BTF: Tensor, dropped_BTF: Tensor, valid_BT1: Tensor | None) -> Tensor:  # noqa: ARG002
        """See `Penalty.forward`."""
        return self.factor * _mean(dropped_BTF.square(), valid_BT1)


class TemporalPenalty(Penalty):
    """beta * mean((y_t - y_{t-1})^2), over pairs of valid steps, of the output before dropout; 0 with one step.

    Reference:
        Merity et al. 2017, arXiv:1708.01009, TAR. No deviation.
    """

    def forward(self, y_BTF: Tensor, dropped_BTF: Tensor, valid_BT1: Tensor | None) -> Tensor:  # noqa: ARG002
        """See `Penalty.forward`."""
        before_BTF, after_BTF = y_BTF[:, :-1], y_BTF[:, 1:]
        return self.factor * _mean((after_BTF - before_BTF).square(), None if valid_BT1 is None else valid_BT1[:, 1:])


def _mean(values_BTF: Tensor, valid_BT1: Tensor | None) -> Tensor:
    if valid_BT1 is None:
        return values_BTF.sum() / max(values_BTF.numel(), 1)
    count = valid_BT1.sum().clamp(min=1) * values_BTF.shape[2]
    return values_BTF.masked_fill(~valid_BT1, 0).sum() / count
