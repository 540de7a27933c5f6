"""The plain recurrent cell."""

from __future__ import annotations

from torch import nn

from tuner.nets.catalog import RNNOptions
from tuner.nets.cells.fused import FusedCell


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
