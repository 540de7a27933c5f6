"""Initializers of a cell's matrices, gate by gate, and of its biases.

The matrices of a gated cell are stacked, (G * H, F). An initializer of the whole matrix would use fan_out = G * H, and
would leave no gate's block orthogonal; here every block (H, F) is filled separately, with fan_in = F columns and
fan_out = H rows. Parameters that are no input or recurrent block (gains of norms, peepholes, the eigenvalues of an LRU,
the recurrent vector of an IndRNN) keep the cell's own initial values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import init

from tuner.nets.catalog import INITIALIZERS
from tuner.nets.cell import Cell


class Initializer(Protocol):
    """Fills the weights and biases of one cell in place, from torch's global generator.

    Called once per cell when the network is built, without gradient tracking; `initialize` then sets the biases that
    the cell's options ask for.
    """

    def __call__(self, cell: Cell, /) -> None:
        """Fill `cell`."""
        ...


def initialize(cell: Cell, name: str) -> None:
    """Fill a cell by the initializer called `name`, then set its gates' initial biases.

    An initial bias acts with every initializer, including `torch_default`: the first bias vector holds it and the
    others are 0, so that their sum is exactly the value.
    """
    with torch.no_grad():
        fill: Initializer = INITIALIZERS[name].load()
        fill(cell)
        gates = cell.gates()
        for gate, value in cell.gate_biases().items():
            first, *others = cell.biases()
            first[gates[gate]] = value
            for bias in others:
                bias[gates[gate]] = 0


def xavier_uniform(cell: Cell) -> None:
    """U(-a, a), a = sqrt(6 / (fan_in + fan_out)); biases 0. Glorot & Bengio 2010, eq. 16."""
    _fill(cell, init.xavier_uniform_)


def xavier_normal(cell: Cell) -> None:
    """N(0, 2 / (fan_in + fan_out)); biases 0. Glorot & Bengio 2010, eq. 12."""
    _fill(cell, init.xavier_normal_)


def he_uniform(cell: Cell) -> None:
    """U(-a, a), a = sqrt(6 / fan_in); biases 0. He et al. 2015, eq. 10, as a uniform distribution."""
    _fill(cell, partial(init.kaiming_uniform_, nonlinearity="relu"))


def he_normal(cell: Cell) -> None:
    """N(0, 2 / fan_in); biases 0. He et al. 2015, eq. 10."""
    _fill(cell, partial(init.kaiming_normal_, nonlinearity="relu"))


def lecun_uniform(cell: Cell) -> None:
    """U(-a, a), a = sqrt(3 / fan_in); biases 0. LeCun et al. 1998, section 4.6, as a uniform distribution."""
    _fill(cell, partial(init.kaiming_uniform_, nonlinearity="linear"))


def lecun_normal(cell: Cell) -> None:
    """N(0, 1 / fan_in); biases 0. LeCun et al. 1998, section 4.6."""
    _fill(cell, partial(init.kaiming_normal_, nonlinearity="linear"))


def orthogonal(cell: Cell) -> None:
    """Recurrent blocks: Q of a Gaussian's QR, signs fixed; input blocks: `xavier_uniform`; biases 0.

    Saxe et al. 2014. Keras has the same pair as its default; there Q is of the stacked matrix, here of each
    gate.
    """
    _fill(cell, init.xavier_uniform_, init.orthogonal_)


def identity(cell: Cell) -> None:
    """Recurrent blocks: the identity; input blocks: `xavier_uniform`; biases 0.

    Le et al. 2015, arXiv:1504.00941, section 3. Deviation: there input blocks are N(0, 0.001^2).
    """
    _fill(cell, init.xavier_uniform_, init.eye_)


def torch_default(_cell: Cell) -> None:
    """Keep the cell's own values, as in PyTorch U(-1/sqrt(H), 1/sqrt(H)) for matrices and biases; for comparison."""


def _fill(cell: Cell, block: Callable[[Tensor], Tensor], recurrent: Callable[[Tensor], Tensor] | None = None) -> None:
    """Fill input blocks by `block`, recurrent blocks by `recurrent` or else `block`, biases by 0."""
    for rows in cell.gates().values():
        block(cell.input_weights()[rows])
    for weights in cell.recurrent_blocks():
        (recurrent or block)(weights)
    for bias in cell.biases():
        bias.zero_()
