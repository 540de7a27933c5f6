"""The plain recurrent cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tuner.nets.cell import State
from tuner.nets.cell_options import RNNOptions
from tuner.nets.cells.fused import FusedCell
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.stacked import Step


class RNNCell(FusedCell):
    """Plain recurrent network.

    h = tanh(W x + b + U h' + c), or relu in place of tanh

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The nonlinearity.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,).

    Reference:
        Elman 1990. No deviation.
    """

    gate_names = ("candidate",)

    def __init__(self, input_size: int, hidden_size: int, options: RNNOptions) -> None:
        super().__init__(nn.RNN(input_size, hidden_size, nonlinearity=options.nonlinearity, batch_first=True), options)
        self.activation = torch.relu if options.nonlinearity == "relu" else torch.tanh

    def stepper(self, U: Tensor, bias: Tensor, noise: Noise) -> Step:
        """See `FusedCell.stepper`."""
        read, activation = noise.read, self.activation

        def step(a_BG: Tensor, state: State) -> State:
            return (activation(a_BG + torch.addmm(bias, read(state[0]), U)),)

        return step
