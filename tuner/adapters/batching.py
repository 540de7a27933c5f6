"""Batches of sequences of similar length, padded on the right, in a fixed or a seeded order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tuner.adapters.base import Batch, Forward, Item
from tuner.adapters.ragged import Drawn, Ragged

MIXED = 16
"""Largest number of batches per pass that are drawn at random. In so few, a step would mostly see the length that its
batch was sorted by, which raises the test loss, and there is little time to save (`python -m benchmarks.batching`)."""
LEAST_RAISED = 0.3
"""Share of the items that are moved up (see `_by_length`) in a pass of many batches. Any two items meet in a batch with
at least this fraction of their probability in random batches; padding grows with it."""


def batch_indices(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator | None
) -> Iterator[NDArray[np.int64]]:
    """Item numbers, batch by batch; items of a batch have similar lengths.

    Without `rng` items are sorted by length. With it, every pass has other batches. In a pass of few batches they are
    drawn at random. Otherwise items are sorted by length, but some, drawn anew, join longer ones; this pads only them,
    whereas a long item among shorter ones would pad all of these. All batches are full but one, which has the items
    left over: neighbours at a uniformly drawn position, so that every item is as likely to be in the small batch as any
    other. The order of the batches is random, too.

    Args:
        lengths: Steps per item, (N,).
        batch_size: Items per batch, >= 1.
        rng: Source of all randomness.
    """
    if rng is None:
        order = np.argsort(lengths, kind="stable")
        yield from (order[i : i + batch_size] for i in range(0, len(order), batch_size))
        return
    batches = _cut(_by_length(lengths, batch_size, rng), batch_size, rng)
    yield from (batches[i] for i in rng.permutation(len(batches)))


def _by_length(lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Item numbers sorted by length, ties in random order; some items are moved up to a random later position.

    Up to `MIXED` batches the order is random; the longer the pass beyond that, the fewer items are moved.
    """
    items = len(lengths)
    order = rng.permutation(items)
    if items <= MIXED * batch_size:
        return order
    order = order[np.argsort(lengths[order], kind="stable")]
    place = np.arange(items, dtype=np.float64)
    raised = rng.random(items) < max(MIXED * batch_size / items, LEAST_RAISED)
    place[raised] = rng.uniform(place[raised], items)
    return order[np.argsort(place, kind="stable")]


def _cut(order: NDArray[np.int64], batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Full batches of neighbours, and one of the rest, from a random position on, wrapping around the end if needed."""
    left = len(order) % batch_size
    small = []
    if left:
        places = (rng.integers(len(order)) + np.arange(left)) % len(order)
        small, order = [order[places]], np.delete(order, places)
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)] + small


class SequenceDataset:
    """Sequences of unequal length with one target each; whole numbers become int64, for embeddings.

    Args:
        sequences: The sequences.
        targets: Their targets.
        versions: Other versions of the sequences; a shuffled pass takes one of all versions of each.
    """

    def __init__(self, sequences: Ragged, targets: NDArray[np.generic], versions: Sequence[Ragged] = ()) -> None:
        self.sequences, self.targets, self.versions = sequences, targets, versions

    def __len__(self) -> int:
        return len(self.sequences)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        sequences = drawn((self.sequences, *self.versions), rng)
        lengths = sequences.lengths
        for indices in batch_indices(lengths, batch_size, rng):
            x = sequences.padded(indices)
            if np.issubdtype(x.dtype, np.integer):
                x = x.astype(np.int64)
            yield Batch(
                x=torch.from_numpy(x),
                lengths=lengths_of(lengths[indices], x.shape[1]),
                y=torch.from_numpy(self.targets[indices]),
            )


def drawn(versions: Sequence[Ragged], rng: np.random.Generator | None) -> Ragged | Drawn:
    """The items of a pass: without `rng` the first version of each, with it one of all versions."""
    return versions[0] if rng is None or len(versions) == 1 else Drawn(versions, rng)


def lengths_of(lengths: NDArray[np.int64], longest: int) -> torch.Tensor | None:
    """A batch's `lengths`: None when no item is shorter than the longest."""
    return None if int(lengths.min()) == longest else torch.from_numpy(lengths)


def device_of(network: torch.nn.Module | Forward) -> torch.device:
    """The device of a network's input."""
    parameter = next(network.parameters(), None) if isinstance(network, torch.nn.Module) else None
    return torch.device("cpu") if parameter is None else parameter.device


def padded(items: Sequence[Item], device: torch.device | None = None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Input (B, T, C) or (B, T) and lengths (B,) of a batch, as in `Batch`."""
    xs = [item.x for item in items if item.x is not None]
    lengths = np.array([len(x) for x in xs], dtype=np.int64)
    longest = int(lengths.max())
    dtype = np.int64 if xs[0].dtype.kind in "iu" else np.float32
    x = np.zeros((len(xs), longest, *xs[0].shape[1:]), dtype=dtype)
    for row, values in enumerate(xs):
        x[row, : len(values)] = values
    same = bool((lengths == longest).all())
    return torch.from_numpy(x).to(device), None if same else torch.from_numpy(lengths).to(device)
