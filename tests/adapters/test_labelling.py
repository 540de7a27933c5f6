"""A class per step: scores of segments, reading, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support.models import made_model
from tuner.adapters.base import Batch
from tuner.adapters.labelling import Labelling, trivial_scores
from tuner.adapters.learned_options import SymbolOptions
from tuner.adapters.ragged import Ragged
from tuner.adapters.segments import segments, step_scores
from tuner.adapters.time_series import step_codec
from tuner.adapters.time_series.item_options import LabellingOptions
from tuner.adapters.time_series.items import Items
from tuner.adapters.time_series.labelling import SeriesLabelling
from tuner.adapters.time_series.reading import read_items
from tuner.errors import DataError
from tuner.predict import load


def steps(text: str) -> Any:
    """Class numbers, a digit each."""
    return np.array([int(each) for each in text])


def test_segments_are_runs() -> None:
    """Of one class each, but for the background."""
    assert segments(steps("00110222")) == [(0, 0, 2), (1, 2, 4), (0, 4, 5), (2, 5, 8)]
    assert segments(steps("00110222"), background=0) == [(1, 2, 4), (2, 5, 8)]
    assert segments(steps("0"), background=0) == []


@pytest.mark.parametrize(
    ("answer", "truth", "f1"),
    [
        ("0011122", "0011122", 1.0),
        ("0001111", "0011111", 1.0),  # ends a step off: overlaps of 2/3 and 4/5
        ("0000001", "0111111", 0.0),  # overlaps of 1/6
        ("0101010", "0000000", 0.0),  # four runs of 1/7 each and three of another class
        ("0000000", "0001111", 0.0),  # 3/7 of the only one
        ("1111000", "1111110", 2 / 4),  # of 1 it is 4/6; of 0 it is 1/3
        ("0011", "1100", 0.0),
    ],
)
def test_segments_are_found_by_half_of_both(answer: str, truth: str, f1: float) -> None:
    """By hand."""
    assert step_scores([steps(answer)], [steps(truth)], 3)["segment_f1"] == pytest.approx(f1)


def test_a_segment_is_found_once() -> None:
    """Of two answers within one segment, one counts; the background is none."""
    scores = step_scores([steps("00111011100")], [steps("00111111100")], 2, background=0)
    assert scores["segment_f1"] == 0  # each overlaps by 3/7
    scores = step_scores([steps("0011111010")], [steps("0011111110")], 2, background=0)
    assert scores["segment_f1"] == pytest.approx(2 * 1 / (2 + 1))


def test_segments_are_counted_by_class(tmp_path: Path) -> None:
    """For the report: found, predicted and true ones of each class, but the background."""
    (tmp_path / "facts.json").write_text(json.dumps({"classes": ["a", "none", "c"], "background": 1}))
    problem = Labelling(tmp_path, SymbolOptions())
    truth = torch.from_numpy(np.stack([steps("00112221"), steps("11133111")])).long()
    truth[1, 7] = -1
    answers = np.stack([steps("00110221"), steps("11122110")])
    reduced = torch.from_numpy(np.stack([np.zeros(answers.shape), answers], axis=-1))
    batch = Batch(torch.zeros(2, 8, 1), torch.tensor([8, 7]), truth)
    found = problem.shown([reduced], [batch])
    assert list(found.types) == ["a", "c"]
    assert (found.right, found.predicted, found.true) == ([1, 1], [2, 2], [1, 1])  # 3 is no class of training
    assert problem.evaluate([reduced], [batch])["segment_f1"] == pytest.approx(2 * 2 / (4 + 3))


def test_steps_score_as_scikit_learn_has_it() -> None:
    """Over the steps of all items."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = [rng.integers(0, 3, size) for size in (5, 30, 1)]
    answers = [np.where(rng.random(len(item)) < 0.6, item, 1) for item in truth]
    scores = step_scores(answers, truth, 3)
    both = np.concatenate(truth), np.concatenate(answers)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(*both))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(*both, average="macro"))


def test_what_nobody_has_learned_counts_as_wrong(tmp_path: Path) -> None:
    """It has no likelihood; padding counts for nothing."""
    (tmp_path / "facts.json").write_text(json.dumps({"classes": ["a", "b"], "background": -1}))
    problem = Labelling(tmp_path, SymbolOptions())
    y = torch.tensor([[0, 1, 2], [1, -1, -1]])
    batch = Batch(torch.zeros(2, 3, 1), torch.tensor([3, 1]), y)
    logits = torch.tensor([[[9.0, 0.0], [0.0, 9.0], [9.0, 0.0]], [[0.0, 9.0], [9.0, 0.0], [9.0, 0.0]]])
    scores = problem.evaluate([problem.reduce(logits, batch)], [batch])
    assert scores["accuracy"] == 0.75
    assert scores["loss"] == pytest.approx(np.log1p(np.exp(-9)))
    trivial = trivial_scores([steps("0001")], [steps("002")], 2, -1)
    assert trivial["accuracy"] == pytest.approx(2 / 3)
    assert trivial["loss"] == pytest.approx(-np.log(4 / 6))


VALUES = {"a": "xxyy", "b": "y", "c": "xyx", "d": "xy", "e": "yx"}


def table(folder: Path, **columns: Any) -> Path:
    """A row per step."""
    rows = [[name, at, at * 0.5, label] for name, labels in VALUES.items() for at, label in enumerate(labels)]
    frame = pd.DataFrame(rows, columns=["run", "t", "v", "state"]).assign(**columns)
    frame.to_csv(folder / "x.csv", index=False)
    return folder / "x.csv"


