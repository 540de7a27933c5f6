"""Makers shared by the tests of `tuner.nets`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tuner.nets.catalog import CELLS


def make_cell(name: str, input_size: int = 5, hidden_size: int = 7, **options: object) -> Any:
    """A cell from the catalog; of any class, as tests read what theirs has."""
    entry = CELLS[name]
    return entry.load()(input_size, hidden_size, entry.options.model_validate(options))


class Task:
    """Sequences of `inputs` channels to three numbers."""

    def __init__(self, inputs: int = 5, lag: int | None = None, every_step: bool = False) -> None:
        self.inputs, self.lag, self.every_step = inputs, lag, every_step

    def encoder(self) -> Any:
        """The input as it is."""
        encoder: Any = nn.Identity()
        encoder.output_size = self.inputs
        return encoder

    def head(self, input_size: int) -> nn.Module:
        """A linear layer."""
        return nn.Linear(input_size, 3)


def padded_batch(lengths: list[int], inputs: int = 5, extra: int = 0) -> tuple[Tensor, Tensor]:
    """Random float64 sequences, padded with zeros to the longest and `extra` steps more."""
    lengths_B = torch.tensor(lengths)
    x_BTI = torch.randn(len(lengths), max(lengths) + extra, inputs, dtype=torch.float64)
    for row, length in enumerate(lengths):
        x_BTI[row, length:] = 0
    return x_BTI, lengths_B
