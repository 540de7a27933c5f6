"""Values of gates, from the inputs and outputs of a pass.

Letters of shapes: B batch, T steps, I inputs, H units, G gates.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from tuner.nets.cell import Cell


def before(y_BTH: Tensor) -> Tensor:
    """The outputs of the previous steps, (B, T, H); zeros at the first step."""
    return functional.pad(y_BTH[:, :-1], (0, 0, 1, 0))


def sums(cell: Cell, x_BTI: Tensor, y_BTH: Tensor) -> Tensor:
    """W x + b + U h' of all gates and steps, by two products, (B, T, G * H)."""
    weights = cell.recurrent_weights()
    assert weights is not None
    return (
        functional.linear(x_BTI, cell.input_weights(), torch.stack(cell.biases()).sum(0)) + before(y_BTH) @ weights.t()
    )


def split(cell: Cell, a_BTG: Tensor) -> dict[str, Tensor]:
    """Gate name -> its part."""
    return {name: a_BTG[..., rows] for name, rows in cell.gates().items()}


@torch.no_grad()
def sigmoid_gates(cell: Cell, x_BTI: Tensor, y_BTH: Tensor) -> Mapping[str, Tensor]:
    """The gates of a cell whose gates, except the candidate, are all sigmoid(W x + b + U h'), and whose output is h."""
    rows = [row for name, row in cell.gates().items() if name != "candidate"]
    if not rows:
        return {}
    parts = split(cell, sums(cell, x_BTI, y_BTH))
    return {name: part.sigmoid() for name, part in parts.items() if name != "candidate"}
