"""Numbers told of sequences and texts: scores, losses, reading, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tuner.adapters.base import Batch
from tuner.adapters.learned_options import NumberOptions
from tuner.adapters.number_scores import number_scores, quantile_scores
from tuner.adapters.regression import Regression, prepare_targets, trivial_scores
from tuner.adapters.scaling import standardization
from tuner.adapters.time_series.classification import SeriesClassification
from tuner.adapters.time_series.item_options import ClassificationOptions, RegressionOptions
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.reading import read_items
from tuner.adapters.time_series.ready import AeonNumbers
from tuner.errors import DataError


def test_scores_are_those_of_scikit_learn() -> None:
    """Of two targets in units of their own, the mean over both."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth_NK = rng.normal(size=(40, 2)) * [1, 50] + [0, 300]
    found_NK = truth_NK + rng.normal(size=(40, 2)) * [0.5, 40]
    scores = number_scores(found_NK, truth_NK, np.array([1.0, 50.0]))
    assert scores["r2"] == pytest.approx(metrics.r2_score(truth_NK, found_NK))
    assert scores["mae"] == pytest.approx(metrics.mean_absolute_error(truth_NK, found_NK))
    assert scores["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth_NK, found_NK))
    assert scores["loss"] == pytest.approx(metrics.mean_squared_error(truth_NK / [1, 50], found_NK / [1, 50]))
    found_NKQ = found_NK[..., None] + np.array([[-1, 1], [-60, 60]])
    levels = (0.1, 0.9)
    wanted = [metrics.mean_pinball_loss(truth_NK, found_NKQ[..., at], alpha=level) for at, level in enumerate(levels)]
    inside = (np.abs(truth_NK - found_NK) <= [1, 60]).mean()
    assert quantile_scores(found_NKQ, truth_NK, levels) == pytest.approx(
        {"pinball": np.mean(wanted), "coverage_error": abs(inside - 0.8)}
    )


def test_the_trivial_predictor_tells_the_best_constants() -> None:
    """No other constant has a smaller rmse, mae or pinball loss on the training items; it explains nothing."""
    train_NK = np.random.default_rng(0).exponential(size=(200, 1)) * 10
    scaling, options = standardization(train_NK, ""), NumberOptions(quantiles=(0.2, 0.9))
    scores = trivial_scores(train_NK, train_NK, scaling, options)
    assert scores["r2"] == pytest.approx(0)
    assert scores["loss"] == pytest.approx(1)
    for constant in np.linspace(0, 30, 200):
        other = number_scores(np.full_like(train_NK, constant), train_NK, scaling.scale)
        assert scores["rmse"] <= other["rmse"] + 1e-9
        assert scores["mae"] <= other["mae"] + 1e-9


def problem(folder: Path, numbers_NK: Any, **options: Any) -> Regression:
    """Of these training targets."""
    values = np.asarray(numbers_NK, dtype=np.float64)
    chosen = NumberOptions(**options)
    facts, _ = prepare_targets(folder, dict.fromkeys(("train", "val", "test"), values), chosen, "x")
    (folder / "facts.json").write_text(json.dumps({"targets": [f"t{k}" for k in range(values.shape[1])], **facts}))
    return Regression(folder, chosen)


def test_what_is_predicted_right_is_right_in_its_own_unit(tmp_path: Path) -> None:
    """Standardized targets, predicted as they are, have no error; quantiles that cross are put in order."""
    values = np.array([[1.0, 1000.0], [2.0, 3000.0], [4.0, 2000.0]])
    made = problem(tmp_path, values, quantiles=(0.1, 0.9))
    y = torch.from_numpy(np.load(tmp_path / "train.y.npy"))
    prediction = torch.stack([y, y + 1, y - 1], dim=-1)
    scores = made.evaluate([prediction[:2], prediction[2:]], [Batch(y[:2], None, y[:2]), Batch(y[2:], None, y[2:])])
    assert scores == pytest.approx(
        {"rmse": 0, "mae": 0, "r2": 1, "loss": 0, "pinball": 0.1 * values.std(0).mean(), "coverage_error": 0.2},
        abs=1e-9,
    )


@pytest.mark.parametrize(("loss", "wanted"), [("mse", 2.0), ("mae", 1.0), ("huber", 0.75)])
def test_losses_by_hand(loss: str, wanted: float, tmp_path: Path) -> None:
    """Errors of 0 and 2 deviations; with quantiles the pinball loss is added."""
    y, found = torch.zeros(2, 1, dtype=torch.float64), torch.tensor([[[0.0]], [[2.0]]])
    batch = Batch(y, None, y)
    assert problem(tmp_path, [[0], [1]], loss=loss).loss(found, batch).item() == pytest.approx(wanted)
    more = torch.cat([found, torch.tensor([[[1.0]], [[-1.0]]])], dim=-1)  # 1 above, 1 below what comes
    both = problem(tmp_path, [[0], [1]], loss=loss, quantiles=(0.9,)).loss(more, batch).item()
    assert both == pytest.approx(wanted + (0.1 + 0.9) / 2)


VALUES = [[0.5, 10.0], [1.5, 20.0], [2.5, 40.0], [3.5, 30.0]]


def wide(folder: Path) -> Items:
    """A row per item, with decimal commas."""
    rows = [[*targets, *(number + step for step in range(3))] for number, targets in enumerate(VALUES)]
    frame = pd.DataFrame(rows, columns=["wear", "life", "v1", "v2", "v3"])
    frame.to_csv(folder / "x.csv", sep=";", decimal=",", index=False)
    return read_items(folder / "x.csv", RegressionOptions(path="x", targets=("wear", "life")))


def long(folder: Path) -> Items:
    """A row per step."""
    rows = [[f"m{n}", step, *targets, n + step] for n, targets in enumerate(VALUES) for step in range(3)]
    pd.DataFrame(rows, columns=["machine", "t", "wear", "life", "v"]).to_csv(folder / "x.csv", index=False)
    return read_items(folder / "x.csv", RegressionOptions(path="x", targets=("wear", "life"), id="machine", time="t"))


def archive(folder: Path) -> Items:
    """Arrays."""
    np.savez(folder / "x.npz", X=np.arange(3)[None] + np.arange(4)[:, None], y=np.array(VALUES))
    return read_items(folder / "x.npz", RegressionOptions(path="x", targets=("wear", "life")))


@pytest.mark.parametrize("form", [wide, long, archive])
def test_forms_are_read_alike(form: Any, tmp_path: Path) -> None:
    """Targets and steps of the same items; no target is an input."""
    items = form(tmp_path)
    assert items.targets == ("wear", "life")
    np.testing.assert_array_equal(items.numbers, VALUES)
    np.testing.assert_array_equal(np.concatenate(items.sequences)[:6, 0], [0, 1, 2, 1, 2, 3])
    assert len(items.channels) == 1


TS = "@problemName x\n@targetLabel true\n@data\n1,2,3:4,5,6:0.25\n7,8:9,1:-3e2\n"


def test_ts_files_with_target_labels(tmp_path: Path) -> None:
    """What stands last is the number; a file of the other kind is refused by the adapter that reads it."""
    (tmp_path / "x.ts").write_text(TS)
    items = read_items(tmp_path / "x.ts", RegressionOptions(path="x"))
    assert items.numbers.tolist() == [[0.25], [-300.0]]
    assert [item.shape for item in items.sequences] == [(3, 2), (2, 2)]
    with pytest.raises(DataError, match=r"x\.ts:3: @classLabel must be .* files is time_series/regression"):
        read_items(tmp_path / "x.ts", ClassificationOptions(path="x"))
    (tmp_path / "y.ts").write_text(TS.replace("@targetLabel true", "@classLabel true 0.25 -3e2"))
    with pytest.raises(DataError, match=r"y\.ts:3: @targetLabel must be true\. .* is time_series/classification"):
        read_items(tmp_path / "y.ts", RegressionOptions(path="x"))
    with pytest.raises(DataError, match=r"data\.targets must name one number where the file is of the form \.ts"):
        read_items(tmp_path / "x.ts", RegressionOptions(path="x", targets=("a", "b")))
    (tmp_path / "z.ts").write_text(TS.replace("0.25", "?"))
    with pytest.raises(DataError, match=r"z\.ts:4: the last value of the line must be a finite number, but got '\?'"):
        read_items(tmp_path / "z.ts", RegressionOptions(path="x"))


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        ("id,rul,v\na,1,0\na,2,1\n", {"id": "id"}, r"x\.csv:3: rul must be the same in all rows of an item, but got"),
        ("rul,v,w\nfar,1,0\n", {}, r"x\.csv:2: rul must be a finite number, but got 'far'"),
        ("life,v,w\n2,1,0\n", {}, r"x\.csv: there must be a column 'rul'"),
    ],
)
def test_what_cannot_be_learned_is_named(rows: str, options: dict[str, Any], told: str, tmp_path: Path) -> None:
    """A number that differs within an item, a cell that is none, a column that is not there."""
    (tmp_path / "x.csv").write_text(rows)
    with pytest.raises(DataError, match=told):
        read_items(tmp_path / "x.csv", RegressionOptions(path="x", targets=("rul",), **options))


