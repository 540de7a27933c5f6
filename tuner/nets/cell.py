"""The contract of a recurrent cell.

Letters of shapes: B batch, T steps, I inputs, H units, G gates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a cell carries from step to step, each (B, H): (h,), or (h, c)."""


class Cell(nn.Module, ABC):
    """One recurrent layer in one direction.

    The stack builds `layers x directions` cells in the worker, calling `Class(input_size, hidden_size,
    options)` with an instance of the entry's options model, and calls each once per batch. Initializers and
    diagnostics use the accessors below, so that they need not know any cell. A cell draws no random numbers
    after it is built.

    Args:
        input_size: Features per step, I >= 1.
        hidden_size: Units of the state, H >= 1.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size

    @abstractmethod
    def forward(self, x_BTI: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read a batch of sequences from left to right.

        Args:
            x_BTI: Inputs; padding, if any, is on the right and cannot change what comes before it.
            state: The state to start from; None starts from zeros.

        Returns:
            The states h of all steps, (B, T, H), and the whole state after the last step.
        """

    @abstractmethod
    def gates(self) -> Mapping[str, slice]:
        """Gate name -> its H rows in the stacked matrices and biases, in their order."""

    @abstractmethod
    def input_weights(self) -> Tensor:
        """The parameter that multiplies the input, gates stacked: (G * H, I)."""

    @abstractmethod
    def recurrent_weights(self) -> Tensor:
        """The parameter that multiplies the state, gates stacked: (G * H, H)."""

    @abstractmethod
    def biases(self) -> tuple[Tensor, ...]:
        """The bias parameters, gates stacked, (G * H,) each; their sum is what a gate adds."""

    def gate_biases(self) -> Mapping[str, float]:
        """Gate name -> the start value that the options ask for; every other gate starts at 0."""
        return {}
