"""From batch to prediction: encoder, recurrent stack, pooling, head.

Letters of shapes: B batch, T steps, F features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor, nn

from tuner.config.options import Options
from tuner.errors import TrialError
from tuner.nets.catalog import CELLS, POOLINGS, REGULARIZERS, NetOptions
from tuner.nets.cell import Cell, State
from tuner.nets.cell_options import LagOptions
from tuner.nets.initializers import initialize
from tuner.nets.poolings import Pooling
from tuner.nets.regularizers import EmbeddingDropout, Penalty, Regularizer
from tuner.nets.stack import RecurrentStack


class Problem(Protocol):
    """The facts about a task that a network needs."""

    @property
    def lag(self) -> int | None:
        """Longest expected dependency in steps; None if unknown."""
        ...

    @property
    def every_step(self) -> bool:
        """Whether each step has a prediction of its own, so that nothing is pooled."""
        ...

    def encoder(self) -> nn.Module:
        """A fresh module from a batch's x to float (B, T, I); its attribute `output_size` is I."""
        ...

    def head(self, input_size: int) -> nn.Module:
        """A fresh module from (B, input_size), with `every_step` from (B, T, input_size), to predictions."""
        ...


class Network(nn.Module):
    """Encoder, recurrent stack, pooling and head in a row.

    Args:
        encoder: Module from a batch's x to (B, T, I).
        stack: Recurrent layers.
        pooling: Reduces the steps to one vector, or keeps one each.
        head: Module from the output of `pooling` to predictions.
    """

    def __init__(self, encoder: nn.Module, stack: RecurrentStack, pooling: Pooling, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.stack, self.head = encoder, stack, head
        self.pooling = pooling

    def forward(self, x: Tensor, lengths_B: Tensor | None = None) -> Tensor:
        """Predictions of a padded batch.

        Args:
            x: The encoder's input; padding is on the right.
            lengths_B: Valid steps, int64, >= 1; None: all are valid.
        """
        return self.read(x, lengths_B)[0]

    def read(
        self, x: Tensor, lengths_B: Tensor | None = None, states: Sequence[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """Predictions from given initial states, and the states after the last step.

        Args:
            x: As in `forward`.
            lengths_B: As in `forward`.
            states: One per layer, as returned by this method; None: initial states. Reading forwards only.

        Returns:
            Predictions, and the states as from `RecurrentStack.forward`.
        """
        y_BTF, end_BF, after = self.stack(self.encoder(x), lengths_B, states)
        prediction: Tensor = self.head(self.pooling(y_BTF, lengths_B, end_BF))
        return prediction, after


def build_network(net: NetOptions, cell: Options, regularizers: Mapping[str, float], problem: Problem) -> Network:
    """A fresh network with initialized recurrent layers; encoder and head keep their own initial values.

    All random numbers come from torch's global generator, so that one seed gives one network.

    Args:
        net: Shape of the network; it fits the task, as `training.settings` has checked.
        cell: Options of the cell that `net` names.
        regularizers: Name -> value of its only parameter; 0 or absence switches it off.
        problem: The task.

    Raises:
        TrialError: The parts do not fit together.
    """
    encoder = problem.encoder()
    input_size = getattr(encoder, "output_size", None)
    if not isinstance(input_size, int):
        raise TrialError(f"{type(encoder).__name__}.output_size must be an int, but got {input_size!r}")
    cell_class = CELLS[net.cell].load()
    if isinstance(cell, LagOptions) and cell.max_lag is None and problem.lag is not None:
        cell = cell.model_copy(update={"max_lag": max(problem.lag, 2)})

    acting = [_regularizer(name, value) for name, value in regularizers.items() if value > 0]
    for each in acting:
        if isinstance(each, EmbeddingDropout):
            each.attach(encoder)

    def make_cell(size: int) -> Cell:
        made: Cell = cell_class(size, net.hidden_size, cell)
        initialize(made, net.initializer)
        return made

    stack = RecurrentStack(
        make_cell,
        input_size,
        net.layers,
        net.bidirectional,
        [each for each in acting if isinstance(each, Regularizer)],
        residual=net.residual,
        projection_size=net.projection_size,
        penalties=[each for each in acting if isinstance(each, Penalty)],
    )
    name = "every" if problem.every_step else net.pooling
    pooling: Pooling = POOLINGS[name].load()(stack.output_size)
    return Network(encoder, stack, pooling, problem.head(pooling.output_size))


def _regularizer(name: str, value: float) -> nn.Module:
    entry = REGULARIZERS[name]
    made: nn.Module = entry.load()(entry.options.model_validate({name: value}))
    return made
