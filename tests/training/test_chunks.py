"""Truncated backpropagation: chunks against whole sequences, and a training that uses them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.networks import Task
from tuner.adapters.base import Batch
from tuner.nets.catalog import CELLS, NetOptions
from tuner.nets.network import build_network
from tuner.training.chunks import chunks


def make(lengths: list[int] | None, items: int, steps: int) -> Batch:
    """A batch whose targets say where they stand."""
    torch.manual_seed(0)
    x_BTI = torch.randn(items, steps, 5, dtype=torch.float64)
    y_BT = torch.arange(items * steps).view(items, steps)
    return Batch(x=x_BTI, lengths=None if lengths is None else torch.tensor(lengths), y=y_BT)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), size=st.integers(1, 12))
def test_chunks_have_every_valid_step_once_in_order(lengths: list[int], size: int) -> None:
    """Each sequence's targets come in order, none twice, none of the padding; no sequence is empty."""
    batch = make(lengths, len(lengths), max(lengths))
    seen: list[list[int]] = [[] for _ in lengths]
    alive = list(range(len(lengths)))
    for chunk in chunks(batch, size):
        assert chunk.first == (not any(seen))
        if chunk.rows is not None:
            alive = [alive[row] for row in chunk.rows.tolist()]
        assert chunk.batch.lengths is not None
        assert len(alive) == len(chunk.batch.x) == len(chunk.batch.y)
        assert chunk.num_targets == chunk.batch.lengths.sum()
        for row, length, y_T in zip(alive, chunk.batch.lengths.tolist(), chunk.batch.y, strict=True):
            assert 1 <= length <= size
            seen[row] += y_T[:length].tolist()
    for row, length in enumerate(lengths):
        assert seen[row] == batch.y[row, :length].tolist()


@pytest.mark.parametrize("cell", CELLS.entries)
@pytest.mark.parametrize("lengths", [None, [9, 4, 7]])
def test_chunks_with_the_state_carried_predict_what_the_whole_does(cell: str, lengths: list[int] | None) -> None:
    """Two layers, read in chunks of four steps: predictions at all valid steps are those of one pass, to 1e-6."""
    torch.manual_seed(1)
    options = NetOptions(cell=cell, layers=2, hidden_size=6)
    network = build_network(options, CELLS[cell].options(), {}, Task(every_step=True)).double().eval()
    batch = make(lengths, 3, 9)
    whole = network(batch.x, batch.lengths)
    found = torch.zeros_like(whole)
    states: list[tuple[torch.Tensor, ...]] = []
    alive = torch.arange(3)
    for chunk in chunks(batch, 4):
        prediction, states = network.read(chunk.batch.x, chunk.batch.lengths, chunk.carried(states))
        alive = alive if chunk.rows is None else alive[chunk.rows]
        for row, position, length in zip(
            alive.tolist(),
            (chunk.batch.y[:, 0] % 9).tolist(),
            [prediction.shape[1]] * len(alive) if chunk.batch.lengths is None else chunk.batch.lengths.tolist(),
            strict=True,
        ):
            index = alive.tolist().index(row)
            found[row, position : position + length] = prediction[index, :length]
    for row, length in enumerate(lengths or [9, 9, 9]):
        torch.testing.assert_close(found[row, :length], whole[row, :length], atol=1e-6, rtol=0)


def test_random_lengths_are_near_the_usual_one_or_half_of_it() -> None:
    """Every step comes once and in order; of 70 steps, one chunk in twenty has about 35, as Merity et al. draw them."""
    y_BT = torch.arange(70_000)[None]
    found = list(chunks(Batch(x=y_BT, lengths=None, y=y_BT), 70, np.random.default_rng(0)))
    torch.testing.assert_close(torch.cat([chunk.batch.y for chunk in found], dim=1), y_BT)
    length_N = np.array([chunk.batch.y.shape[1] for chunk in found[:-1]])
    assert 0.02 < (length_N < 52).mean() < 0.09
    assert length_N[length_N >= 52].mean() == pytest.approx(70, abs=1)
    assert length_N[length_N >= 52].std() == pytest.approx(5, abs=0.5)
    short = chunks(Batch(x=y_BT, lengths=None, y=y_BT), 3, np.random.default_rng(0))
    assert all(chunk.batch.y.shape[1] >= 3 for chunk in list(short)[:-1])
