"""Steps of items against plain loops, and that training, prediction and exported graphs see the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support.adapter_data import series_items
from tests.support.models import made_model
from tuner.adapters.base import Batch
from tuner.adapters.time_series.classification import SeriesClassification
from tuner.adapters.time_series.item_options import ClassificationOptions, StepOptions
from tuner.adapters.time_series.item_steps import ItemSteps, cropped
from tuner.predict import load

RNG = np.random.default_rng(0)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"segment": 4},
    {"segment": 4, "segment_overlap": 0.5, "differences": True},
    {"segment": 3, "segment_overlap": 0.9, "item_norm": "standard"},
    {"differences": True, "item_norm": "standard"},
]


def by_hand(rows_RC: NDArray[np.float64], options: StepOptions) -> NDArray[np.float64]:
    """An item's steps, one after the other."""
    rows = (rows_RC - rows_RC.mean(0)) / (rows_RC.std(0) + 1e-12) if options.item_norm == "standard" else rows_RC
    if options.differences:
        change = np.array([rows[max(0, row)] - rows[max(0, row - 1)] for row in range(len(rows))])
        rows = np.concatenate([rows, change / (np.sqrt((change**2).mean(0)) + 1e-12)], 1)
    steps = []
    for start in range(0, len(rows), options.segment_stride):
        part = rows[start : start + options.segment]
        steps.append(np.concatenate([part, np.zeros((options.segment - len(part), rows.shape[1]))]).ravel())
    return np.array(steps)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_steps_are_those_of_plain_loops(options: dict[str, Any]) -> None:
    """Whatever padding holds, each item has the steps that it has alone; and its rows can be had back."""
    chosen = StepOptions(**options)
    steps, items = ItemSteps(chosen, 2), [RNG.normal(3, 2, size=(rows, 2)) for rows in (9, 1, 4, 7)]
    x_BRC, lengths = np.full((4, 9, 2), 99.0), np.array([len(item) for item in items])
    for row, item in enumerate(items):
        x_BRC[row, : len(item)] = item
    x_BTI, counts = steps(torch.from_numpy(x_BRC).float(), torch.from_numpy(lengths))
    assert counts is not None
    assert counts.tolist() == steps.counts(lengths).tolist()
    assert x_BTI.shape[1:] == (counts.max(), steps.size)
    for row, item in enumerate(items):
        wanted = by_hand(item, chosen)
        found = x_BTI[row, : int(counts[row])].numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        np.testing.assert_allclose(steps.of(item[None].astype(np.float32))[0], wanted, atol=1e-4)
        if not steps.plain:
            assert not x_BTI[row, int(counts[row]) :].any()
        if chosen.item_norm == "none":
            np.testing.assert_allclose(steps.rows(found)[: len(item)], item, atol=1e-5)


def test_a_constant_item_is_zero() -> None:
    """What does not vary has no shape; it gives no numbers that are not finite, and no gradient needs them."""
    steps = ItemSteps(StepOptions(item_norm="standard", differences=True), 1)
    assert steps.of(np.full((1, 5, 1), 7.0, dtype=np.float32)).tolist() == [[[0.0, 0.0]] * 5]


def test_crops_are_pieces() -> None:
    """Each is a piece of its item, no shorter than asked, and each place is reached."""
    rows = torch.arange(1.0, 21).expand(500, 20)[..., None]
    lengths = torch.full((500,), 10)
    found = cropped(Batch(rows, lengths, torch.zeros(500)), 0.4, np.random.default_rng(0))
    assert found.lengths is not None
    starts, ends = set(), set()
    for x_R1, kept in zip(found.x, found.lengths.tolist(), strict=True):
        values = x_R1[:, 0].tolist()
        assert values[:kept] == list(range(int(values[0]), int(values[0]) + kept))
        assert not any(values[kept:])
        starts.add(values[0])
        ends.add(values[0] + kept - 1)
    assert set(found.lengths.tolist()) == {7, 8, 9, 10}
    assert starts == {1, 2, 3, 4}
    assert ends == {7, 8, 9, 10}


def test_only_shuffled_passes_are_cropped(tmp_path: Path) -> None:
    """What is scored is whole; the lag is counted in steps; nothing is prepared anew for other steps."""
    data = series_items(tmp_path)
    plain = SeriesClassification(ClassificationOptions(**data))
    chosen = SeriesClassification(ClassificationOptions(**data, crop=0.5, segment=2))
    assert plain.fingerprint() == chosen.fingerprint()
    plain.prepare(tmp_path)
    whole, cut = plain.problem(tmp_path), chosen.problem(tmp_path)
    assert (whole.lag, cut.lag) == (8, 4)

    def rows(problem: Any, **given: Any) -> float:
        return sum(float((batch.x != 0).any(2).sum()) for batch in problem.dataset("train").batches(4, **given))

    assert rows(cut) == sum(-(-length // 2) for length in np.diff(np.load(tmp_path / "train.x.offsets.npy")))
    assert rows(cut, rng=np.random.default_rng(0)) < rows(cut)


@pytest.mark.parametrize("case", ["time_series/classification", "time_series/regression"])
def test_new_items_become_the_same_steps(case: str, tmp_path: Path) -> None:
    """A model reads a file as training read it, and its exported graph takes the values as they are."""
    asked = {"data.segment": 3, "data.segment_overlap": 0.5, "data.differences": True, "data.item_norm": "standard"}
    model = load(made_model(tmp_path / "made", case, {**asked, "pooling": "concat"}))
    problem: Any = model.codec.problem
    assert problem.encoder().output_size == problem.steps.size == 12
    rows = [4 + 3 * RNG.normal(size=(number, 2)) for number in (8, 1, 5)]
    graph = model.codec.graph(model.network).module
    lengths = torch.tensor([len(item) for item in rows])
    x_BRC = torch.full((3, 8, 2), 5.0, dtype=torch.float64)
    for row, item in enumerate(rows):
        x_BRC[row, : len(item)] = torch.from_numpy(item)
    items = list(model.codec.items(rows))
    assert [len(item.x) for item in items if item.x is not None] == [4, 1, 3]
    with torch.inference_mode():
        told = graph(x_BRC, lengths)
        for row, read in enumerate(items):
            alone = model.network(torch.from_numpy(np.asarray(read.x))[None], None)
            torch.testing.assert_close(told[row], alone[0], atol=1e-5, rtol=1e-5)
