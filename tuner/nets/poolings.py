"""Poolings: reduce the steps of a sequence to one vector, or keep them; padding never counts.

Letters of shapes: B batch, T steps, F features: H units, 2 H with both directions, or a projection of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from tuner.nets.stack import valid_steps


class Pooling(nn.Module, ABC):
    """Reduces steps to one vector; `Every` keeps one each.

    Built in the worker as `Class(size)`, called once per batch on the stack's output.

    Args:
        size: Features F of the stack's output.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    @property
    def output_size(self) -> int:
        """Features P of the result."""
        return self.size

    @abstractmethod
    def forward(self, y_BTF: Tensor, lengths_B: Tensor | None, end_BF: Tensor) -> Tensor:
        """One vector per sequence, in `Every` one per step.

        Args:
            y_BTF: The stack's output; values beyond a sequence's length are ignored.
            lengths_B: Valid steps, >= 1; None: all T are valid.
            end_BF: The stack's output of each direction after its last step.

        Returns:
            (B, P), in `Every` (B, T, P).
        """


class Last(Pooling):
    """Each direction's output after its last step: forwards at the last valid step, backwards at step 0."""

    def forward(self, y_BTF: Tensor, lengths_B: Tensor | None, end_BF: Tensor) -> Tensor:  # noqa: ARG002 - contract
        """See `Pooling.forward`."""
        return end_BF


class Mean(Pooling):
    """Mean over the valid steps."""

    def forward(self, y_BTF: Tensor, lengths_B: Tensor | None, end_BF: Tensor) -> Tensor:  # noqa: ARG002 - contract
        """See `Pooling.forward`."""
        if lengths_B is None:
            return y_BTF.mean(dim=1)
        return y_BTF.masked_fill(~valid_steps(y_BTF, lengths_B), 0).sum(dim=1) / lengths_B[:, None]


class Maximum(Pooling):
    """Largest value of each feature over the valid steps."""

    def forward(self, y_BTF: Tensor, lengths_B: Tensor | None, end_BF: Tensor) -> Tensor:  # noqa: ARG002 - contract
        """See `Pooling.forward`."""
        if lengths_B is None:
            return y_BTF.amax(dim=1)
        return y_BTF.masked_fill(~valid_steps(y_BTF, lengths_B), -torch.inf).amax(dim=1)


class Concatenated(Pooling):
    """What `Last`, `Maximum` and `Mean` give, side by side.

    Reference:
        Howard & Ruder 2018, arXiv:1801.06146, section 3.3, "concat pooling". No deviation.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.parts = nn.ModuleList([Last(size), Maximum(size), Mean(size)])

    @property
    def output_size(self) -> int:
        """See `Pooling.output_size`."""
        return len(self.parts) * self.size

    def forward(self, y_BTF: Tensor, lengths_B: Tensor | None, end_BF: Tensor) -> Tensor:
        """See `Pooling.forward`."""
        return torch.cat([part(y_BTF, lengths_B, end_BF) for part in self.parts], dim=1)


class Attention(Pooling):
    """Mean over the valid steps with learned weights.

    u_t = tanh(W y_t + b);  e_t = u_t . v;  a = softmax(e) over the valid steps;  result = sum_t a_t y_t

    W is (F, F). All three start as `nn.Linear` does.

    Reference:
        Yang et al. 2016, "Hierarchical attention networks", eq. 5-7; additive attention of Bahdanau et al. 2015 without
        a query. No deviation.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.hidden, self.score = nn.Linear(size, size), nn.Linear(size, 1, bias=False)

    def forward(self, y_BTF: Tensor, lengths_B: Tensor | None, end_BF: Tensor) -> Tensor:  # noqa: ARG002 - contract
        """See `Pooling.forward`."""
        padding_BT1 = None if lengths_B is None else ~valid_steps(y_BTF, lengths_B)
        if padding_BT1 is not None:
            y_BTF = y_BTF.masked_fill(padding_BT1, 0)
        e_BT1: Tensor = self.score(self.hidden(y_BTF).tanh())
        if padding_BT1 is not None:
            e_BT1 = e_BT1.masked_fill(padding_BT1, -torch.inf)
        return (e_BT1.softmax(dim=1) * y_BTF).sum(dim=1)


class Every(Pooling):
    """All steps as they are, padding as zeros: for tasks that predict at each step."""

    def forward(self, y_BTF: Tensor, lengths_B: Tensor | None, end_BF: Tensor) -> Tensor:  # noqa: ARG002 - contract
        """See `Pooling.forward`."""
        return y_BTF if lengths_B is None else y_BTF.masked_fill(~valid_steps(y_BTF, lengths_B), 0)
