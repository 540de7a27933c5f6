"""The GRU with layer normalization."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.nets.cell import State
from tuner.nets.cell_options import GRUOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.opened import before
from tuner.nets.cells.stacked import LoopCell, Step


class LNGRUCell(LoopCell):
    """Gated recurrent unit with layer normalization of what comes from the input and from the state.

    LN(a; q) = q * (a - mean(a)) / sqrt(var(a) + 1e-5)
    r, z = sigmoid(LN(W_rz x; q_1) + LN(U_rz h'; q_2) + b_rz), over both gates' units at once
    n = tanh(LN(W_n x; q_3) + b_n + r * LN(U_n h'; q_4))
    h = (1 - z) * n + z * h'

    Gains q start at 1, and initializers leave them alone. With one input feature LN(W x) keeps little but the sign of
    x: such data wants another cell.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The start bias of the gate that keeps the state.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,). Gates are stored in the order r, z, n.

    Reference:
        Ba et al. 2016, arXiv:1607.06450, appendix. Deviation: there z lets new values in; the shift of
        LN(U_n h') is left out, and the shifts of the other norms are one bias b.
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
        self.gain_input, self.gain_state = (nn.Parameter(torch.ones(3 * hidden_size)) for _ in range(2))

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"update": 1}

    def projected(self, x_BTI: Tensor) -> Tensor:
        """See `StackedCell.projected`; gates and candidate normalized, then the bias is added."""
        x_TBI, sizes = x_BTI.transpose(0, 1).contiguous(), [2 * self.hidden_size, self.hidden_size]
        parts = zip(
            *(torch.split(parameter, sizes) for parameter in (self.weight_ih, self.gain_input, self.bias)), strict=True
        )
        return torch.cat(
            [functional.layer_norm(x_TBI @ weight.t(), gain.shape, gain, bias) for weight, gain, bias in parts], 2
        )

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`."""
        size = 2 * self.hidden_size
        a_BTG = self.projected(x_BTI).transpose(0, 1)[..., :size]
        u_BTG = before(y_BTH) @ self.recurrent(Noise())[:, :size]
        r, z = (a_BTG + functional.layer_norm(u_BTG, (size,), self.gain_state[:size])).sigmoid().chunk(2, 2)
        return {"reset": r, "update": z}

    def stepper(self, noise: Noise) -> Step:
        """See `LoopCell.stepper`."""
        U, sizes = self.recurrent(noise), [2 * self.hidden_size, self.hidden_size]
        gain_gates, gain_candidate = torch.split(self.gain_state, sizes)
        read, write = noise.read, noise.candidate
        wide, narrow = gain_gates.shape, gain_candidate.shape

        def step(a_BG: Tensor, state: State) -> State:
            (h_BH,) = state
            a_gates, a_n = torch.split(a_BG, sizes, 1)
            u_gates, u_n = torch.split(read(h_BH) @ U, sizes, 1)
            r, z = (a_gates + functional.layer_norm(u_gates, wide, gain_gates)).sigmoid().chunk(2, 1)
            n = write(torch.addcmul(a_n, r, functional.layer_norm(u_n, narrow, gain_candidate)).tanh())
            return (torch.lerp(n, h_BH, z),)

        return step