def test_numbers_taken_for_classes_are_told_the_way(tmp_path: Path) -> None:
    """Labels that are numbers, most of them once, are rather numbers to be told."""
    rows = [f"{i * 1.5},{i},{i + 1}" for i in range(9)]
    (tmp_path / "x.csv").write_text("\n".join(["life,v,w", *rows]))
    options = ClassificationOptions(path=str(tmp_path / "x.csv"), label="life")
    with pytest.raises(DataError, match=r"must occur at least 3 times, .* use the adapter time_series/regression or"):
        SeriesClassification(options).prepare(tmp_path)


def test_a_target_that_never_differs_is_refused(tmp_path: Path) -> None:
    """There is nothing to learn."""
    with pytest.raises(DataError, match="the target must differ between items"):
        problem(tmp_path, [[2.0], [2.0]])


@pytest.mark.parametrize("options", [{"targets": ("a", "a")}, {"targets": ("problem",)}, {"quantiles": (0.9, 0.1)}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    """Names that are there twice or are a column of answers; quantiles that do not ascend."""
    with pytest.raises(ValueError, match="must"):
        RegressionOptions(path="x", **options)


def test_ready_sources_have_their_official_parts() -> None:
    """As their summaries say."""
    pytest.importorskip("aeon")
    train, test = AeonNumbers("aeon/Covid3Month").read()
    assert (len(train), len(test)) == (140, 61)
    assert {item.shape for item in train.sequences} == {(84, 1)}
    assert 0 <= train.numbers.min() < train.numbers.max() < 1
    train, test = AeonNumbers("aeon/CardanoSentiment").read()
    assert (len(train), len(test), train.sequences[0].shape) == (74, 33, (24, 2))
