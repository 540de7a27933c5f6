"""Common parts of all classifications: metrics, the trivial predictor, and the problem of classifying sequences."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.class_scores import METRICS as METRICS
from tuner.adapters.class_scores import class_scores
from tuner.adapters.class_scores import metrics_of as metrics_of
from tuner.adapters.decisions import Decision, check_decision
from tuner.adapters.folds import averaged, targets
from tuner.adapters.learned_options import ClassOptions
from tuner.adapters.ragged_problem import RaggedProblem
from tuner.adapters.shown_classes import as_series as as_series
from tuner.adapters.shown_classes import confused, logits_of, truth_of
from tuner.errors import DataError, is_text

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tuner.adapters.base import Batch, Dataset, Forward, Item, Row, Split
    from tuner.adapters.shown import Confused

Chosen = TypeVar("Chosen", bound=ClassOptions)
MANY = 6
"""Number of different labels from which on numeric labels are suspected to be no classes."""
LOGITS = "a logit per class, in the order of facts.classes; their softmax is the probability"
TRIVIAL = "most frequent class"
"""Name of the trivial predictor, unless a threshold makes it answer another class."""
FLAT = 1e-6
"""Smallest 1 - p in the focal loss: the gradient of its power is not finite at 0."""


def check_labels(labels: Sequence[str], places: Sequence[str], *, num_splits: int) -> None:
    """Check that there are two labels or more, and that each can occur once per split.

    Args:
        labels: One label per item.
        places: Where each item was read, "file:line"; shown in the message.
        num_splits: Number of splits.

    Raises:
        DataError: They are not.
    """
    counts = Counter(labels)
    for label in counts:
        if not is_text(label):
            raise DataError(
                "a label must be text that UTF-8 can write",
                value=label,
                fix="Rename the folder or file, or mend the cell that gives it.",
                where=places[labels.index(label)],
            )
    if len(counts) < 2:
        raise DataError(
            "there must be at least two different labels",
            value=list(counts),
            fix="Check which column, pattern or folder gives the label.",
            where=places[0].partition(":")[0] if places else "",
        )
    label, fewest = min(counts.items(), key=lambda pair: (pair[1], pair[0]))
    if fewest < num_splits:
        raise DataError(
            f"label {label!r} must occur at least {num_splits} times, once per split",
            value=fewest,
            fix=_NUMBERS if _are_numbers(counts) else "Add items of that label, or remove it.",
            where=places[labels.index(label)],
        )


_NUMBERS = "If these are numbers to predict, not classes, use the adapter time_series/regression or nlp/regression."


def _are_numbers(counts: Counter[str]) -> bool:
    """Whether labels are numbers most of which occur only once."""
    if sum(count == 1 for count in counts.values()) * 2 < len(counts) or len(counts) < MANY:
        return False
    return all(re.fullmatch(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?", label) for label in counts)


def check_kept(labels: Sequence[str], kept: Sequence[str], places: Sequence[str], reason: str, fix: str) -> None:
    """Check that no class loses all its items when some are left out.

    Args:
        labels: One label per item, of all items.
        kept: Labels of the remaining items.
        places: Where each item was read.
        reason: Property of the items left out: "empty".
        fix: What to do.

    Raises:
        DataError: A class does.
    """
    for label in sorted(set(labels) - set(kept)):
        raise DataError(
            f"class {label!r} must keep an item, but all of its {labels.count(label)} are {reason}",
            fix=fix,
            where=places[labels.index(label)],
        )


def trivial_of(
    labels: Mapping[Any, NDArray[np.int64]],
    classes: Sequence[str],
    options: ClassOptions,
    fold_N: NDArray[np.int64] | None = None,
) -> dict[str, dict[str, float]]:
    """The trivial predictor's scores on validation and test items; see `trivial_scores`.

    Args:
        labels: Numbers of the classes of each split's items.
        classes: Their names.
        options: The adapter's; they define how classes are predicted.
        fold_N: The fold of each training item, if there are folds.

    Raises:
        DataError: The options do not fit the classes.
    """
    check_decision(options, classes)
    return averaged(labels, fold_N, lambda parts: _trivial_of(parts, classes, options))


def _trivial_of(
    labels: Mapping[Any, NDArray[np.int64]], classes: Sequence[str], options: ClassOptions
) -> dict[str, dict[str, float]]:
    train, decision = labels["train"], _trivial_decision(labels["train"], classes, options)
    positive = None if options.positive is None else decision.positive
    return {
        split: trivial_scores(train, labels[split], len(classes), decision, positive=positive)
        for split in ("val", "test")
    }


def trivial_name(train: NDArray[np.int64], classes: Sequence[str], options: ClassOptions) -> str:
    """What the trivial predictor answers: the most frequent class, or, by a threshold, always another one.

    Args:
        train: Class numbers of the training items.
        classes: The classes' names.
        options: The adapter's; they define how classes are predicted.
    """
    share_1K = _shares(train, len(classes))[None]
    answer = int(_trivial_decision(train, classes, options).answers(share_1K)[0])
    return TRIVIAL if answer == int(share_1K.argmax()) else f"always {classes[answer]!r}"


def _trivial_decision(train: NDArray[np.int64], classes: Sequence[str], options: ClassOptions) -> Decision:
    """How classes are predicted by their frequencies in the training split."""
    constant_NK = np.broadcast_to(np.log(_shares(train, len(classes))), (len(train), len(classes)))
    return replace(Decision.of(options, classes).fitted(options, constant_NK, train), temperature=1.0)


def trivial_scores(
    train: NDArray[np.int64],
    other: NDArray[np.int64],
    num_classes: int,
    decision: Decision | None = None,
    *,
    positive: int | None = None,
) -> dict[str, float]:
    """Scores on `other` of predicting the training split's class frequencies (with add-one smoothing).

    Args:
        train: Class numbers of the training items.
        other: Class numbers of the scored items.
        num_classes: Number of classes.
        decision: How classes are chosen; None: the most probable.
        positive: See `class_scores`.
    """
    share_K = _shares(train, num_classes)
    p_NK = np.broadcast_to(share_K, (len(other), num_classes))
    predicted = (decision or Decision()).answers(p_NK)
    return {"loss": float(-np.log(share_K)[other].mean()), **class_scores(p_NK, predicted, other, positive)}


def _shares(train: NDArray[np.int64], num_classes: int) -> NDArray[np.float64]:
    counts = np.bincount(train, minlength=num_classes) + 1.0
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def numbered(labels: Iterable[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """The number of each label among the classes."""
    numbers = {label: number for number, label in enumerate(classes)}
    return np.asarray([numbers[label] for label in labels], dtype=np.int64)


def write_labels(folder: Path, split: str, labels: Sequence[int]) -> None:
    """Store the class numbers of a split as `<split>.y.npy`."""
    np.save(folder / f"{split}.y.npy", np.asarray(labels, dtype=np.int64))


def write_facts(folder: Path, facts: Mapping[str, object]) -> None:
    """Store what `problem` needs to know (classes, channels, ...) as `facts.json`."""
    (folder / "facts.json").write_text(json.dumps(facts))


class Classification(RaggedProblem):
    """Classification of sequences by cross-entropy; `facts.json` has `classes`, splits are ragged arrays `<split>.x`.

    Subclasses define `encoder`.
    """

    every_step = False
    logits = True

    def __init__(self, folder: Path, options: ClassOptions) -> None:
        self.folder, self.options = folder, options
        self.facts: dict[str, object] = json.loads((folder / "facts.json").read_text())
        classes = self.facts["classes"]
        assert isinstance(classes, list)
        self.classes: list[str] = classes
        self.decision = Decision.of(options, classes)

    def dataset(self, split: Split) -> Dataset:
        """Open a split, memory-mapped."""
        return self.items(split)

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Confused | None:
        """See `ShowingProblem`."""
        return confused(self.classes, predictions, batches, self.item, self.decision)

    def fit(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Fit temperature and threshold if the options say so. See `FittingProblem`."""
        decision = self._decided(logits_of(predictions), truth_of(batches))
        asked = {"temperature": decision.temperature, "threshold": decision.threshold}
        return {name: value for name, value in asked.items() if isinstance(getattr(self.options, name), str)}

    def fitted(self, values: Mapping[str, float]) -> Self:
        """See `FittingProblem`."""
        other = copy(self)
        other.options = self.options.model_copy(update=dict(values))
        other.decision = Decision.of(other.options, self.classes)
        return other

    def _decided(self, logits_NK: NDArray[np.float64], truth_N: NDArray[np.int64]) -> Decision:
        """How classes are chosen; values that are not fitted yet are fitted on these items."""
        return self.decision.fitted(self.options, logits_NK, truth_N)

    def item(self, x: NDArray[Any]) -> Mapping[str, Any]:  # noqa: ARG002 - subclasses look at it
        """An item's steps (T, ...) in a form for people; empty if its numbers mean nothing to them."""
        return {}

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to one logit per class, its bias initialized by `ClassOptions.output_bias`."""
        import torch
        from torch import nn

        head = nn.Linear(input_size, len(self.classes))
        with torch.no_grad():
            head.bias.copy_(torch.from_numpy(self._bias()))
        return head

    def _bias(self) -> NDArray[np.float64]:
        if self.options.output_bias == "zero":
            return np.zeros(len(self.classes))
        bias: NDArray[np.float64] = np.log(self._train_shares())
        return bias

    def _train_shares(self) -> NDArray[np.float64]:
        return _shares(targets(self.folder, "train", self.fold).astype(np.int64), len(self.classes))

    @cached_property
    def _class_weights(self) -> Tensor:
        """Weight of each class in the training loss."""
        import torch

        counts_K = np.bincount(targets(self.folder, "train", self.fold).astype(np.int64), minlength=len(self.classes))
        balanced = self.options.class_weights == "balanced"
        return torch.from_numpy(counts_K.sum() / (len(counts_K) * counts_K) if balanced else np.ones(len(counts_K)))

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy in nats, with label smoothing, class weights and focal factor as in the options.

        With weights w the mean is sum(w l) / sum(w). Where the targets are shares of classes (B, K), weight and
        probability of an item are the means of its classes.
        """
        from torch.nn import functional

        options = self.options
        if options.class_weights == "none" and not options.focal:
            return functional.cross_entropy(prediction, batch.y, label_smoothing=options.label_smoothing)
        loss_B = functional.cross_entropy(
            prediction, batch.y, label_smoothing=options.label_smoothing, reduction="none"
        )
        shares = batch.y.is_floating_point()
        weight_K = self._class_weights.to(prediction)
        weight_B = batch.y.to(weight_K) @ weight_K if shares else weight_K[batch.y]
        if options.focal:
            p_BK = prediction.softmax(dim=1)
            p_B = (batch.y * p_BK).sum(1) if shares else p_BK.gather(1, batch.y[:, None])[:, 0]
            loss_B = (1 - p_B).clamp_min(FLAT).pow(options.focal) * loss_B
        return (weight_B * loss_B).sum() / weight_B.sum()

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over all items; see `metrics_of`."""
        import torch
        from torch.nn import functional

        logits = torch.cat(list(predictions)).double()
        truth = torch.cat([batch.y for batch in batches])
        logits_NK, truth_N = logits.cpu().numpy(), truth.cpu().numpy()
        decision = self._decided(logits_NK, truth_N)
        loss = functional.cross_entropy(logits / decision.temperature, truth).item()
        p_NK = decision.probabilities(logits_NK)
        positive = None if self.options.positive is None else decision.positive
        scores = class_scores(p_NK, decision.answers(p_NK), truth_N, positive)
        return {"loss": loss if math.isfinite(loss) else math.nan, **scores}


class ClassCodec:
    """Common parts of all codecs of classes: the answer is a class, chosen by `Decision`, and its probability.

    Subclasses read. Columns: the items' identifying facts, `class`, `probability`, and with `proba` one
    `p(<class>)` per class.

    Args:
        problem: Opened with `as_used`.
        repeated: Names of these facts: an id, a path.
    """

    def __init__(self, problem: Classification, *repeated: str) -> None:
        self.problem, self._repeated = problem, repeated

    def columns(self, *, proba: bool) -> dict[str, type]:
        """See `Codec`."""
        return {**dict.fromkeys(self._repeated, str), **class_columns(self.problem.classes, proba=proba)}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """One row per item. See `Codec`."""
        from tuner.adapters.batching import device_of, padded

        decision, classes = self.problem.decision, self.problem.classes
        p_BK = decision.probabilities(network(*padded(items, device_of(network))).double().cpu().numpy())
        return [
            [{**item.facts, **class_row(p_K, classes, answer=int(answer), proba=proba)}]
            for item, p_K, answer in zip(items, p_BK, decision.answers(p_BK), strict=True)
        ]

    @property
    def said(self) -> dict[str, str]:
        """How to get the answer from an exported graph's predictions; empty if nothing has to be done."""
        decision, classes = self.problem.decision, self.problem.classes
        told = []
        if decision.temperature != 1:
            told.append(f"divided by options.temperature, {decision.temperature:.6g}, before")
        if decision.threshold != 0.5:
            name = classes[decision.positive]
            told.append(f"{name!r} is answered where its probability is {decision.threshold:.6g} or more")
        return {"prediction": "; ".join([LOGITS, *told])} if told else {}


def class_columns(classes: Sequence[str], *, proba: bool) -> dict[str, type]:
    """The columns of `class_row`, and their types."""
    return {"class": str, "probability": float, **{f"p({name})": float for name in (classes if proba else ())}}


def class_row(
    probabilities_K: NDArray[np.float64], classes: Sequence[str], *, answer: int | None = None, proba: bool
) -> Row:
    """The answered class (default: the most probable) and its probability; with `proba` that of each class."""
    number = int(probabilities_K.argmax()) if answer is None else answer
    values = [classes[number], float(probabilities_K[number]), *(probabilities_K.tolist() if proba else ())]
    return dict(zip(class_columns(classes, proba=proba), values, strict=True))


def as_used(options: Chosen) -> Chosen:
    """Options for building a network whose weights will be loaded: without initial values from training data."""
    return options.model_copy(update={"output_bias": "zero"})
