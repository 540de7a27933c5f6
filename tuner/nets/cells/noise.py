"""Noise within a cell in training: on its recurrent matrix, the state it reads, its new values, and the kept state.

Letters of shapes: B batch, H units, G gates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tuner.config.options import Options
from tuner.nets.cell import State
from tuner.nets.cell_options import CandidateNoiseOptions, CellZoneoutOptions, RecurrentNoiseOptions, ZoneoutOptions
from tuner.nets.regularizers import dropout_mask


def unchanged(x: Tensor) -> Tensor:
    """The argument, unchanged."""
    return x


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one pass over a batch of sequences, drawn from torch's global generator.

    Args:
        weights: Maps the recurrent matrix, (G * H, H), to the one used in this pass.
        read: Maps a state h', (B, H), to what the recurrent products see of it; the same units at every step.
        candidate: Maps new values, (B, H), to those that are written; drawn at every step.
        zoneout: Part of the state -> probability that a unit keeps its old value in a step.
        training: Whether zoneout is drawn; else its expectation is used.
    """

    weights: Callable[[Tensor], Tensor] = unchanged
    read: Callable[[Tensor], Tensor] = unchanged
    candidate: Callable[[Tensor], Tensor] = unchanged
    zoneout: dict[int, float] = field(default_factory=dict)
    training: bool = False

    @property
    def stepwise(self) -> bool:
        """Whether noise acts between steps, so that no kernel can read a whole sequence."""
        return self.read is not unchanged or self.candidate is not unchanged or bool(self.zoneout)

    def keep(self, old: State, new: State) -> State:
        """The state after a step in which some units keep their old values.

        Training: d * old + (1 - d) * new, d ~ Bernoulli(zoneout); else the same with d at its mean.

        Reference:
            Krueger et al. 2017, arXiv:1606.01305, eq. 2-4. No deviation.
        """
        if not self.zoneout:
            return new
        parts = list(new)
        for part, rate in self.zoneout.items():
            parts[part] = torch.lerp(new[part], old[part], self.kept(rate, new[part]))
        return tuple(parts)

    def kept(self, rate: float, like: Tensor) -> Tensor:
        """The d of `keep`: zeros and ones, or `rate` itself."""
        return (torch.rand_like(like) < rate).to(like.dtype) if self.training else torch.full_like(like, rate)


def noise_of(options: Options, *, training: bool) -> Noise:
    """The noise of a cell's options; in evaluation only zoneout's expectation."""
    zoneout = {}
    if isinstance(options, ZoneoutOptions) and options.zoneout_state:
        zoneout[0] = options.zoneout_state
    if isinstance(options, CellZoneoutOptions) and options.zoneout_cell:
        zoneout[1] = options.zoneout_cell
    if not training or not isinstance(options, RecurrentNoiseOptions):
        return Noise(zoneout=zoneout, training=training)
    candidate = options.dropout_recurrent if isinstance(options, CandidateNoiseOptions) else 0.0
    return Noise(
        weights=_dropped(options.weight_drop) if options.weight_drop else unchanged,
        read=_Tied(options.dropout_state) if options.dropout_state else unchanged,
        candidate=_dropped(candidate) if candidate else unchanged,
        zoneout=zoneout,
        training=training,
    )


def _dropped(rate: float) -> Callable[[Tensor], Tensor]:
    """Inverted dropout."""
    return lambda x: x * dropout_mask(rate, x)


class _Tied:
    """Inverted dropout whose mask is drawn at the first call."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._mask: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        if self._mask is None:
            self._mask = dropout_mask(self._rate, x)
        return x * self._mask
