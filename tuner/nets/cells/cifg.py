"""The LSTM with coupled input and forget gates."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tuner.nets.cell import State
from tuner.nets.cell_options import LSTMOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.stacked import AdditiveCell, Step


class CIFGCell(AdditiveCell):
    """LSTM whose input gate is what the forget gate leaves.

    f = sigmoid(W_f x + U_f h' + b_f)
    o = sigmoid(W_o x + U_o h' + b_o)
    g = tanh(W_g x + U_g h' + b_g)
    c = f * c' + (1 - f) * g
    h = o * tanh(c)

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h, c). Gates are stored in the order f, o, g.

    Reference:
        Greff et al. 2017, arXiv:1503.04069, section 3.C, CIFG. Deviation: there the gate that is kept is i, f = 1 - i,
        the same set of functions; no peepholes.
    """

    def __init__(self, input_size: int, hidden_size: int, options: LSTMOptions) -> None:
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=("forget", "output", "candidate"),
            columns=input_size,
            recurrent_columns=hidden_size,
        )

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1}

    def start(self, x_BTI: Tensor) -> State:
        """See `LoopCell.start`; c = 0 too."""
        return (zero_BH := self.zeros(x_BTI)), zero_BH

    def stepper(self, noise: Noise) -> Step:
        """See `AdditiveCell.stepper`."""
        write = noise.candidate

        def step(s_BG: Tensor, state: State) -> State:
            _, c_BH = state
            f, o, g = s_BG.chunk(3, 1)
            c_BH = torch.lerp(write(g.tanh()), c_BH, f.sigmoid())
            return o.sigmoid() * c_BH.tanh(), c_BH

        return step
