"""Mixup: training batches whose items and labels are mixed in pairs.

Letters of shapes: B items of a batch, T steps, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.functional import one_hot

from tuner.adapters.base import Batch
from tuner.adapters.batching import SequenceDataset, lengths_of


class MixedDataset(SequenceDataset):
    """Sequences of numbers whose shuffled passes are mixed; a fixed order is not.

    A mixed batch is share * batch + (1 - share) * the batch in another order, as long as the longer of each two. Its
    targets are the shares of the classes, float (B, K).

    Args:
        dataset: Sequences with the number of a class each.
        classes: Number of classes K.
        alpha: Shares are drawn from Beta(alpha, alpha), > 0, one per batch; the batch itself gets the larger one.

    Reference:
        Zhang et al. 2018, arXiv:1710.09412. Deviation: the larger share first, which draws the same pairs.
    """

    def __init__(self, dataset: SequenceDataset, classes: int, alpha: float) -> None:
        super().__init__(dataset.sequences, dataset.targets, dataset.versions)
        self._classes, self._alpha = classes, alpha

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """See `Dataset.batches`."""
        for batch in super().batches(batch_size, rng=rng):
            yield batch if rng is None else self._mixed(batch, rng)

    def _mixed(self, batch: Batch, rng: np.random.Generator) -> Batch:
        share, other = rng.beta(self._alpha, self._alpha), torch.from_numpy(rng.permutation(len(batch.y)))
        share = max(share, 1 - share)
        lengths = batch.lengths
        if lengths is not None:
            lengths = lengths_of(np.maximum(lengths.numpy(), lengths[other].numpy()), batch.x.shape[1])
        share_BK = one_hot(batch.y, self._classes).float()
        return Batch(
            x=torch.lerp(batch.x[other], batch.x, share),
            lengths=lengths,
            y=torch.lerp(share_BK[other], share_BK, share),
        )
