from pathlib import Path

import numpy as np
import pytest
import torch

from tuner.adapters.batching import BUCKET, SequenceDataset, batch_indices
from tuner.adapters.ragged import Ragged, write_ragged


def dataset(folder: Path, lengths: list[int], dtype: type[np.generic] = np.float32) -> SequenceDataset:
    """Items of two features, each filled with its number + 1; the target is the number."""
    items = [np.full((length, 2), index + 1).astype(dtype) for index, length in enumerate(lengths)]
    write_ragged(folder, "x", items)
    return SequenceDataset(Ragged(folder, "x"), np.arange(len(lengths)))


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_every_item_is_seen_once(seed: int | None) -> None:
    """A pass holds each item once, whatever the batch size and the seed."""
    lengths = np.random.default_rng(3).integers(1, 50, 101)
    rng = None if seed is None else np.random.default_rng(seed)
    seen = np.concatenate(list(batch_indices(lengths, 4, rng)))
    assert sorted(seen.tolist()) == list(range(101))


def test_the_order_is_the_seeds() -> None:
    """The same seed gives the same batches, another seed others, and none the order by length."""
    lengths = np.random.default_rng(3).integers(1, 50, 200)

    def order(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in batch_indices(lengths, 8, np.random.default_rng(seed))]

    assert order(1) == order(1)
    assert order(1) != order(2)
    fixed = np.concatenate(list(batch_indices(lengths, 8, None)))
    assert (np.diff(lengths[fixed]) >= 0).all()


def test_buckets_keep_padding_low() -> None:
    """Within a shuffled pass the items of a batch have similar lengths: little of it is padding."""
    lengths = np.random.default_rng(3).integers(1, 200, 8 * BUCKET * 4)
    padded = sum(int(lengths[b].max()) * len(b) for b in batch_indices(lengths, 8, np.random.default_rng(0)))
    assert padded < 1.15 * lengths.sum()


def test_batches_of_equal_lengths_carry_none(tmp_path: Path) -> None:
    """Lengths are given exactly where a batch has padding."""
    first, second = dataset(tmp_path, [3, 5, 3, 3]).batches(3)
    assert first.lengths is None
    assert first.x.shape == (3, 3, 2)
    assert second.lengths is None
    (whole,) = dataset(tmp_path, [3, 5, 3, 3]).batches(4)
    assert whole.lengths is not None
    assert whole.lengths.tolist() == [3, 3, 3, 5]
    assert whole.y.tolist() == [0, 2, 3, 1]
    assert (whole.x[0, 3:] == 0).all()


@pytest.mark.parametrize(("stored", "given"), [(np.uint16, torch.int64), (np.float32, torch.float32)])
def test_whole_numbers_become_int64(tmp_path: Path, stored: type[np.generic], given: torch.dtype) -> None:
    """Token numbers may be stored small; a batch has the type that an embedding takes."""
    (batch,) = dataset(tmp_path, [2, 1], stored).batches(2)
    assert batch.x.dtype == given


def test_num_batches_counts_the_last_smaller_one(tmp_path: Path) -> None:
    """The number of batches is that of a pass."""
    opened = dataset(tmp_path, [2] * 7)
    assert opened.num_batches(3) == len(list(opened.batches(3))) == 3
