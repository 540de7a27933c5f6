"""The GRU cell."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tuner.nets.cell import State
from tuner.nets.cell_options import GRUOptions
from tuner.nets.cells.fused import FusedCell
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.stacked import Step


class GRUCell(FusedCell):
    """Gated recurrent unit, reset gate applied after the recurrent product.

    r = sigmoid(W_r x + b_r + U_r h' + c_r)
    z = sigmoid(W_z x + b_z + U_z h' + c_z)
    n = tanh(W_n x + b_n + r * (U_n h' + c_n))
    h = (1 - z) * n + z * h'

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The start bias of the gate that keeps the state.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,). Gates are stored in the order r, z, n.

    Reference:
        Cho et al. 2014, arXiv:1406.1078v3, eq. 5-8. Deviation: there r multiplies h' before U_n and biases
        are left out; here r multiplies the product, as in v1, cuDNN and torch.nn.GRU.
    """

    gate_names = ("reset", "update", "candidate")

    def __init__(self, input_size: int, hidden_size: int, options: GRUOptions) -> None:
        super().__init__(nn.GRU(input_size, hidden_size, batch_first=True), options)

    def stepper(self, U: Tensor, bias: Tensor, noise: Noise) -> Step:
        """See `FusedCell.stepper`."""
        read, write = noise.read, noise.candidate

        def step(a_BG: Tensor, state: State) -> State:
            (h_BH,) = state
            a_r, a_z, a_n = a_BG.chunk(3, 1)
            u_r, u_z, u_n = torch.addmm(bias, read(h_BH), U).chunk(3, 1)
            n = write(torch.addcmul(a_n, (a_r + u_r).sigmoid(), u_n).tanh())
            return (torch.lerp(n, h_BH, (a_z + u_z).sigmoid()),)

        return step

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"update": 1}
