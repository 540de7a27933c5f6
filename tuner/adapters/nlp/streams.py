"""A running text as batches: parallel streams for training, stretches with a warm-up for scoring.

A text is one row of token numbers (N + 1,) that begins with token 0, so that all of its N tokens are predicted.
Letters of shapes: B streams or stretches, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from tuner.adapters.base import Batch
from tuner.adapters.ragged import slices
from tuner.errors import TrialError

UNSCORED = -100
"""Target of a step that is not scored; torch's losses ignore it."""


class ParallelStreams:
    """The training text as one batch of `batch_size` parallel streams, each of them a continuous part of the text.

    Stream b holds the tokens b T to (b + 1) T, T = N // B; the rest at the end is dropped. With a generator, the text
    is first rotated by a random offset, so that each pass drops other tokens and begins streams elsewhere.

    Args:
        text: Token numbers, (N + 1,).
    """

    def __init__(self, text: NDArray[np.integer]) -> None:
        self.text = text

    def __len__(self) -> int:
        return len(self.text) - 1

    def num_batches(self, batch_size: int) -> int:  # noqa: ARG002 - contract
        """One."""
        return 1

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One batch: x and y are int64 (B, T), y the token after x.

        Raises:
            TrialError: There are more streams than tokens.
        """
        steps = len(self) // batch_size
        if steps == 0:
            raise TrialError(f"batch_size must be at most {len(self)}, the tokens to train on, but got {batch_size}")
        start = 0 if rng is None else int(rng.integers(len(self)))

        def streams(ring: NDArray[np.integer]) -> torch.Tensor:
            cut = np.concatenate((ring[start:], ring[:start]))[: batch_size * steps]
            return torch.from_numpy(cut.astype(np.int64).reshape(batch_size, steps))

        yield Batch(x=streams(self.text[:-1]), lengths=None, y=streams(self.text[1:]))


class ScoredText:
    """A text each of whose tokens is scored once, in stretches (consecutive parts) that are batched.

    Before a stretch, at least `warm_up` tokens are read that are not scored: their targets are `UNSCORED`. Where the
    text has fewer before it, the stretch begins with the text. If the state forgets within the warm-up, the score is
    that of a single pass over the text.

    Args:
        text: Token numbers, (N + 1,).
        scored: Scored tokens per stretch, >= 1.
        warm_up: Tokens read before them, >= 0.
        most_steps: Largest number of steps of a batch in total; a batch always has at least one stretch.
    """

    def __init__(self, text: NDArray[np.integer], *, scored: int, warm_up: int, most_steps: int) -> None:
        self.text, self.scored = text, scored
        self.steps = min(scored + warm_up, len(self))
        self.first_S = np.arange(0, len(self), scored)
        self.start_S = np.clip(self.first_S - warm_up, 0, len(self) - self.steps)
        self.most_stretches = max(1, most_steps // self.steps)

    def __len__(self) -> int:
        return len(self.text) - 1

    def num_batches(self, batch_size: int) -> int:
        """Number of batches per pass."""
        return -(-len(self.first_S) // min(batch_size, self.most_stretches))

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:  # noqa: ARG002
        """One pass in the text's order; x and y are int64 (B, T), B at most `batch_size`."""
        size = min(batch_size, self.most_stretches)
        for place in range(0, len(self.first_S), size):
            start_B, first_B1 = self.start_S[place : place + size], self.first_S[place : place + size, None]
            xy_BT = slices(self.text, start_B, self.steps + 1).astype(np.int64)
            at_BT = start_B[:, None] + np.arange(self.steps)
            counts_BT = (at_BT >= first_B1) & (at_BT < first_B1 + self.scored)
            y_BT = np.where(counts_BT, xy_BT[:, 1:], UNSCORED)
            yield Batch(x=torch.from_numpy(xy_BT[:, :-1]), lengths=None, y=torch.from_numpy(y_BT))
