"""The minimal gated unit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tuner.nets.cell import State
from tuner.nets.cell_options import MGUOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.opened import sigmoid_gates
from tuner.nets.cells.stacked import LoopCell, Step


class MGUCell(LoopCell):
    """Minimal gated unit: one gate resets and updates.

    f = sigmoid(W_f x + U_f h' + b_f)
    n = tanh(W_n x + U_n (f * h') + b_n)
    h = (1 - f) * h' + f * n

    An open gate forgets; b_f therefore starts at minus the forget bias, so that larger keeps longer as elsewhere.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,). Gates are stored in the order f, n.

    Reference:
        Zhou et al. 2016, arXiv:1603.09420. No deviation.
    """

    def __init__(self, input_size: int, hidden_size: int, options: MGUOptions) -> None:
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=("forget", "candidate"),
            columns=input_size,
            recurrent_columns=hidden_size,
        )

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": -1}

    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`."""
        return sigmoid_gates(self, x_BTI, y_BTH)

    def stepper(self, noise: Noise) -> Step:
        """See `LoopCell.stepper`."""
        U_f, U_n = self.recurrent(noise).chunk(2, 1)
        read, write = noise.read, noise.candidate

        def step(a_BG: Tensor, state: State) -> State:
            (h_BH,) = state
            a_f, a_n = a_BG.chunk(2, 1)
            seen_BH = read(h_BH)
            f = torch.addmm(a_f, seen_BH, U_f).sigmoid()
            n = write(torch.addmm(a_n, f * seen_BH, U_n).tanh())
            return (torch.lerp(h_BH, n, f),)

        return step
