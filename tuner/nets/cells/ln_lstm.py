"""The LSTM with layer normalization."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.nets.cell import State
from tuner.nets.cell_options import LSTMOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.opened import before, split
from tuner.nets.cells.stacked import LoopCell, Step


class LNLSTMCell(LoopCell):
    """LSTM with layer normalization of what comes from the input, from the state, and of the cell's state.

    LN(a; q) = q * (a - mean(a)) / sqrt(var(a) + 1e-5), over all gates' units at once
    i, f, g, o = LN(W x; q_x) + LN(U h'; q_h) + b
    c = sigmoid(f) * c' + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(LN(c; q_c))

    Gains q start at 1, and initializers leave them alone. With one input feature LN(W x) keeps little but the sign of
    x: such data wants another cell.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h, c). Gates are stored in the order i, f, g, o.

    Reference:
        Ba et al. 2016, arXiv:1607.06450, appendix. Deviation: the shifts of the two inner norms are one
        bias b, and LN(c) has none.
    """

    def __init__(self, input_size: int, hidden_size: int, options: LSTMOptions) -> None:
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=("input", "forget", "candidate", "output"),
            columns=input_size,
            recurrent_columns=hidden_size,
        )
        self.gain_input, self.gain_state = (nn.Parameter(torch.ones(4 * hidden_size)) for _ in range(2))
        self.gain_cell = nn.Parameter(torch.ones(hidden_size))

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1, "input": -1}

    def projected(self, x_BTI: Tensor) -> Tensor:
        """See `StackedCell.projected`; normalized, then the bias is added."""
        a_TBG = functional.linear(x_BTI.transpose(0, 1), self.weight_ih)
        return functional.layer_norm(a_TBG, a_TBG.shape[2:], self.gain_input, self.bias)

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`."""
        u_BTG = before(y_BTH) @ self.recurrent(Noise())
        a_BTG = self.projected(x_BTI).transpose(0, 1) + functional.layer_norm(
            u_BTG, self.gain_state.shape, self.gain_state
        )
        return {name: part.sigmoid() for name, part in split(self, a_BTG).items() if name != "candidate"}

    def start(self, x_BTI: Tensor) -> State:
        """See `LoopCell.start`; c = 0 too."""
        return (zero_BH := self.zeros(x_BTI)), zero_BH

    def stepper(self, noise: Noise) -> Step:
        """See `LoopCell.stepper`."""
        U, gain_state, gain_cell = self.recurrent(noise), self.gain_state, self.gain_cell
        read, write = noise.read, noise.candidate
        wide, narrow = gain_state.shape, gain_cell.shape

        def step(a_BG: Tensor, state: State) -> State:
            h_BH, c_BH = state
            i, f, g, o = (a_BG + functional.layer_norm(read(h_BH) @ U, wide, gain_state)).chunk(4, 1)
            c_BH = torch.addcmul(f.sigmoid() * c_BH, i.sigmoid(), write(g.tanh()))
            return o.sigmoid() * functional.layer_norm(c_BH, narrow, gain_cell).tanh(), c_BH

        return step
