"""The minimal LSTM cell."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from tuner.nets.cell import State
from tuner.nets.cell_options import MinLSTMOptions
from tuner.nets.cells.mingru import positive
from tuner.nets.cells.noise import noise_of
from tuner.nets.cells.recurrence import moving_average
from tuner.nets.cells.stacked import StackedCell


class MinLSTMCell(StackedCell):
    """LSTM whose gates and candidate see the input only, the gates adding up to 1.

    f = sigmoid(W_f x + b_f)
    i = sigmoid(W_i x + b_i)
    n = v(W_n x + b_n),  v(a) = a + 0.5 where a >= 0, else sigmoid(a)
    h = f / (f + i) * h' + i / (f + i) * n

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The forget gate's start bias.

    Shape:
        x_BTI (B, T, I) -> (B, T, H); the state is (h,). Gates are stored in the order f, i, n.

    Reference:
        Feng et al. 2024, arXiv:2410.01201, section 3.2 and appendix B.2 for v. Deviation: step by step, not as a scan
        in log space; the state starts at 0, not at 0.5.
    """

    def __init__(self, input_size: int, hidden_size: int, options: MinLSTMOptions) -> None:
        super().__init__(input_size, hidden_size, options, gates=("forget", "input", "candidate"), columns=input_size)

    def memory_gates(self) -> Mapping[str, int]:
        """See `Cell.memory_gates`."""
        return {"forget": 1, "input": -1}

    @torch.no_grad()
    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002 - contract
        """See `Cell.gate_values`; as they act: f / (f + i) and i / (f + i)."""
        f_TBH, i_TBH, _ = self.projected(x_BTI).chunk(3, 2)
        odds_BTH = (functional.logsigmoid(f_TBH) - functional.logsigmoid(i_TBH)).transpose(0, 1)
        return {"forget": odds_BTH.sigmoid(), "input": (-odds_BTH).sigmoid()}

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        noise = noise_of(self.options, training=self.training)
        f_TBH, i_TBH, n_TBH = self.projected(x_BTI).chunk(3, 2)
        # f / (f + i) as the sigmoid of log f - log i, which has no 0 / 0 where both gates are shut.
        keep_TBH = (functional.logsigmoid(f_TBH) - functional.logsigmoid(i_TBH)).sigmoid()
        (h_BH,) = state or (self.zeros(x_BTI),)
        h_TBH = moving_average(keep_TBH, positive(n_TBH), h_BH, noise)
        return h_TBH.transpose(0, 1), (h_TBH[-1],)
