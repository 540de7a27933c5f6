"""Batches of sequences: bucketed by length, padded on the right, in a fixed or a seeded order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from tuner.adapters.base import Batch
from tuner.adapters.ragged import Ragged

BUCKET = 16
"""Batches per bucket: items are sorted by length within a bucket of that many batches."""


def batch_indices(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator | None
) -> Iterator[NDArray[np.int64]]:
    """Item numbers, batch by batch; items of a batch have similar lengths.

    Without `rng` the items go by length; with it, items are shuffled, sorted within buckets, and the batches
    of a bucket are shuffled, so that every item is seen once and the order is the seed's alone.
    """
    if rng is None:
        order = np.argsort(lengths, kind="stable")
        yield from (order[i : i + batch_size] for i in range(0, len(order), batch_size))
        return
    order = rng.permutation(len(lengths))
    for start in range(0, len(order), batch_size * BUCKET):
        bucket = order[start : start + batch_size * BUCKET]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        batches = [bucket[i : i + batch_size] for i in range(0, len(bucket), batch_size)]
        yield from (batches[i] for i in rng.permutation(len(batches)))


class SequenceDataset:
    """Sequences of unequal length with one target each; whole numbers become int64, for embeddings."""

    def __init__(self, sequences: Ragged, targets: NDArray[np.generic]) -> None:
        self.sequences, self.targets = sequences, targets

    def __len__(self) -> int:
        return len(self.sequences)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        lengths = self.sequences.lengths
        for indices in batch_indices(lengths, batch_size, rng):
            x = self.sequences.padded(indices)
            if np.issubdtype(x.dtype, np.integer):
                x = x.astype(np.int64)
            yield Batch(
                x=torch.from_numpy(x),
                lengths=lengths_of(lengths[indices], x.shape[1]),
                y=torch.from_numpy(self.targets[indices]),
            )


def lengths_of(lengths: NDArray[np.int64], longest: int) -> torch.Tensor | None:
    """A batch's `lengths`: None when no item is shorter than the longest."""
    return None if int(lengths.min()) == longest else torch.from_numpy(lengths)
