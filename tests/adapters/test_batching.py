from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from tuner.adapters.batching import LEAST_RAISED, MIXED, SequenceDataset, batch_indices
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


def padding(batches: Iterable[NDArray[np.int64]], lengths: NDArray[np.int64]) -> float:
    """Share of steps that are padding."""
    steps = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return float(1 - lengths.sum() / steps)


def at_random(lengths: NDArray[np.int64], batch_size: int, seed: int) -> list[NDArray[np.int64]]:
    """Batches without regard to lengths."""
    order = np.random.default_rng(seed).permutation(len(lengths))
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


FEW, MANY = 216, 100 * 16
"""Items of a pass of fewer and of more than `MIXED` batches of 16."""
KINDS: dict[str, Callable[[int], Any]] = {
    "even": lambda count: np.random.default_rng(3).integers(1, 200, count),
    "few long ones": lambda count: np.exp(np.random.default_rng(3).normal(3, 0.7, count)).astype(np.int64) + 1,
    "vowels": lambda count: np.random.default_rng(3).integers(7, 27, count),
}


@pytest.mark.parametrize("kind", KINDS)
def test_padding_stays_low(kind: str) -> None:
    """Where there are many batches, less than half of that in random ones."""
    lengths = KINDS[kind](MANY)
    ours = [padding(batch_indices(lengths, 16, np.random.default_rng(seed)), lengths) for seed in range(10)]
    random = [padding(at_random(lengths, 16, seed), lengths) for seed in range(10)]
    assert np.mean(ours) < 0.5 * np.mean(random)


@pytest.mark.parametrize("count", [FEW, 40 * 16])
@pytest.mark.parametrize("kind", KINDS)
def test_any_two_items_meet(kind: str, count: int) -> None:
    """The shortest and the longest too, with at least `LEAST_RAISED` of the chance that they have in random batches."""
    lengths, size, passes = KINDS[kind](count), 16, 1500
    rng = np.random.default_rng(0)
    by_length = np.argsort(lengths, kind="stable")
    pairs = [(0, -1), (0, len(lengths) // 2), (len(lengths) // 2, -1), (0, 1), (-2, -1)]
    together = dict.fromkeys(pairs, 0)
    batch_of = np.empty(len(lengths), dtype=np.int64)
    for _ in range(passes):
        for number, batch in enumerate(batch_indices(lengths, size, rng)):
            batch_of[batch] = number
        for pair in pairs:
            first, second = (by_length[place] for place in pair)
            together[pair] += batch_of[first] == batch_of[second]
    chance = LEAST_RAISED * (size - 1) / (len(lengths) - 1)
    for pair, met in together.items():
        assert met / passes > chance - 3 * np.sqrt(chance / passes), pair


def test_a_pass_of_few_batches_is_random() -> None:
    """In a large set batches are of a kind; in a small one a batch says nothing of an item's length."""

    def spread(count: int) -> float:
        lengths = KINDS["even"](count)
        batches = batch_indices(lengths, 16, np.random.default_rng(0))
        return float(np.std([lengths[batch].mean() for batch in batches]) / lengths.std())

    assert spread(MIXED * 16) < 2 / np.sqrt(16) < 0.8 < spread(10 * MIXED * 16)


def test_every_item_is_as_likely_in_the_small_batch() -> None:
    """Else some weigh more than others, over all passes: a batch's loss is a mean over its items."""
    lengths, passes = np.random.default_rng(3).integers(5, 60, 65), 4000
    rng = np.random.default_rng(0)
    small = np.zeros(65)
    for _ in range(passes):
        (batch,) = (batch for batch in batch_indices(lengths, 16, rng) if len(batch) < 16)
        small[batch] += 1
    by_length = small[np.argsort(lengths)].reshape(5, 13).sum(axis=1)
    assert small.sum() == passes
    assert stats.chisquare(by_length).pvalue > 1e-4
    assert stats.chisquare(small).pvalue > 1e-4


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 1000), min_size=1, max_size=200).map(lambda each: np.array(each, dtype=np.int64)),
    size=st.integers(1, 64),
    seed=st.integers(0, 2**32),
)
def test_a_pass_is_whole_batches_and_one_of_what_is_left(lengths: NDArray[np.int64], size: int, seed: int) -> None:
    """Every item once, as many batches as are told, all of them whole but one."""
    batches = list(batch_indices(lengths, size, np.random.default_rng(seed)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    sizes = sorted((len(batch) for batch in batches), reverse=True)
    whole, left = divmod(len(lengths), size)
    assert sizes == [size] * whole + [left] * (left > 0)


def test_the_small_batch_is_anywhere_in_a_pass() -> None:
    """Neither always the last nor always of the longest."""
    lengths = np.arange(1, 42)
    places, longest = set(), set()
    for seed in range(60):
        batches = list(batch_indices(lengths, 8, np.random.default_rng(seed)))
        places |= {number for number, batch in enumerate(batches) if len(batch) == 1}
        longest |= {int(lengths[batch].max()) for batch in batches if len(batch) == 1}
    assert places == set(range(6))
    assert len(longest) > 20


def test_equal_lengths_are_shuffled() -> None:
    """Where all items are as long, batches are drawn at random: neighbours in the data are no neighbours in a batch."""
    lengths, rng = np.full(64, 9), np.random.default_rng(0)
    together = np.mean([np.isin([0, 1], batch).all() for _ in range(2000) for batch in batch_indices(lengths, 8, rng)])
    assert 8 * together == pytest.approx(7 / 63, abs=0.03)


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
