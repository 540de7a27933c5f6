"""What is learned from piano rolls: opened in the worker, with torch.

Letters of shapes: B pieces of a batch, T frames, P pitches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.base import Batch, Split
from tuner.adapters.batching import batch_indices, lengths_of
from tuner.adapters.features import Features
from tuner.adapters.ragged import Ragged


class NextFrames:
    """Pieces as inputs, all frames but the last, and targets, all but the first."""

    def __init__(self, rolls: Ragged) -> None:
        self.rolls = rolls

    def __len__(self) -> int:
        return len(self.rolls)

    def num_batches(self, batch_size: int) -> int:
        """See `Dataset.num_batches`."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """See `Dataset.batches`; targets are float (B, T, P), 0 where there is padding."""
        for indices in batch_indices(self.rolls.lengths, batch_size, rng):
            roll_BTP = torch.from_numpy(self.rolls.padded(indices).astype(np.float32))
            lengths = lengths_of(self.rolls.lengths[indices] - 1, roll_BTP.shape[1] - 1)
            yield Batch(x=roll_BTP[:, :-1], lengths=lengths, y=roll_BTP[:, 1:])


class NextFrame:
    """Each frame from those before it, its pitches independent of each other."""

    every_step = True

    def __init__(self, folder: Path, pitches: int) -> None:
        self.folder, self.pitches = folder, pitches
        self.lag = int(np.quantile(Ragged(folder, "train").lengths - 1, 0.75))

    def dataset(self, split: Split) -> NextFrames:
        """See `Problem.dataset`."""
        return NextFrames(Ragged(self.folder, split))

    def encoder(self) -> Features:
        """The pitches as they are."""
        return Features(self.pitches)

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to a logit per pitch: (B, T, F) to (B, T, P)."""
        return nn.Linear(input_size, self.pitches)

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Negative log-likelihood of a frame, mean over the frames of the batch."""
        loss_BT, valid_BT = frame_losses(prediction, batch), valid(batch)
        return (loss_BT * valid_BT).sum() / valid_BT.sum()

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Mean over all frames, and mean over the means of pieces."""
        sums, counts = [], []
        for prediction, batch in zip(predictions, batches, strict=True):
            valid_BT = valid(batch)
            sums.append((frame_losses(prediction.double(), batch) * valid_BT).sum(dim=1))
            counts.append(valid_BT.sum(dim=1))
        sum_N, count_N = torch.cat(sums), torch.cat(counts)
        return {"loss": (sum_N.sum() / count_N.sum()).item(), "piece_loss": (sum_N / count_N).mean().item()}


def frame_losses(logits_BTP: Tensor, batch: Batch) -> Tensor:
    """Sum over the pitches of the binary cross-entropies of each frame, (B, T), in nats."""
    target_BTP = batch.y.to(logits_BTP.dtype)
    return functional.binary_cross_entropy_with_logits(logits_BTP, target_BTP, reduction="none").sum(dim=2)


def valid(batch: Batch) -> Tensor:
    """Where a frame is the piece's, not padding: bool (B, T)."""
    frame_T = torch.arange(batch.y.shape[1], device=batch.y.device)
    if batch.lengths is None:
        return torch.ones_like(batch.y[..., 0], dtype=torch.bool)
    return frame_T < batch.lengths[:, None]
