"""The LSTM with peepholes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tuner.nets.cell import State
from tuner.nets.cell_options import LSTMOptions
from tuner.nets.cells.noise import Noise, noise_of
from tuner.nets.cells.opened import split, sums
from tuner.nets.cells.stacked import AdditiveCell, Step


class PeepholeLSTMCell(AdditiveCell):
    """LSTM whose gates see the cell's state, each unit its own.

    i = sigmoid(W_i x + U_i h' + p_i * c' + b_i)
    f = sigmoid(W_f x + U_f h' + p_f * c' + b_f)
    g = tanh(W_g x + U_g h' + b_g)
    c = f * c' + i * g
    o = sigmoid(W_o x + U_o h' + p_o * c + b_o)
    h = o * tanh(c)

    Initializers leave p alone; it starts at 0, so that the cell starts as an LSTM without peepholes.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h, c). Gates are stored in the order i, f, g, o.

    Reference:
        Gers & Schmidhuber 2000, "Recurrent nets that time and count"; in this form Greff et al. 2017, section
        2.A. Deviation: gradients through peepholes are not truncated.
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
        self.peephole_input, self.peephole_forget, self.peephole_output = (
            nn.Parameter(torch.zeros(hidden_size)) for _ in range(3)
        )

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1, "input": -1}

    def start(self, x_BTI: Tensor) -> State:
        """See `LoopCell.start`; c = 0 too."""
        return (zero_BH := self.zeros(x_BTI)), zero_BH

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`; c by its recurrence."""
        noise, parts = noise_of(self.options, training=False), split(self, sums(self, x_BTI, y_BTH))
        c_BH, opened = self.zeros(x_BTI), []
        i_T, f_T, g_T, o_T = (parts[name].unbind(1) for name in ("input", "forget", "candidate", "output"))
        for i, f, g, o in zip(i_T, f_T, g_T, o_T, strict=True):
            i = torch.addcmul(i, self.peephole_input, c_BH).sigmoid()
            f = torch.addcmul(f, self.peephole_forget, c_BH).sigmoid()
            new_BH = torch.addcmul(f * c_BH, i, g.tanh())
            opened.append((i, f, torch.addcmul(o, self.peephole_output, new_BH).sigmoid()))
            _, c_BH = noise.keep((c_BH, c_BH), (new_BH, new_BH))
        names = ("input", "forget", "output")
        return {name: torch.stack(gate, 1) for name, gate in zip(names, zip(*opened, strict=True), strict=True)}

    def stepper(self, noise: Noise) -> Step:
        """See `AdditiveCell.stepper`."""
        write = noise.candidate
        p_i, p_f, p_o = self.peephole_input, self.peephole_forget, self.peephole_output

        def step(s_BG: Tensor, state: State) -> State:
            _, c_BH = state
            i, f, g, o = s_BG.chunk(4, 1)
            i, f = torch.addcmul(i, p_i, c_BH).sigmoid(), torch.addcmul(f, p_f, c_BH).sigmoid()
            c_BH = torch.addcmul(f * c_BH, i, write(g.tanh()))
            return torch.addcmul(o, p_o, c_BH).sigmoid() * c_BH.tanh(), c_BH

        return step
