"""Layers and directions of cells.

Letters of shapes: B batch, T steps, I inputs, H units, F features: H, 2 H with both
directions, or P with a projection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from tuner.nets.cell import Cell, State
from tuner.nets.regularizers import PLACES, Penalty, Regularizer


class RecurrentStack(nn.Module):
    """Recurrent layers on top of each other, each reading forwards, or forwards and backwards.

    Every layer and direction is a separate cell. Batches are not packed: padding is on the right, so that a cell
    reading forwards reaches it after all valid steps; one reading backwards gets every sequence reversed within its
    length. Valid steps thus equal those of `nn.LSTM` on a packed batch.

    Args:
        make_cell: Function from the number of inputs to a fresh cell; called layer by layer, forwards before backwards.
        input_size: Features per step of the input, I >= 1.
        layers: Number of layers, >= 1.
        bidirectional: Whether every layer also reads backwards.
        regularizers: Act in training, each at its place.
        residual: Whether the input of every layer after the first is added to its output: y = x + f(dropout(x)).
        projection_size: Features P to which every layer's output is projected; 0: no projection.
        penalties: Terms of the loss; after a training pass, `penalty` is their sum.
    """

    penalty: Tensor | None = None

    def __init__(
        self,
        make_cell: Callable[[int], Cell],
        input_size: int,
        layers: int = 1,
        bidirectional: bool = False,
        regularizers: Sequence[Regularizer] = (),
        *,
        residual: bool = False,
        projection_size: int = 0,
        penalties: Sequence[Penalty] = (),
    ) -> None:
        super().__init__()
        self.residual, self.projections = residual, nn.ModuleList()
        self.forward_cells, self.backward_cells = nn.ModuleList(), nn.ModuleList()
        self.bidirectional = bidirectional
        self.penalties = nn.ModuleList(penalties)
        size = input_size
        for _ in range(layers):
            cell = make_cell(size)
            self.forward_cells.append(cell)
            if bidirectional:
                self.backward_cells.append(make_cell(size))
            size = cell.hidden_size * (1 + bidirectional)
            if projection_size:
                self.projections.append(nn.Linear(size, projection_size, bias=False))
                size = projection_size
        self.output_size = size
        self.regularizers = nn.ModuleDict(
            {place: nn.Sequential(*(r for r in regularizers if r.place == place)) for place in PLACES}
        )

    def forward(
        self, x_BTI: Tensor, lengths_B: Tensor | None = None, states: Sequence[State] | None = None
    ) -> tuple[Tensor, Tensor, list[State]]:
        """Read a batch of sequences.

        Args:
            x_BTI: Inputs, padded on the right.
            lengths_B: Valid steps, int64, >= 1; None: all T are valid.
            states: Initial states, one per layer; None: zeros. Reading forwards only.

        Returns:
            The last layer's output, (B, T, F), undefined beyond a sequence's length; its output at the end, (B, F): at
            the last valid step, or with both directions the output of each direction after it has read the whole
            sequence; and the state of each layer after step T, for the next call, undefined for sequences shorter than
            T. The list is empty with both directions, as no state can be carried over.
        """
        regularizers = self.regularizers
        carried: list[State] = []
        steps = x_BTI.shape[1]
        reverse = _reversal(x_BTI, lengths_B) if self.bidirectional else None
        y_BTF = regularizers["input"](x_BTI)
        for layer, cell in enumerate(self.forward_cells):
            skipped_BTF = y_BTF
            if layer:
                y_BTF = regularizers["between"](y_BTF[:, :steps])
            ahead_BTH, state = cell(y_BTF, None if states is None else states[layer])
            carried.append(state)
            if reverse is not None:
                back_BTH, _ = self.backward_cells[layer](reverse(y_BTF))
                ahead_BTH = _both(ahead_BTH, reverse(back_BTH), lengths_B)
            if self.projections:
                ahead_BTH = self.projections[layer](ahead_BTH)
            raw_BTF, y_BTF = ahead_BTH, regularizers["layer"](ahead_BTH)
            if layer and self.residual:
                y_BTF = skipped_BTF + y_BTF
        y_BTF = regularizers["output"](y_BTF)
        end_BF = _at_end(y_BTF, lengths_B)
        if self.bidirectional:
            raw_BTF, y_BTF, end_BF = raw_BTF[:, :steps], y_BTF[:, :steps].contiguous(), y_BTF[:, steps]
        if self.penalties and self.training:
            valid_BT1 = None if lengths_B is None else valid_steps(y_BTF, lengths_B)
            terms = [penalty(raw_BTF, y_BTF, valid_BT1) for penalty in self.penalties]
            self.penalty = torch.stack(terms).sum()
        return y_BTF, end_BF, [] if self.bidirectional else carried


def valid_steps(y_BTF: Tensor, lengths_B: Tensor) -> Tensor:
    """Whether a step is within its sequence's length, (B, T, 1)."""
    return (torch.arange(y_BTF.shape[1], device=y_BTF.device) < lengths_B[:, None])[:, :, None]


def _at_end(y_BTF: Tensor, lengths_B: Tensor | None) -> Tensor:
    """The value at the last valid step, (B, F)."""
    if lengths_B is None:
        return y_BTF[:, -1]
    return y_BTF[torch.arange(y_BTF.shape[0], device=y_BTF.device), lengths_B - 1]


def _both(ahead_BTH: Tensor, back_BTH: Tensor, lengths_B: Tensor | None) -> Tensor:
    """Both directions side by side, (B, T + 1, 2 H).

    The last of the T + 1 steps is not one of the sequence: it holds the final output of each direction, which goes
    through projections, sums and dropout like the steps, but into no cell. It must be kept separately, as a projection
    may mix the directions.
    """
    end_BF = torch.cat((_at_end(ahead_BTH, lengths_B), back_BTH[:, 0]), dim=1)
    return torch.cat((torch.cat((ahead_BTH, back_BTH), dim=2), end_BF[:, None]), dim=1)


def _reversal(x_BTI: Tensor, lengths_B: Tensor | None) -> Callable[[Tensor], Tensor]:
    """A function that reverses every sequence within its length; its own inverse."""
    if lengths_B is None:
        return lambda y_BTF: y_BTF.flip(1)
    step_T = torch.arange(x_BTI.shape[1], device=x_BTI.device)
    end_B1 = lengths_B[:, None]
    source_BT = torch.where(step_T < end_B1, end_B1 - 1 - step_T, step_T)
    row_B1 = torch.arange(x_BTI.shape[0], device=x_BTI.device)[:, None]
    return lambda y_BTF: y_BTF[row_B1, source_BT]
