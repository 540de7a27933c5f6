"""The minimal GRU cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from tuner.nets.cell import State
from tuner.nets.cell_options import MinGRUOptions
from tuner.nets.cells.noise import noise_of
from tuner.nets.cells.recurrence import moving_average
from tuner.nets.cells.stacked import StackedCell


class MinGRUCell(StackedCell):
    """GRU whose gate and candidate see the input only.

    z = sigmoid(W_z x + b_z)
    n = v(W_n x + b_n),  v(a) = a + 0.5 where a >= 0, else sigmoid(a)
    h = (1 - z) * h' + z * n

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The start bias of the gate that keeps the state.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,). Gates are stored in the order z, n.

    Reference:
        Feng et al. 2024, arXiv:2410.01201, section 3.1 and appendix B.2 for v. Deviation: step by step, not as a scan
        in log space; the state starts at 0, not at 0.5.
    """

    def __init__(self, input_size: int, hidden_size: int, options: MinGRUOptions) -> None:
        super().__init__(input_size, hidden_size, options, gates=("update", "candidate"), columns=input_size)

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"update": -1}

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002 - contract
        """See `Cell.gate_values`."""
        return {"update": self.projected(x_BTI)[..., : self.hidden_size].sigmoid().transpose(0, 1)}

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        noise = noise_of(self.options, training=self.training)
        z_TBH, n_TBH = self.projected(x_BTI).chunk(2, 2)
        (h_BH,) = state or (self.zeros(x_BTI),)
        h_TBH = moving_average((-z_TBH).sigmoid(), positive(n_TBH), h_BH, noise)
        return h_TBH.transpose(0, 1), (h_TBH[-1],)


def positive(a: Tensor) -> Tensor:
    """v(a) = a + 0.5 where a >= 0, else sigmoid(a): continuous, increasing, above 0."""
    values: Tensor = _Positive.apply(a)  # type: ignore[no-untyped-call]
    return values


class _Positive(torch.autograd.Function):
    """Its slope, 1 or v (1 - v), follows from v, which is below 0.5 where a < 0."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        v = torch.where(a >= 0, a + 0.5, a.sigmoid())
        ctx.save_for_backward(v)
        return v

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (v,) = ctx.saved_tensors
        return torch.where(v >= 0.5, gradient, torch.ops.aten.sigmoid_backward(gradient, v))
