"""The independently recurrent cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tuner.nets.cell import State
from tuner.nets.cell_options import IndRNNOptions
from tuner.nets.cells.noise import Noise
from tuner.nets.cells.stacked import LoopCell, Step


class IndRNNCell(LoopCell):
    """Plain recurrent network whose units see only their own state.

    h = relu(W x + clamp(u, -m, m) * h' + b), or tanh in place of relu;  m = growth^(1 / T_max)

    Initializers do not change u; it starts from U(0, m). If T_max is unknown, m is 1, its limit for long lags.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The nonlinearity, growth and T_max.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,).

    Reference:
        Li et al. 2018, arXiv:1803.04831, section 3. Deviation: u is clamped where it is used, not
        rewritten after each update, so that a u that has left the interval acts as its edge and gets no gradient.
    """

    def __init__(self, input_size: int, hidden_size: int, options: IndRNNOptions) -> None:
        super().__init__(
            input_size,
            hidden_size,
            options,
            gates=("candidate",),
            columns=input_size,
        )
        self.most = 1.0 if options.max_lag is None else options.growth ** (1 / options.max_lag)
        self.relu = options.nonlinearity == "relu"
        self.weight_state = nn.Parameter(torch.empty(hidden_size).uniform_(0, self.most))

    def stepper(self, noise: Noise) -> Step:  # noqa: ARG002 - it has no recurrent matrix to act on
        """See `LoopCell.stepper`."""
        u_H = self.weight_state.clamp(-self.most, self.most)
        activation = torch.relu if self.relu else torch.tanh

        def step(a_BG: Tensor, state: State) -> State:
            return (activation(torch.addcmul(a_BG, u_H, state[0])),)

        return step
