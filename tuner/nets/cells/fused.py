"""Cells around PyTorch's fused recurrent kernels, with single steps for noise between steps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from tuner.config.options import Options
from tuner.nets.cell import Cell, State
from tuner.nets.cells.noise import Noise, noise_of, unchanged
from tuner.nets.cells.opened import sigmoid_gates
from tuner.nets.cells.stacked import Step, run


class FusedCell(Cell):
    """A cell that reads a whole sequence by one call of a one-layer `torch.nn` kernel, unless noise acts between steps.

    Subclasses name their gates in the kernel's order, and the number of tensors of the state.

    Args:
        kernel: `nn.RNN`, `nn.LSTM` or `nn.GRU`: one layer, one direction, batch first.
        options: The cell's options.
    """

    gate_names: ClassVar[tuple[str, ...]]
    num_states: ClassVar[int] = 1

    def __init__(self, kernel: nn.RNNBase, options: Options) -> None:
        super().__init__(kernel.input_size, kernel.hidden_size, options)
        self.kernel = kernel

    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """See `Cell.forward`."""
        noise = noise_of(self.options, training=self.training)
        if noise.stepwise:
            bias_x, bias_h = self.biases()
            a_TBG = functional.linear(x_BTI.transpose(0, 1), self.input_weights(), bias_x)
            start = state or (x_BTI.new_zeros(x_BTI.shape[0], self.hidden_size),) * self.num_states
            return run(self.stepper(noise.weights(self.recurrent_weights()).t(), bias_h, noise), a_TBG, start, noise)
        parts_1BH = [] if state is None else [part.unsqueeze(0) for part in state]
        start_1BH = tuple(parts_1BH) if len(parts_1BH) > 1 else next(iter(parts_1BH), None)
        if noise.weights is unchanged:
            y_BTH, end_1BH = self.kernel(x_BTI, start_1BH)
        else:
            weights = {"weight_hh_l0": noise.weights(self.recurrent_weights())}
            y_BTH, end_1BH = functional_call(self.kernel, weights, (x_BTI, start_1BH))
        end = end_1BH if isinstance(end_1BH, tuple) else (end_1BH,)
        return y_BTH, tuple(part.squeeze(0) for part in end)

    @abstractmethod
    def stepper(self, U: Tensor, bias: Tensor, noise: Noise) -> Step:
        """The kernel's step as a function; see `LoopCell.stepper`.

        Args:
            U: The recurrent matrix for the product h @ U, (H, G * H).
            bias: The kernel's second bias, (G * H,), which comes with that product.
            noise: Acts on h' and on the candidate.
        """

    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
        """See `Cell.gate_values`."""
        return sigmoid_gates(self, x_BTI, y_BTH)

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
