"""Several independent labels per item: the trivial predictor, the problem of labelling sequences, and its answers.

Letters of shapes: B items of a batch, N items, K labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.classification import Classification
from tuner.adapters.decisions import COOLEST, HOTTEST, best_threshold
from tuner.adapters.folds import averaged, targets
from tuner.adapters.label_scores import f1_scores, label_scores
from tuner.adapters.learned_options import ClassOptions

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tuner.adapters.base import Batch, Forward, Item, Row

TRIVIAL = "frequencies of the labels"
"""Name of the trivial predictor."""
_CANDIDATES = 200
"""Number of thresholds to try for a score that is not a sum over labels."""


def trivial_of(
    truth: Mapping[Any, NDArray[np.bool_]], options: ClassOptions, fold_N: NDArray[np.int64] | None = None
) -> dict[str, dict[str, float]]:
    """Scores on validation and test items of predicting each label's frequency in training (add-one smoothing).

    Args:
        truth: The labels of each split's items, (N, K).
        options: The adapter's; they define which labels are predicted.
        fold_N: The fold of each training item, if there are folds.
    """
    return averaged(truth, fold_N, lambda parts: _trivial_of(parts, options))


def _trivial_of(truth: Mapping[Any, NDArray[np.bool_]], options: ClassOptions) -> dict[str, dict[str, float]]:
    train_NK = truth["train"]
    share_K = _shares(train_NK)
    threshold = threshold_for(options, np.broadcast_to(share_K, train_NK.shape), train_NK)
    scores = {}
    for split in ("val", "test"):
        p_NK = np.broadcast_to(share_K, truth[split].shape)
        nats_NK = -np.where(truth[split], np.log(p_NK), np.log1p(-p_NK))
        scores[split] = {"loss": float(nats_NK.mean()), **label_scores(p_NK, p_NK >= threshold, truth[split])}
    return scores


def threshold_for(options: ClassOptions, p_NK: NDArray[np.float64], truth_NK: NDArray[np.bool_]) -> float:
    """The probability from which on labels are predicted: by the options, or the best on these items."""
    score = options.threshold
    if not isinstance(score, str):
        return score
    if score == "micro_f1":
        return best_threshold(p_NK.ravel(), truth_NK.ravel(), "f1")
    edges = np.unique([0.0, *np.quantile(p_NK, np.linspace(0, 1, _CANDIDATES)), 1.0])  # from all to none predicted
    candidates = np.clip((edges[1:] + edges[:-1]) / 2, 1e-9, 1 - 1e-9)
    scored = np.array(
        [
            f1_scores(p_NK >= each, truth_NK)["macro_f1"]
            if score == "macro_f1"
            else ((p_NK >= each) == truth_NK).all(1).mean()
            for each in candidates
        ]
    )
    best = candidates[scored >= scored.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])  # of ties the one nearest to 0.5, as for two classes


def best_temperature(logits_NK: NDArray[np.float64], truth_NK: NDArray[np.bool_]) -> float:
    """The temperature with the lowest cross-entropy, in [0.1, 10]; see `decisions.best_temperature`."""
    low, high = np.log(COOLEST), np.log(HOTTEST)
    for _ in range(50):
        middle = (low + high) / 2
        if ((_sigmoid(logits_NK / np.exp(middle)) - truth_NK) * logits_NK).mean() > 0:  # too confident
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    p: NDArray[np.float64] = 0.5 * (1 + np.tanh(x / 2))
    return p


def _shares(train_NK: NDArray[np.bool_]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = (train_NK.sum(axis=0) + 1.0) / (len(train_NK) + 2.0)
    return shares


class ManyLabels(Classification):
    """Sequences with any number of labels each; `<split>.y.npy` is float32 (N, K), 1 where an item has a label."""

    logits = False  # each logit is of a label by itself, not of one class among others

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> None:
        """None: a confusion matrix needs one class per item. See `ShowingProblem`."""

    def _bias(self) -> NDArray[np.float64]:
        if self.options.output_bias == "zero":
            return np.zeros(len(self.classes))
        bias: NDArray[np.float64] = np.log(self._share_K / (1 - self._share_K))
        return bias

    @cached_property
    def _share_K(self) -> NDArray[np.float64]:  # noqa: N802 - K is its shape
        return _shares(targets(self.folder, "train", self.fold).astype(np.float32) > 0)

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy per label in nats, modified by the options; see `Classification.loss`.

        With balanced weights, the items with a label have the same total weight as those without it.
        """
        import torch
        from torch.nn import functional

        options = self.options
        truth_BK = batch.y.to(prediction.dtype)
        smooth_BK = truth_BK * (1 - options.label_smoothing) + options.label_smoothing / 2
        loss_BK = functional.binary_cross_entropy_with_logits(prediction, smooth_BK, reduction="none")
        if options.focal:
            p_BK = torch.sigmoid(prediction)
            right_BK = truth_BK * p_BK + (1 - truth_BK) * (1 - p_BK)
            loss_BK = (1 - right_BK).clamp_min(1e-6).pow(options.focal) * loss_BK
        if options.class_weights == "none":
            return loss_BK.mean()
        share_K = torch.from_numpy(self._share_K).to(prediction)
        weight_BK = truth_BK / (2 * share_K) + (1 - truth_BK) / (2 * (1 - share_K))
        return (weight_BK * loss_BK).sum() / weight_BK.sum()

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over all items; see `label_scores`."""
        logits_NK, truth_NK = _gathered(predictions, batches)
        temperature, threshold = self._fit(logits_NK, truth_NK)
        scaled_NK = logits_NK / temperature
        nats_NK = np.logaddexp(0, np.where(truth_NK, -scaled_NK, scaled_NK))
        p_NK, loss = _sigmoid(scaled_NK), float(nats_NK.mean())
        return {
            "loss": loss if math.isfinite(loss) else math.nan,
            **label_scores(p_NK, p_NK >= threshold, truth_NK),
        }

    def fit(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """See `Classification.fit`."""
        temperature, threshold = self._fit(*_gathered(predictions, batches))
        asked = {"temperature": temperature, "threshold": threshold}
        return {name: value for name, value in asked.items() if isinstance(getattr(self.options, name), str)}

    def _fit(self, logits_NK: NDArray[np.float64], truth_NK: NDArray[np.bool_]) -> tuple[float, float]:
        """Temperature and threshold: by the options, or the best on these items."""
        temperature = self.options.temperature
        if isinstance(temperature, str):
            temperature = best_temperature(logits_NK, truth_NK)
        return temperature, threshold_for(self.options, _sigmoid(logits_NK / temperature), truth_NK)

    def probabilities(self, logits_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability of each label, by a model with a known temperature."""
        return _sigmoid(logits_NK / self.decision.temperature)


