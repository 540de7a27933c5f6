"""The JANET cell."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tuner.nets.cell import State
from tuner.nets.cell_options import JANETOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.stacked import AdditiveCell, Step


class JANETCell(AdditiveCell):
    """LSTM reduced to its forget gate ("just another network").

    s = W_f x + U_f h' + b_f
    g = tanh(W_g x + U_g h' + b_g)
    h = sigmoid(s) * h' + (1 - sigmoid(s - beta)) * g

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias, and beta.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,). Gates are stored in the order f, g.

    Reference:
        van der Westhuizen & Lasenby 2018, arXiv:1804.04849. Deviation: there b_f starts as with gate_bias
        chrono.
    """

    def __init__(self, input_size: int, hidden_size: int, options: JANETOptions) -> None:
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=("forget", "candidate"),
            columns=input_size,
            recurrent_columns=hidden_size,
        )
        self.beta = options.beta

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1}

    def stepper(self, noise: Noise) -> Step:
        """See `AdditiveCell.stepper`."""
        beta, write = self.beta, noise.candidate

        def step(s_BG: Tensor, state: State) -> State:
            (h_BH,) = state
            s, g = s_BG.chunk(2, 1)
            return (torch.addcmul(s.sigmoid() * h_BH, (beta - s).sigmoid(), write(g.tanh())),)

        return step
