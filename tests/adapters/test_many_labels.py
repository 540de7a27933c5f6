"""Several labels per text: scores, losses, thresholds, and the forms that they are read from."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tuner.adapters.base import Batch
from tuner.adapters.class_scores import class_scores
from tuner.adapters.label_scores import METRICS, f1_scores, label_scores
from tuner.adapters.labels import ManyLabels, best_temperature, threshold_for, trivial_of
from tuner.adapters.learned_options import ClassOptions
from tuner.adapters.nlp.classification import TextClassification
from tuner.adapters.nlp.text_options import TextClassificationOptions
from tuner.adapters.segments import step_scores
from tuner.errors import DataError


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    """With ties, labels that nobody has, and items without one."""
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    truth_NK = rng.random((30, 4)) < [0.5, 0.2, 0.1, 0.0 if seed % 2 else 0.3]
    p_NK = np.clip(0.4 * truth_NK + 0.6 * rng.random((30, 4)), 0, 1).round(1)
    answer_NK = p_NK >= 0.5
    there = [k for k in range(4) if truth_NK[:, k].any()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a label that is neither there nor answered
        wanted = {
            "micro_f1": metrics.f1_score(truth_NK, answer_NK, average="micro"),
            "macro_f1": metrics.f1_score(truth_NK, answer_NK, average="macro", zero_division=np.nan),
            "accuracy": metrics.accuracy_score(truth_NK, answer_NK),
            "auc": metrics.roc_auc_score(truth_NK[:, there], p_NK[:, there], average="macro"),
            "average_precision": metrics.average_precision_score(truth_NK[:, there], p_NK[:, there], average="macro"),
        }
    assert label_scores(p_NK, answer_NK, truth_NK) == pytest.approx(wanted)


class Several(ClassOptions):
    """Options of items with several labels."""

    @property
    def several(self) -> bool:
        """See `ClassOptions`."""
        return True


def test_macro_f1_is_one_number_however_many_labels_an_item_may_have() -> None:
    """Also beside a class that no item has and none is answered with: it has no F1. Nor is there one of no label."""
    truth_N, answer_N = np.array([0, 0, 1, 1, 3]), np.array([0, 1, 1, 1, 0])
    one_hot = np.eye(5, dtype=bool)
    found = f1_scores(one_hot[answer_N], one_hot[truth_N])["macro_f1"]
    assert found == class_scores(np.full((5, 5), 0.2), answer_N, truth_N)["macro_f1"]
    assert found == step_scores([answer_N], [truth_N], 5)["macro_f1"]
    assert found == pytest.approx((2 * 1 / 4 + 2 * 2 / 5 + 0) / 3)
    assert f1_scores(one_hot[:0], one_hot[:0]) == {"micro_f1": 0.0, "macro_f1": 0.0}


@pytest.mark.parametrize("score", ["micro_f1", "macro_f1"])
def test_no_other_threshold_is_better(score: Any) -> None:
    """Of many that are tried."""
    rng = np.random.default_rng(0)
    truth_NK = rng.random((40, 3)) < 0.2
    p_NK = (0.3 * truth_NK + 0.4 * rng.random((40, 3))).round(2)
    found = threshold_for(Several(threshold=score), p_NK, truth_NK)
    assert found != 0.5
    best = max(f1_scores(p_NK >= each, truth_NK)[score] for each in np.arange(0.005, 1, 0.01))
    assert f1_scores(p_NK >= found, truth_NK)[score] == pytest.approx(best)


def problem(folder: Path, truth: Any, **options: Any) -> ManyLabels:
    """Of training items with these labels."""
    np.save(folder / "train.y.npy", np.asarray(truth, dtype=np.float32))
    (folder / "facts.json").write_text(json.dumps({"classes": ["a", "b"]}))
    return ManyLabels(folder, Several(**options))


def test_losses_by_hand(tmp_path: Path) -> None:
    """Each label's cross-entropy; smoothed; with weights by which both sides of a label are alike; with focus."""
    truth = [[1, 0], [0, 0], [1, 1]]
    batch = Batch(torch.zeros(3, 1, 1), None, torch.tensor(truth, dtype=torch.float32))
    z = torch.tensor([[0.5, -1.0], [2.0, 0.1], [-0.3, 0.7]], dtype=torch.float64)
    y = batch.y.double()
    plain = functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    torch.testing.assert_close(problem(tmp_path, truth).loss(z, batch), plain.mean())
    smooth = functional.binary_cross_entropy_with_logits(z, 0.9 * y + 0.05)
    torch.testing.assert_close(problem(tmp_path, truth, label_smoothing=0.1).loss(z, batch), smooth)
    share = torch.tensor([3 / 5, 2 / 5], dtype=torch.float64)
    weight = y / (2 * share) + (1 - y) / (2 - 2 * share)
    balanced = problem(tmp_path, truth, class_weights="balanced")
    torch.testing.assert_close(balanced.loss(z, batch), (weight * plain).sum() / weight.sum())
    (tmp_path / "train.y.npy").unlink()
    balanced.loss(z, batch)  # no batch reads the training split again
    right = torch.where(y > 0, z.sigmoid(), 1 - z.sigmoid())
    torch.testing.assert_close(problem(tmp_path, truth, focal=2).loss(z, batch), ((1 - right) ** 2 * plain).mean())
    head: Any = problem(tmp_path, truth, output_bias="prior").head(4)
    torch.testing.assert_close(head.bias.detach().sigmoid(), share.float())