def _gathered(predictions: Sequence[Tensor], batches: Sequence[Batch]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    logits = np.concatenate([each.double().cpu().numpy() for each in predictions])
    return logits, np.concatenate([batch.y.cpu().numpy() for batch in batches]) > 0


class LabelsCodec:
    """Common parts of all codecs of several labels: the column `labels` has those with a high enough probability.

    Subclasses read.

    Args:
        problem: The learning problem.
        separator: The separator of labels.
    """

    def __init__(self, problem: ManyLabels, separator: str) -> None:
        self.problem, self._separator = problem, separator

    def columns(self, *, proba: bool) -> dict[str, type]:
        """See `Codec`."""
        return {"labels": str, **{f"p({name})": float for name in (self.problem.classes if proba else ())}}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """One row per item. See `Codec`."""
        from tuner.adapters.batching import device_of, padded

        problem = self.problem
        p_BK = problem.probabilities(network(*padded(items, device_of(network))).double().cpu().numpy())
        rows: list[list[Row]] = []
        for item, p_K in zip(items, p_BK, strict=True):
            chosen = [name for name, p in zip(problem.classes, p_K, strict=True) if p >= problem.decision.threshold]
            shown = {f"p({name})": p for name, p in zip(problem.classes, p_K.tolist(), strict=True)} if proba else {}
            rows.append([{**item.facts, "labels": self._separator.join(chosen), **shown}])
        return rows

    @property
    def said(self) -> dict[str, str]:
        """Description of an exported graph's predictions."""
        decision = self.problem.decision
        return {
            "prediction": "a logit per label, in the order of facts.classes; divided by options.temperature, "
            f"{decision.temperature:.6g}, its logistic function is the label's probability; a label is answered from "
            f"options.threshold, {decision.threshold:.6g}, on"
        }
