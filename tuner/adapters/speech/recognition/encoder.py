"""What the network reads of a recording: its steps, of which training hides some.

Letters of shapes: B recordings, S steps, W frames of a step, F bands of a frame, with their deltas D parts of each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tuner.adapters.speech.recognition.options import RecognitionOptions

MASKS = 2
"""Of either kind."""


class MaskedSteps(nn.Module):
    """Steps (B, S, W * D * F) unchanged, but for what is hidden in training: bands, and stretches of steps.

    Every mask is as wide as a number drawn evenly from 0 to its largest share of the bands, or of the batch's steps.
    What is hidden is 0, the mean.

    Args:
        inputs: W * D * F.
        options: The adapter's.

    Reference:
        Park et al. 2019, arXiv:1904.08779, section 2, with two masks of either kind. Deviations: no warping of time;
        shares in place of numbers, as in Park et al. 2020, arXiv:1912.05533; masks are of steps, not of frames.
    """

    def __init__(self, inputs: int, options: RecognitionOptions) -> None:
        super().__init__()
        self.output_size = inputs
        self._bands = options.num_mels
        self._of_bands, self._of_steps = options.frequency_mask, options.time_mask

    def forward(self, x_BSI: Tensor) -> Tensor:
        """See the class."""
        if not self.training:
            return x_BSI
        items, steps, inputs = x_BSI.shape
        if self._of_bands:
            kept_BF = _unmasked(items, self._bands, self._of_bands, x_BSI.device)
            x_BSI = x_BSI * kept_BF.repeat(1, inputs // self._bands)[:, None]
        if self._of_steps:
            x_BSI = x_BSI * _unmasked(items, steps, self._of_steps, x_BSI.device)[:, :, None]
        return x_BSI


def _unmasked(items: int, places: int, share: float, device: torch.device) -> Tensor:
    """1 where no mask is and 0 where one is, (items, places)."""
    most = int(share * places)
    kept = torch.ones(items, places, dtype=torch.bool, device=device)
    place_P = torch.arange(places, device=device)
    for _ in range(MASKS):
        width_B1 = torch.randint(most + 1, (items, 1), device=device)
        start_B1 = (torch.rand(items, 1, device=device) * (places - width_B1 + 1)).long()
        kept &= (place_P < start_B1) | (place_P >= start_B1 + width_B1)
    return kept
