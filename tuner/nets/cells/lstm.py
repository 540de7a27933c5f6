"""The LSTM cell."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tuner.nets.cell import State
from tuner.nets.cell_options import LSTMOptions
from tuner.nets.cells.fused import FusedCell
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.stacked import Step


class LSTMCell(FusedCell):
    """Long short-term memory with forget gate.

    i = sigmoid(W_i x + b_i + U_i h' + c_i)
    f = sigmoid(W_f x + b_f + U_f h' + c_f)
    g = tanh(W_g x + b_g + U_g h' + c_g)
    o = sigmoid(W_o x + b_o + U_o h' + c_o)
    c = f * c' + i * g
    h = o * tanh(c)

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias, b_f + c_f.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h, c). Gates are stored in the order i, f, g, o.

    Reference:
        Hochreiter & Schmidhuber 1997; forget gate of Gers, Schmidhuber & Cummins 2000. Deviation: no
        peepholes.
    """

    gate_names = ("input", "forget", "candidate", "output")
    num_states = 2

    def __init__(self, input_size: int, hidden_size: int, options: LSTMOptions) -> None:
        super().__init__(nn.LSTM(input_size, hidden_size, batch_first=True), options)

    def stepper(self, U: Tensor, bias: Tensor, noise: Noise) -> Step:
        """See `FusedCell.stepper`."""
        read, write = noise.read, noise.candidate

        def step(a_BG: Tensor, state: State) -> State:
            h_BH, c_BH = state
            i, f, g, o = (a_BG + torch.addmm(bias, read(h_BH), U)).chunk(4, 1)
            c_BH = torch.addcmul(f.sigmoid() * c_BH, i.sigmoid(), write(g.tanh()))
            return o.sigmoid() * c_BH.tanh(), c_BH

        return step

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1, "input": -1}
