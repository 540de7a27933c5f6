"""Metrics of classifiers, decisions and weighted losses; scikit-learn and plain loops are the oracles."""

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
from tuner.adapters.class_scores import calibration_error, class_scores
from tuner.adapters.classification import Classification, trivial_of
from tuner.adapters.decisions import Decision, best_temperature, best_threshold, check_decision
from tuner.adapters.learned_options import ClassOptions, ThresholdFor
from tuner.errors import DataError


def drawn(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Probabilities (N, K), many of them equal, and classes, of which some may be missing."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 6))
    p_NK = rng.dirichlet(np.ones(classes), int(rng.integers(20, 60))).round(1) + 0.01
    truth_N = rng.integers(0, classes - (seed % 3 == 0 and classes > 2), len(p_NK))
    return p_NK / p_NK.sum(1, keepdims=True), truth_N


@pytest.mark.parametrize("seed", range(30))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    """With ties and missing classes, of all classes and of one."""
    metrics = pytest.importorskip("sklearn.metrics")
    p_NK, truth_N = drawn(seed)
    predicted_N, classes = p_NK.argmax(1), p_NK.shape[1]
    there = [number for number in range(classes) if 0 < (truth_N == number).sum() < len(truth_N)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that is answered and never right
        wanted = {
            "accuracy": metrics.accuracy_score(truth_N, predicted_N),
            "macro_f1": metrics.f1_score(truth_N, predicted_N, average="macro"),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth_N, predicted_N),
            "auc": np.mean([metrics.roc_auc_score(truth_N == k, p_NK[:, k]) for k in there]),
            "average_precision": np.mean([metrics.average_precision_score(truth_N == k, p_NK[:, k]) for k in there]),
        }
        found = class_scores(p_NK, predicted_N, truth_N)
        found.pop("calibration_error")
        assert found == pytest.approx(wanted)
        one = class_scores(p_NK, predicted_N, truth_N, there[0])
    assert one["f1"] == pytest.approx(metrics.f1_score(truth_N == there[0], predicted_N == there[0]))
    assert one["auc"] == pytest.approx(metrics.roc_auc_score(truth_N == there[0], p_NK[:, there[0]]))


def test_items_of_one_class_rank_as_chance() -> None:
    """Where there is nothing to rank, AUC is that of chance; the other scores are what they are."""
    p_NK = np.array([[0.7, 0.3], [0.2, 0.8]])
    scores = class_scores(p_NK, p_NK.argmax(1), np.zeros(2, dtype=np.int64))
    assert (scores["auc"], scores["average_precision"]) == (0.5, 1.0)
    assert (scores["accuracy"], scores["balanced_accuracy"]) == (0.5, 0.5)


def test_calibration_error_by_hand() -> None:
    """Two bins: three answers of 0.9 of which two are right, one of 0.55 that is right."""
    error = calibration_error(np.array([0.9, 0.9, 0.9, 0.55]), np.array([True, True, False, True]))
    assert error == pytest.approx(3 / 4 * abs(0.9 - 2 / 3) + 1 / 4 * 0.45)


@pytest.mark.parametrize("score", ["accuracy", "balanced_accuracy", "macro_f1", "f1"])
def test_no_other_threshold_is_better(score: ThresholdFor) -> None:
    """The chosen one has the best score that any threshold has."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        truth_N = rng.random(30) < 0.3
        p_N = np.clip(0.3 * truth_N + 0.7 * rng.random(30), 0, 1).round(2)

        def scored(threshold: float, p_N: Any = p_N, truth_N: Any = truth_N) -> float:
            answers_N = Decision(threshold=threshold).answers(np.stack([1 - p_N, p_N], 1))
            return class_scores(np.stack([1 - p_N, p_N], 1), answers_N, truth_N.astype(np.int64), 1)[score]

        grid = np.append(np.arange(0.005, 1, 0.01), 1 - 1e-9)
        assert scored(best_threshold(p_N, truth_N, score)) == pytest.approx(max(map(scored, grid)))


def test_a_temperature_makes_sure_logits_calibrated() -> None:
    """Logits that are three times too sure get the temperature 3; no other has a smaller loss."""
    rng = np.random.default_rng(0)
    logits_NK = rng.normal(size=(4000, 3))
    p_NK = Decision().probabilities(logits_NK)
    truth_N = (p_NK.cumsum(1) < rng.random((4000, 1))).sum(1).clip(max=2)
    found = best_temperature(3 * logits_NK, truth_N)
    assert found == pytest.approx(3, rel=0.1)

    def loss(temperature: float) -> float:
        return float(-np.log(Decision(temperature).probabilities(3 * logits_NK)[np.arange(4000), truth_N]).mean())

    assert loss(found) <= min(loss(found * 1.01), loss(found / 1.01))
    assert best_temperature(100 * np.eye(3), np.arange(3)) == pytest.approx(0.1, rel=1e-3)  # nothing is wrong


class Plain(Classification):
    """A classification whose splits are not read."""


def problem(folder: Path, labels: list[int], classes: list[str], **options: Any) -> Plain:
    """Of training labels."""
    (folder / "facts.json").write_text(json.dumps({"classes": classes}))
    np.save(folder / "train.y.npy", np.array(labels))
    return Plain(folder, ClassOptions(**options))


def batch_of(labels: list[int]) -> Batch:
    """Items with these labels."""
    return Batch(torch.zeros(len(labels), 1, 1), None, torch.tensor(labels))


def test_class_weights_and_focus_are_in_the_loss(tmp_path: Path) -> None:
    """Balanced weights are scikit-learn's formula in torch's weighted mean; focus is (1 - p)^g times the loss."""
    labels = [0, 0, 0, 1, 0, 2]
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weight_K = torch.tensor([6 / (3 * 4), 6 / 3, 6 / 3], dtype=torch.float64)
    batch = batch_of(labels)
    weighted = problem(tmp_path, labels, ["a", "b", "c"], class_weights="balanced").loss(logits, batch)
    torch.testing.assert_close(weighted, functional.cross_entropy(logits, batch.y, weight=weight_K))
    both = problem(tmp_path, labels, ["a", "b", "c"], class_weights="balanced", focal=2).loss(logits, batch)
    p_N = logits.softmax(1)[torch.arange(6), batch.y]
    item_N = -((1 - p_N) ** 2) * p_N.log()
    torch.testing.assert_close(both, (weight_K[batch.y] * item_N).sum() / weight_K[batch.y].sum())


def test_the_slope_of_a_focal_loss_is_finite(tmp_path: Path) -> None:
    """Where an item's probability is 1, below the root of what is left too."""
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    problem(tmp_path, [0, 1], ["a", "b"], focal=0.5).loss(logits, batch_of([0])).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_what_is_fitted_is_kept_apart(tmp_path: Path) -> None:
    """A problem with fitted values scores by them, and the one that it was made of goes on fitting."""
    classes, truth = ["no", "yes"], torch.tensor([0, 0, 0, 1])
    chosen = {"positive": "yes", "threshold": "f1", "temperature": "validation"}
    made = problem(tmp_path, [0, 1], classes, **chosen)
    logits = torch.tensor([[3.0, 0.0], [3.0, 0.5], [3.0, 0.0], [3.0, 2.0]])
    batches = [Batch(torch.zeros(4, 1, 1), None, truth)]
    values = made.fit([logits], batches)
    assert set(values) == {"threshold", "temperature"}
    assert values["threshold"] < 0.5
    kept = made.fitted(values)
    assert kept.fit([logits], batches) == {}
    assert kept.evaluate([logits], batches)["f1"] == made.evaluate([logits], batches)["f1"] == 1
    assert kept.evaluate([logits], batches) == pytest.approx(made.evaluate([logits], batches))
    lower = logits - torch.tensor([0.0, 1.0])  # a new item below the threshold, where fitting anew would find it
    assert kept.evaluate([lower], batches)["f1"] < made.evaluate([lower], batches)["f1"] == 1


def test_the_trivial_predictor_answers_as_asked() -> None:
    """It gives the class that the threshold's metric gains by: of F1, the positive one."""
    labels = {"train": np.array([0] * 8 + [1] * 2), "val": np.array([0, 0, 0, 1]), "test": np.array([0, 1])}
    plain = trivial_of(labels, ["no", "yes"], ClassOptions(positive="yes"))["val"]
    assert plain | {"auc": 0.5, "f1": 0.0, "accuracy": 0.75, "average_precision": 0.25} == plain
    lowered = trivial_of(labels, ["no", "yes"], ClassOptions(positive="yes", threshold="f1"))
    assert lowered["val"]["f1"] == pytest.approx(2 * 0.25 / 1.25)
    assert lowered["test"]["accuracy"] == 0.5


def test_what_does_not_fit_the_classes_is_told() -> None:
    """A positive class that is none, a threshold between three, one without a class: each is one line."""
    with pytest.raises(
        DataError, match=r"data\.positive must be one of the classes, but got 'yse'\. Did you mean 'yes'"
    ):
        check_decision(ClassOptions(positive="yse"), ["no", "yes"])
    with pytest.raises(DataError, match=r"data\.threshold must be left out where there are 3 classes, but got 'f1'"):
        check_decision(ClassOptions(positive="a", threshold="f1"), ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"data\.threshold must come with data\.positive, but got 0\.3"):
        ClassOptions(threshold=0.3)
