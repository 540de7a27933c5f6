"""The contract of a recurrent cell.

Letters of shapes: B batch, T steps, I inputs, F columns, H units, G gates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from tuner.config.options import Options
from tuner.nets.gate_biases import start_biases

State = tuple[Tensor, ...]
"""A cell's state between steps: floating point, batch first; mostly (h,) or (h, c), each (B, H)."""


class Cell(nn.Module, ABC):
    """One recurrent layer in one direction.

    The stack builds `layers x directions` cells in the worker, calling `Class(input_size, hidden_size,
    options)` with an instance of the entry's options model, and calls each once per batch. Initializers and diagnostics
    use the accessors below, so that they need not know individual cells. After it is built, a cell draws random numbers
    only in `gate_biases` and, in training, for noise that its options ask for.

    Weight decay acts on matrices only: parameters that must not decay (a bias, a norm's gain, a peephole, an
    eigenvalue) are vectors.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
        options: The cell's options; may be omitted if unused here.
    """

    def __init__(self, input_size: int, hidden_size: int, options: Options | None = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.options = Options() if options is None else options

    @abstractmethod
    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read a batch of sequences from left to right.

        Args:
            x_BTI: Inputs; padding, if any, is on the right and must not change earlier outputs.
            state: The state to start from, as returned by this method; None: the initial state.

        Returns:
            The outputs of all steps, (B, T, H), and the state after the last step.
        """

    @abstractmethod
    def gates(self) -> Mapping[str, slice]:
        """Gate name -> its H rows in the stacked matrices and biases, in their order."""

    @abstractmethod
    def input_weights(self) -> Tensor:
        """The parameter that multiplies the input, gates stacked: (G * H, F), F = I if a step reads one input."""

    @abstractmethod
    def recurrent_weights(self) -> Tensor | None:
        """The parameter that multiplies the state, gates stacked: (G * H, H); None if each unit reads only itself."""

    def recurrent_blocks(self) -> Sequence[Tensor]:
        """Views of the square recurrent matrices that an initializer fills separately: one per gate."""
        weights = self.recurrent_weights()
        return [] if weights is None else [weights[rows] for rows in self.gates().values()]

    @abstractmethod
    def biases(self) -> tuple[Tensor, ...]:
        """The bias parameters, gates stacked, (G * H,) each; a gate adds their sum."""

    def memory_gates(self) -> Mapping[str, int]:
        """Gate name -> 1 if the open gate keeps the state, -1 if it admits new values; other gates are left out."""
        return {}

    def gate_values(self, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002 - contract
        """The gates' values in a noise-free pass from the initial state, computed cheaply and without gradient.

        Args:
            x_BTI: The pass's inputs.
            y_BTH: The pass's outputs.

        Returns:
            Gate name -> its values, (B, T, H), 0 to 1; {} for a cell without gates, or if it cannot compute them.
        """
        return {}

    def gate_biases(self) -> Mapping[str, Tensor | float]:
        """Gate name -> initial bias values asked for by the options, drawn at every call; other gates start at 0."""
        return start_biases(self.options, self.memory_gates(), self.hidden_size)
