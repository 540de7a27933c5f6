"""The memory probes: what their items are, and the trivial predictor's closed forms against many drawn items."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tuner.adapters.memory.making import TOLERANCE
from tuner.adapters.memory.options import ProbeOptions
from tuner.adapters.memory.probe import MemoryProbe
from tuner.config import validate_options
from tuner.errors import TaskFileError


def opened(folder: Path, **options: Any) -> tuple[Any, Any]:
    """Prepared facts and the problem."""
    adapter = MemoryProbe(ProbeOptions(**options))
    return adapter.prepare(folder), adapter.problem(folder)


def whole(problem: Any, split: str) -> tuple[np.ndarray, torch.Tensor, list[Any]]:
    """Inputs and targets of a split as one array each, and its batches."""
    batches = list(problem.dataset(split).batches(500))
    return torch.cat([b.x for b in batches]).numpy(), torch.cat([b.y for b in batches]), batches


def test_adding(tmp_path: Path) -> None:
    """Two steps are marked, one in each half; the target is their sum; always 1 scores what is said of it."""
    prepared, problem = opened(tmp_path, task="adding", length=9, train=10, val=20_000, test=5)
    x_NTC, y_N, batches = whole(problem, "val")
    assert (x_NTC[:, :4, 1].sum(1) == 1).all()
    assert (x_NTC[:, 4:, 1].sum(1) == 1).all()
    assert (x_NTC[..., 0] >= 0).all()
    assert (x_NTC[..., 0] < 1).all()
    np.testing.assert_allclose((x_NTC[..., 0] * x_NTC[..., 1]).sum(1), y_N, rtol=1e-6)
    guess = problem.evaluate([torch.ones(len(b.y)) for b in batches], batches)
    assert guess["loss"] == pytest.approx(prepared.trivial["val"]["loss"], abs=0.004)
    assert guess["accuracy"] == pytest.approx(prepared.trivial["val"]["accuracy"], abs=0.006)
    assert problem.evaluate([b.y + TOLERANCE * 0.99 for b in batches], batches)["accuracy"] == 1.0
    assert problem.lag == prepared.lag == 9


def test_copy(tmp_path: Path) -> None:
    """Symbols, blanks, markers; the targets end with the symbols; naming blanks, then guessing, scores as is said."""
    options = {"task": "copy", "length": 12, "recall": 4, "symbols": 5, "train": 10, "val": 3000, "test": 5}
    prepared, problem = opened(tmp_path, **options)
    x_NT, y_NT, batches = whole(problem, "val")
    assert x_NT.shape == (3000, 20)
    assert ((x_NT[:, :4] >= 1) & (x_NT[:, :4] <= 5)).all()
    assert (x_NT[:, 4:-5] == 0).all()
    assert (x_NT[:, -5:] == 6).all()
    assert (y_NT[:, :-4] == 0).all()
    assert (y_NT[:, -4:].numpy() == x_NT[:, :4]).all()
    logits_TK = torch.full((20, 6), -100.0)
    logits_TK[:-4, 0] = 0.0
    logits_TK[-4:, 1:] = 0.0
    guess = problem.evaluate([logits_TK.expand(len(b.y), -1, -1) for b in batches], batches)
    assert guess["loss"] == pytest.approx(prepared.trivial["val"]["loss"], rel=1e-6)
    assert prepared.trivial["val"]["loss"] == 4 * math.log(5) / 20
    right = [functional.one_hot(b.y, 6) * 50.0 for b in batches]
    assert problem.evaluate(right, batches)["accuracy"] == 1.0


def test_delayed_recall(tmp_path: Path) -> None:
    """The target is the first symbol, and no later one is of its kind."""
    options = {"task": "delayed_recall", "length": 15, "symbols": 3, "train": 10, "val": 3000, "test": 5}
    prepared, problem = opened(tmp_path, **options)
    x_NT, y_N, batches = whole(problem, "val")
    assert (x_NT[:, 0] == y_N.numpy()).all()
    assert set(np.unique(x_NT[:, 0])) == {0, 1, 2}
    assert set(np.unique(x_NT[:, 1:])) == {3, 4, 5}
    guess = problem.evaluate([torch.zeros(len(b.y), 3) for b in batches], batches)
    assert guess["loss"] == pytest.approx(prepared.trivial["val"]["loss"]) == pytest.approx(math.log(3))


@pytest.mark.examples
@pytest.mark.parametrize("permuted", [False, True])
def test_digits(tmp_path: Path, permuted: bool) -> None:
    """All digits are dealt, each once, with the same pixels in the same or in another order."""
    from sklearn.datasets import load_digits

    prepared, problem = opened(tmp_path, task="digits", permuted=permuted)
    assert sum(prepared.counts.values()) == 1797
    items = np.concatenate([whole(problem, split)[0][..., 0] for split in ("train", "val", "test")])
    known = load_digits().data / 16
    order = np.lexsort(np.sort(items, 1).T), np.lexsort(np.sort(known, 1).T)
    np.testing.assert_allclose(np.sort(items, 1)[order[0]], np.sort(known, 1)[order[1]], atol=1e-6)
    same = {row.tobytes() for row in items.astype(np.float32)} == {row.tobytes() for row in known.astype(np.float32)}
    assert same is not permuted


def test_splits_have_streams_of_their_own(tmp_path: Path) -> None:
    """More training items leave validation as it is; another seed changes it."""
    validations = []
    for number, options in enumerate([{"train": 10}, {"train": 30}, {"train": 10, "seed": 1}]):
        folder = tmp_path / str(number)
        folder.mkdir()
        _, problem = opened(folder, length=6, val=20, test=5, **options)
        validations.append(whole(problem, "val")[0])
    assert np.array_equal(validations[0], validations[1])
    assert not np.array_equal(validations[0], validations[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"symbols": 5}, "data.symbols must be left out with task adding, but got 5. It would change nothing there."),
        ({"task": "digits", "length": 9}, "data.length must be left out with task digits, but got 9."),
        ({"length": 100_000, "train": 1_000_000}, "data.train, val and test together must hold at most 100,000,000"),
    ],
)
def test_what_acts_nowhere_is_refused(options: dict[str, Any], message: str) -> None:
    """An option of another task, or more than memory holds, is refused in one line."""
    with pytest.raises(TaskFileError) as caught:
        validate_options(ProbeOptions, options, key=("data",), place=lambda _: "")
    assert message in str(caught.value)