def archive(folder: Path) -> Path:
    """Arrays, item after item."""
    lengths = [len(labels) for labels in VALUES.values()]
    x = np.concatenate([np.arange(length) * 0.5 for length in lengths])
    np.savez(folder / "x.npz", X=x, y=np.array(list("".join(VALUES.values()))), lengths=lengths)
    return folder / "x.npz"


def test_forms_are_read_alike(tmp_path: Path) -> None:
    """The same steps with the same classes."""
    options = {"id": "run", "time": "t", "label": "state"}
    for items in (
        read_items(table(tmp_path), LabellingOptions(path="x", **options)),
        read_items(archive(tmp_path), LabellingOptions(path="x")),
    ):
        assert isinstance(items, Items)
        assert ["".join(each.tolist()) for each in items.step_labels] == list(VALUES.values())
        assert [item[:, 0].tolist() for item in items.sequences][2] == [0, 0.5, 1]


def test_a_copy_of_the_label_is_left_out(tmp_path: Path) -> None:
    """A column that says each row's class in other words."""
    code = [float(label == "y") for labels in VALUES.values() for label in labels]
    path = table(tmp_path, code=code)
    items = read_items(path, LabellingOptions(path="x", id="run", time="t", label="state"))
    assert items.channels == ("v",)
    assert any("in every row: 'code'" in notice for notice in items.notices)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("x.ts", {}, r"classes of steps must stand in a table"),
        ("y.npz", {}, r"y must hold a class for each of the 12 steps, whole numbers or texts, but got '<U1 \(5,\)'"),
    ],
)
def test_where_steps_have_no_classes(name: str, options: dict[str, Any], told: str, tmp_path: Path) -> None:
    """It is told what is needed."""
    table(tmp_path)
    (tmp_path / "x.ts").write_text("@classLabel true a\n@data\n1,2:a\n")
    lengths = [len(labels) for labels in VALUES.values()]
    np.savez(tmp_path / "y.npz", X=np.arange(12.0), y=np.array(list("abcde")), lengths=lengths)
    with pytest.raises(DataError, match=told):
        read_items(tmp_path / name, LabellingOptions(path="x", **options))


def test_what_is_told_of_classes(tmp_path: Path) -> None:
    """A background that is none of them; one that only test items have."""
    options = {"path": str(table(tmp_path)), "id": "run", "label": "state"}
    with pytest.raises(DataError, match=r"data\.background must be one of the classes, but got 'z'"):
        SeriesLabelling(LabellingOptions(**options, background="z")).prepare(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    table(other, state=["x", "y", "z"] * 4)
    (tmp_path / "out").mkdir()
    held = {**options, "test_path": str(other / "x.csv")}
    prepared = SeriesLabelling(LabellingOptions(**held, background="x")).prepare(tmp_path / "out")
    assert "classes of test that no training item has: z; they count as wrong" in prepared.notices
    assert prepared.trivial["test"]["accuracy"] < 1


def recording(folder: Path, rows: int) -> str:
    """One recording, without a column of recordings, latest row first; the class is the sign of the value."""
    at = np.arange(rows)[::-1]
    value = np.sin(at / 3)
    states = np.where(value > 0, "up", "down")
    pd.DataFrame({"t": at, "v": value, "state": states}).to_csv(folder / "one.csv", index=False)
    return str(folder / "one.csv")


@pytest.mark.parametrize(("given", "window"), [({}, 16), ({"window": 20}, 20)])
def test_one_recording_is_split_in_time(given: dict[str, Any], window: int, tmp_path: Path) -> None:
    """In pieces, which are told; earlier ones train, later ones validate, the last ones are the test."""
    path = recording(tmp_path, 410)
    adapter = SeriesLabelling(LabellingOptions(path=path, time="t", label="state", **given))
    prepared = adapter.prepare(tmp_path)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["window"] == window
    pieces = -(-410 // window)
    assert sum(prepared.counts.values()) == pieces
    assert [note for note in prepared.notices if f"1 recording cut into pieces of {window} rows, in time" in note]
    steps = [Ragged(tmp_path, f"{split}.x") for split in ("train", "val", "test")]
    values = np.concatenate([split[item] for split in steps for item in range(len(split))])[:, 0]
    np.testing.assert_allclose(values * facts["scale"][0] + facts["mean"][0], np.sin(np.arange(410) / 3), atol=1e-5)
    problem: Any = adapter.problem(tmp_path)
    assert problem.lag == window


def test_too_short_a_recording_is_told(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(
        DataError, match=r"a piece for each split, but got '30 rows, pieces of 16'\. Set data\.window to"
    ):
        SeriesLabelling(LabellingOptions(path=recording(tmp_path, 30), time="t", label="state")).prepare(tmp_path)


def test_a_recording_is_answered_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order of its rows, though the network sees pieces, in batches; a piece is answered as it is alone."""
    path = recording(tmp_path, 410)
    data = {"path": path, "time": "t", "label": "state"}
    model = load(made_model(tmp_path / "made", "time_series/labelling", data=data))
    answers = model.predict(pd.read_csv(path))
    assert answers["step"].tolist() == [*range(1, 411)]
    monkeypatch.setattr(step_codec, "_AT_ONCE", 5)
    assert model.predict(Path(path))["probability"].to_numpy() == pytest.approx(answers["probability"].to_numpy())
    alone = model.predict([np.sin(np.arange(16, 32) / 3)[:, None]])
    assert alone["probability"].to_numpy() == pytest.approx(answers["probability"].to_numpy()[16:32])