def test_what_is_fitted_is_kept_apart(tmp_path: Path) -> None:
    """Temperature and threshold are found on what is given, and then stay."""
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(-2, 1, (4000, 2)))
    truth = (torch.rand(4000, 2, generator=torch.Generator().manual_seed(0)) < logits.sigmoid()).float()
    batch = Batch(torch.zeros(4000, 1, 1), None, truth)
    made = problem(tmp_path, truth, threshold="micro_f1", temperature="validation")
    values = made.fit([3 * logits], [batch])
    assert values["temperature"] == pytest.approx(3, rel=0.1)
    assert 0.05 < values["threshold"] < 0.4
    kept = made.fitted(values)
    assert kept.fit([logits], [batch]) == {}
    assert kept.evaluate([3 * logits], [batch]) == pytest.approx(made.evaluate([3 * logits], [batch]))
    assert kept.evaluate([logits], [batch])["micro_f1"] < made.evaluate([logits], [batch])["micro_f1"]
    assert set(kept.evaluate([logits], [batch])) == {metric.name for metric in METRICS}
    assert best_temperature(np.array([[9.0]]), np.array([[True]])) == pytest.approx(0.1, rel=1e-3)


def test_the_trivial_predictor_answers_as_asked() -> None:
    """No label is likelier than not; for micro F1 the frequent one is answered."""
    truth = np.tile([[True, False], [False, False], [False, True], [True, False], [False, False]], (4, 1))
    splits = dict.fromkeys(("train", "val", "test"), truth)
    assert trivial_of(splits, Several())["val"]["micro_f1"] == 0
    scores = trivial_of(splits, Several(threshold="micro_f1"))["test"]
    assert scores["micro_f1"] == pytest.approx(2 * 8 / (20 + 12))
    assert scores["auc"] == 0.5
    alike = np.tile([[True, False], [False, True], [False, False]], (4, 1))
    alike_too = trivial_of(dict.fromkeys(("train", "val", "test"), alike), Several(threshold="macro_f1"))["val"]
    assert alike_too["macro_f1"] == pytest.approx(0.5)  # all labels, as no label is likelier than another


LABELS = ["", "sad", "funny|sad", "funny", "sad|long"] * 6


def csv_cells(folder: Path) -> dict[str, Any]:
    """Labels parted in a cell."""
    rows = [f"text {i},{label}" for i, label in enumerate(LABELS)]
    (folder / "x.csv").write_text("\n".join(["text,label", *rows]))
    return {"path": "x.csv"}


def csv_columns(folder: Path) -> dict[str, Any]:
    """A column per label."""
    names = ["funny", "long", "sad"]
    rows = [
        ",".join([f"text {i}", *("1" if name in label else "0" for name in names)]) for i, label in enumerate(LABELS)
    ]
    (folder / "x.csv").write_text("\n".join([f"text,{','.join(names)}", *rows]))
    return {"path": "x.csv", "label_columns": names}


def json_lists(folder: Path) -> dict[str, Any]:
    """Lists in JSON lines, in any order."""
    rows = [{"text": f"text {i}", "label": label.split("|")[::-1] if label else []} for i, label in enumerate(LABELS)]
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {"path": "x.jsonl"}


@pytest.mark.parametrize("form", [csv_cells, csv_columns, json_lists])
def test_forms_are_read_alike(form: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same labels of the same texts, whatever they stand in; a text without labels is one."""
    monkeypatch.chdir(tmp_path)
    options = TextClassificationOptions(labels="many", val=0.2, test=0.2, **form(tmp_path))
    (tmp_path / "out").mkdir()
    prepared = TextClassification(options).prepare(tmp_path / "out")
    assert prepared.counts == {"train": 18, "val": 6, "test": 6}
    assert prepared.about["classes"] == ["funny", "long", "sad"]
    y = np.concatenate([np.load(tmp_path / "out" / f"{split}.y.npy") for split in ("train", "val", "test")])
    assert y.sum(axis=0).tolist() == [12, 6, 18]
    assert (y.sum(axis=1) == 0).sum() == 6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"positive": "a"}, r"data\.positive must be left out where items have several labels"),
        ({"threshold": "f1"}, r"data\.threshold must be a number or one of accuracy, macro_f1, micro_f1"),
        ({"labels": "one", "threshold": "micro_f1", "positive": "a"}, r"data\.threshold must be a number or one of"),
        ({"labels": "one", "label_columns": ["a"]}, r"data\.label_columns must be left out with one label per text"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], told: str) -> None:
    """Each is one line."""
    with pytest.raises(ValueError, match=told):
        TextClassificationOptions(path="x", **{"labels": "many", **options})


def test_a_column_that_is_a_label_says_yes_or_no(tmp_path: Path) -> None:
    """Anything else is named with its place."""
    (tmp_path / "x.csv").write_text("text,sad\nrain,1\nsun,maybe\n")
    options = TextClassificationOptions(path=str(tmp_path / "x.csv"), labels="many", label_columns=("sad",))
    with pytest.raises(DataError, match=r"x\.csv:3: sad must be 1 or 0, but got 'maybe'"):
        TextClassification(options).prepare(tmp_path)


def test_labels_that_no_training_text_has_are_told_and_counted(tmp_path: Path) -> None:
    """By name, and in how many texts of which split they count for nothing."""
    labels = {"train": ["sad", "sad|funny", ""], "val": ["rare|sad"], "test": ["rare|odd", "rare"]}
    lines = [f"text {label},{label},{split}" for split, each in labels.items() for label in each]
    (tmp_path / "x.csv").write_text("\n".join(["text,label,part", *lines]))
    options = TextClassificationOptions(path=str(tmp_path / "x.csv"), labels="many", split="part")
    (tmp_path / "out").mkdir()
    assert (
        "2 labels that no training text has cannot be learned, and are left out of the scores: "
        "odd (1 test text), rare (1 validation text and 2 test texts)"
    ) in TextClassification(options).prepare(tmp_path / "out").notices
