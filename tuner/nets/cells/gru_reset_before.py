"""The GRU cell whose reset gate comes before the recurrent product."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tuner.nets.cell import State
from tuner.nets.cell_options import GRUOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.opened import sigmoid_gates
from tuner.nets.cells.stacked import LoopCell, Step


class GRUResetBeforeCell(LoopCell):
    """Gated recurrent unit, reset gate applied before the recurrent product.

    r = sigmoid(W_r x + U_r h' + b_r)
    z = sigmoid(W_z x + U_z h' + b_z)
    n = tanh(W_n x + U_n (r * h') + b_n)
    h = (1 - z) * n + z * h'

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The start bias of the gate that keeps the state.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,). Gates are stored in the order r, z, n.

    Reference:
        Cho et al. 2014, arXiv:1406.1078v3, eq. 5-8. Deviation: biases.
    """

    def __init__(self, input_size: int, hidden_size: int, options: GRUOptions) -> None:
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=("reset", "update", "candidate"),
            columns=input_size,
            recurrent_columns=hidden_size,
        )

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"update": 1}

    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`."""
        return sigmoid_gates(self, x_BTI, y_BTH)

    def stepper(self, noise: Noise) -> Step:
        """See `LoopCell.stepper`."""
        sizes = [2 * self.hidden_size, self.hidden_size]
        U_gates, U_n = torch.split(self.recurrent(noise), sizes, 1)
        read, write = noise.read, noise.candidate

        def step(a_BG: Tensor, state: State) -> State:
            (h_BH,) = state
            a_gates, a_n = torch.split(a_BG, sizes, 1)
            seen_BH = read(h_BH)
            r, z = torch.addmm(a_gates, seen_BH, U_gates).sigmoid().chunk(2, 1)
            n = write(torch.addmm(a_n, r * seen_BH, U_n).tanh())
            return (torch.lerp(n, h_BH, z),)

        return step
