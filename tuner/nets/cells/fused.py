"""Cells around PyTorch's fused recurrent kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from tuner.config.options import Options
from tuner.nets.cell import Cell, State


class FusedCell(Cell):
    """A cell whose whole sequence is one call of a one-layer `torch.nn` kernel.

    Subclasses name their gates in the kernel's order.

    Args:
        kernel: `nn.RNN`, `nn.LSTM` or `nn.GRU`: one layer, one direction, batch first.
        options: The cell's options.
    """

    gate_names: ClassVar[tuple[str, ...]]

    def __init__(self, kernel: nn.RNNBase, options: Options) -> None:
        super().__init__(kernel.input_size, kernel.hidden_size, options)
        self.kernel = kernel

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`. The kernel's only state is h."""
        y_BTH, h_1BH = self.kernel(x_BTI, None if state is None else state[0].unsqueeze(0))
        return y_BTH, (h_1BH.squeeze(0),)

    def gates(self) -> Mapping[str, slice]:
        """See `Cell.gates`."""
        size = self.hidden_size
        return {name: slice(i * size, (i + 1) * size) for i, name in enumerate(self.gate_names)}

    def input_weights(self) -> Tensor:
        """See `Cell.input_weights`."""
        return self.kernel.get_parameter("weight_ih_l0")

    def recurrent_weights(self) -> Tensor:
        """See `Cell.recurrent_weights`."""
        return self.kernel.get_parameter("weight_hh_l0")

    def biases(self) -> tuple[Tensor, ...]:
        """See `Cell.biases`."""
        return self.kernel.get_parameter("bias_ih_l0"), self.kernel.get_parameter("bias_hh_l0")
