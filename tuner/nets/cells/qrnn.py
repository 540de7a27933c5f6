"""The quasi-recurrent cell."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from tuner.nets.cell import State
from tuner.nets.cell_options import QRNNOptions
from tuner.nets.cells.noise import noise_of
from tuner.nets.cells.recurrence import moving_average
from tuner.nets.cells.stacked import StackedCell


class QRNNCell(StackedCell):
    """Quasi-recurrent network: gates from a causal convolution over the input, then gated averaging.

    z = tanh(W_z [x_{t-k+1}, ..., x_t] + b_z)
    f = sigmoid(W_f [x_{t-k+1}, ..., x_t] + b_f)
    o = sigmoid(W_o [x_{t-k+1}, ..., x_t] + b_o)
    c = f * c' + (1 - f) * z
    h = o * c

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The width k of the convolution, and the forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (c, x), the second one the last k - 1 inputs, (B, k - 1, I), zeros
        at the start. Gates are stored in the order f, o, z; columns by step, the oldest first: (3 H, k I).

    Reference:
        Bradbury et al. 2017, arXiv:1611.01576, section 2, fo-pooling. Deviation: biases.
    """

    def __init__(self, input_size: int, hidden_size: int, options: QRNNOptions) -> None:
        gates = ("forget", "output", "candidate")
        super().__init__(input_size, hidden_size, options, gates=gates, columns=options.filter_width * input_size)
        self.width = options.filter_width

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1}

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002 - contract
        """See `Cell.gate_values`."""
        whole_BTI = functional.pad(x_BTI, (0, 0, self.width - 1, 0))
        f_TBH, o_TBH, _ = self.projected(self._windows(whole_BTI, x_BTI.shape[1])).chunk(3, 2)
        return {"forget": f_TBH.sigmoid().transpose(0, 1), "output": o_TBH.sigmoid().transpose(0, 1)}

    def _windows(self, whole_BTI: Tensor, steps: int) -> Tensor:
        return torch.cat([whole_BTI[:, shift : shift + steps] for shift in range(self.width)], 2)

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        noise = noise_of(self.options, training=self.training)
        steps, past = x_BTI.shape[1], self.width - 1
        if state is None:
            c_BH, whole_BTI = self.zeros(x_BTI), functional.pad(x_BTI, (0, 0, past, 0))
        else:
            c_BH, whole_BTI = state[0], torch.cat((state[1], x_BTI), 1)
        f_TBH, o_TBH, z_TBH = self.projected(self._windows(whole_BTI, steps)).chunk(3, 2)
        c_TBH = moving_average(f_TBH.sigmoid(), z_TBH.tanh(), c_BH, noise)
        return (o_TBH.sigmoid() * c_TBH).transpose(0, 1), (c_TBH[-1], whole_BTI[:, steps:])
