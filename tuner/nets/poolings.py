"""How the steps of a sequence become one vector; padding never counts.

Letters of shapes: B batch, T steps, F features: H units, or 2 H where both directions are read.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Pooling(Protocol):
    """A function without state, called once per batch on the stack's output."""

    def __call__(self, y_BTF: Tensor, lengths_B: Tensor | None, bidirectional: bool, /) -> Tensor:
        """One vector per sequence.

        Args:
            y_BTF: The stack's output; whatever it holds beyond a sequence's length does not count.
            lengths_B: Valid steps, >= 1; None where all T are valid.
            bidirectional: Whether the second half of the features was read from right to left.

        Returns:
            (B, F).
        """
        ...


def last(y_BTF: Tensor, lengths_B: Tensor | None, bidirectional: bool) -> Tensor:
    """The state after reading all: at the last valid step, where read backwards at step 0."""
    if lengths_B is None:
        end_BF = y_BTF[:, -1]
    else:
        end_BF = y_BTF[torch.arange(len(y_BTF), device=y_BTF.device), lengths_B - 1]
    if not bidirectional:
        return end_BF
    half = y_BTF.shape[2] // 2
    return torch.cat((end_BF[:, :half], y_BTF[:, 0, half:]), dim=1)


def mean(y_BTF: Tensor, lengths_B: Tensor | None, _bidirectional: bool) -> Tensor:
    """Mean over the valid steps."""
    if lengths_B is None:
        return y_BTF.mean(dim=1)
    return y_BTF.masked_fill(_padding(y_BTF, lengths_B), 0).sum(dim=1) / lengths_B[:, None]


def maximum(y_BTF: Tensor, lengths_B: Tensor | None, _bidirectional: bool) -> Tensor:
    """Largest value of each feature over the valid steps."""
    if lengths_B is None:
        return y_BTF.amax(dim=1)
    return y_BTF.masked_fill(_padding(y_BTF, lengths_B), -torch.inf).amax(dim=1)


def _padding(y_BTF: Tensor, lengths_B: Tensor) -> Tensor:
    return (torch.arange(y_BTF.shape[1], device=y_BTF.device) >= lengths_B[:, None])[:, :, None]
