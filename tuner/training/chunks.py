"""Truncated backpropagation through time: batches are cut into chunks of steps, and the state is carried over.

Letters of shapes: B sequences of a batch, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tuner.adapters.base import Batch
from tuner.nets.cell import State


@dataclass(frozen=True, slots=True)
class Chunk:
    """The data of one optimizer step: a batch, or some steps of it.

    Args:
        batch: The steps.
        first: Whether they begin their sequences, so that no state is carried in.
        rows: Indices of the sequences of the previous chunk that continue here, int64 (B,); None: all.
    """

    batch: Batch
    first: bool = True
    rows: Tensor | None = None

    def carried(self, states: Sequence[State]) -> list[State] | None:
        """The states to start from, one per layer; None at the start of sequences.

        Args:
            states: Those after the previous chunk.
        """
        if self.first:
            return None
        if self.rows is None:
            return list(states)
        return [tuple(part[self.rows] for part in state) for state in states]

    @property
    def num_targets(self) -> int:
        """Number of valid steps over all sequences."""
        lengths = self.batch.lengths
        return self.batch.x.shape[0] * self.batch.x.shape[1] if lengths is None else int(lengths.sum())


HALVED = 0.05
"""Share of the chunks of random length that have about half of the steps."""
SPREAD = 5
"""Standard deviation of their lengths, and the least length, unless all are to be shorter."""


def chunks(batch: Batch, steps: int, rng: np.random.Generator | None = None) -> Iterator[Chunk]:
    """Chunks of `steps` steps, from left to right, without sequences that have ended.

    Args:
        batch: Sequences with a target at each step: x (B, T, ...), y (B, T, ...).
        steps: Steps of a chunk, >= 1; the last may have fewer.
        rng: Draws the length of each chunk near `steps`; None: each has so many.

    Reference:
        Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
        trajectories", with updates as often as gradients are cut. Random lengths: Merity et al. 2018, arXiv:1708.02182,
        section 5. No deviation.
    """
    x, lengths, y = batch.x, batch.lengths, batch.y
    end = 0
    while end < batch.x.shape[1]:
        start, end = end, end + (steps if rng is None else _drawn(steps, rng))
        part = slice(start, end)
        if lengths is None:
            yield Chunk(Batch(x=x[:, part], lengths=None, y=y[:, part]), first=start == 0)
            continue
        rows = None
        if start and not bool((lengths > start).all()):
            rows = torch.nonzero(lengths > start).flatten()
            x, lengths, y = x[rows], lengths[rows], y[rows]
            if not len(rows):
                return
        left = (lengths - start).clamp(max=x[:, part].shape[1])
        yield Chunk(Batch(x=x[:, part], lengths=left, y=y[:, part]), first=start == 0, rows=rows)


def _drawn(steps: int, rng: np.random.Generator) -> int:
    mean = steps / 2 if rng.random() < HALVED else steps
    return max(min(SPREAD, steps), round(rng.normal(mean, SPREAD)))
