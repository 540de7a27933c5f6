"""The encoder of data that are already features: series, and spectra of recordings."""

from __future__ import annotations

from torch import Tensor, nn


class Features(nn.Module):
    """Passes float (B, T, I) through unchanged.

    Args:
        output_size: Features I per step, >= 1.
    """

    def __init__(self, output_size: int) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x_BTI: Tensor) -> Tensor:
        """The input itself."""
        return x_BTI
