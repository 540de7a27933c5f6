"""The network's input: the steps of a recording, augmented in training.

Letters of shapes: B recordings, S steps, W frames of a step, F bands or cepstra of a frame, with their deltas D parts
of each, M bands that cepstra are made of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tuner.adapters.speech.audio import cepstral
from tuner.adapters.speech.options import MaskedOptions

MASKS = 2
"""Number of masks over bands, and of masks over steps."""


class VariedSteps(nn.Module):
    """Steps (B, S, W * D * F), unchanged except in training, which warps frequencies, adds noise and masks some values.

    Frequencies are warped by reading band b at b (1 + r), r drawn uniformly for each recording; cepstra become bands
    for that, and cepstra again. The width of every mask is drawn uniformly from 0 to its largest share of the bands, or
    of the batch's steps; masked values are 0, the mean.

    Args:
        inputs: W * D * F.
        bands: F.
        options: The adapter's.
        spread: Standard deviation of cepstra and their deltas before normalization (D * F,); None for bands.

    Reference:
        Warps: Jaitly & Hinton 2013, ICML workshop on deep learning for audio, speech and language processing.
        Deviation: mel bands are stretched, not frequencies. Masks: Park et al. 2019, arXiv:1904.08779,
        section 2, two of either kind. Deviations: no warping of time; shares instead of numbers, as in Park et al.
        2020, arXiv:1912.05533; steps, not frames, are masked.
    """

    def __init__(self, inputs: int, bands: int, options: MaskedOptions, spread: Sequence[float] | None = None) -> None:
        super().__init__()
        self.output_size = inputs
        self._bands = bands
        self._warp, self._noise = options.frequency_warp, options.noise
        self._of_bands, self._of_steps = options.frequency_mask, options.time_mask
        self._spread_I: Tensor | None
        self._basis_MF: Tensor
        self.register_buffer("_spread_I", None, persistent=False)
        if spread is not None:
            self._spread_I = torch.tensor([*spread] * (inputs // len(spread)))
            basis = cepstral(np.eye(options.num_mels, dtype=np.float32), bands)
            self.register_buffer("_basis_MF", torch.from_numpy(basis), persistent=False)

    def forward(self, x_BSI: Tensor) -> Tensor:
        """See the class."""
        if not self.training:
            return x_BSI
        items, steps, inputs = x_BSI.shape
        if self._warp:
            x_BSI = self._warped(x_BSI)
        if self._noise:
            x_BSI = x_BSI + self._noise * torch.randn_like(x_BSI)
        if self._of_bands:
            kept_BF = _unmasked(items, self._bands, self._of_bands, x_BSI.device)
            x_BSI = x_BSI * kept_BF.repeat(1, inputs // self._bands)[:, None]
        if self._of_steps:
            x_BSI = x_BSI * _unmasked(items, steps, self._of_steps, x_BSI.device)[:, :, None]
        return x_BSI

    def _warped(self, x_BSI: Tensor) -> Tensor:
        if self._spread_I is None:
            return warped(x_BSI, self._bands, self._warp)
        x_BSPF = (x_BSI * self._spread_I).unflatten(2, (-1, self._bands))
        x_BSPM = x_BSPF @ self._basis_MF.T
        x_BSPM = warped(x_BSPM.flatten(2), len(self._basis_MF), self._warp).view_as(x_BSPM)
        return (x_BSPM @ self._basis_MF).flatten(2) / self._spread_I


def warped(x_BSI: Tensor, bands: int, most: float) -> Tensor:
    """Each band of a recording read at its number times 1 - `most` to 1 + `most`, interpolated between bands."""
    rate_B = 1 + most * (2 * torch.rand(len(x_BSI), 1, device=x_BSI.device) - 1)
    place_BF = (rate_B * torch.arange(bands, device=x_BSI.device)).clamp_max(bands - 1)
    low_BF = place_BF.long().clamp_max(bands - 2)
    share_B1F = (place_BF - low_BF)[:, None]
    x_BPF = x_BSI.unflatten(2, (-1, bands)).flatten(1, 2)
    low, high = (x_BPF.gather(2, at[:, None].expand_as(x_BPF)) for at in (low_BF, low_BF + 1))
    return torch.lerp(low, high, share_B1F.expand_as(low)).view_as(x_BSI)


def _unmasked(items: int, places: int, share: float, device: torch.device) -> Tensor:
    """0 at masked places, 1 elsewhere, (items, places)."""
    most = int(share * places)
    kept = torch.ones(items, places, dtype=torch.bool, device=device)
    place_P = torch.arange(places, device=device)
    for _ in range(MASKS):
        width_B1 = torch.randint(most + 1, (items, 1), device=device)
        start_B1 = (torch.rand(items, 1, device=device) * (places - width_B1 + 1)).long()
        kept &= (place_P < start_B1) | (place_P >= start_B1 + width_B1)
    return kept
