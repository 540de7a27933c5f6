"""What all classifications share: metrics, the trivial predictor, and the problem learned from sequences."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Metric
from tuner.adapters.learned_options import ClassOptions
from tuner.errors import DataError, is_text

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tuner.adapters.base import Batch, Confused, Forward, Item, Row, Split
    from tuner.adapters.batching import SequenceDataset

MOST_CLASSES, MOST_WRONG, MOST_STEPS, MOST_CHANNELS = 40, 6, 120, 3
"""Of what a report shows of a model's answers: classes of its matrix, mistakes, and values and channels of an item."""
METRICS = (
    Metric(
        "accuracy",
        maximize=True,
        summary="share of items whose likeliest class is right, 0 to 1",
        within=(0, 1),
        counted=True,
        readable=True,
    ),
    Metric(
        "macro_f1",
        maximize=True,
        summary="unweighted mean of the classes' F1 scores, 0 to 1",
        within=(0, 1),
        counted=True,
    ),
    Metric("loss", maximize=False, summary="mean cross-entropy in nats", within=(0, math.inf)),
)


def check_labels(labels: Sequence[str], places: Sequence[str], *, num_splits: int) -> None:
    """There are two labels or more, and each occurs at least once per split.

    Args:
        labels: One label per item.
        places: Where each item was read, "file:line"; an item's place is shown with its label.
        num_splits: Splits that will be dealt.

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
            fix="Add items of that label, or remove it.",
            where=places[labels.index(label)],
        )


def check_kept(labels: Sequence[str], kept: Sequence[str], places: Sequence[str], reason: str, fix: str) -> None:
    """No class vanishes with the items that are left out.

    Args:
        labels: One label per item, before.
        kept: Labels of the items that are kept.
        places: Where each item was read.
        reason: What those that are left out are: "empty".
        fix: What to do.

    Raises:
        DataError: One does.
    """
    for label in sorted(set(labels) - set(kept)):
        raise DataError(
            f"class {label!r} must keep an item, but all of its {labels.count(label)} are {reason}",
            fix=fix,
            where=places[labels.index(label)],
        )


def trivial_scores(train: NDArray[np.int64], other: NDArray[np.int64], num_classes: int) -> dict[str, float]:
    """Scores on `other` of the predictor that knows only the training split's class frequencies (add-one)."""
    counts = np.bincount(train, minlength=num_classes) + 1.0
    likeliest = int(counts.argmax())
    predicted = np.full_like(other, likeliest)
    return {
        "loss": float(-np.log(counts / counts.sum())[other].mean()),
        "accuracy": float((predicted == other).mean()),
        "macro_f1": macro_f1(predicted, other, num_classes),
    }


def macro_f1(predicted: NDArray[np.int64], truth: NDArray[np.int64], num_classes: int) -> float:
    """Unweighted mean over the classes that occur in `truth` or `predicted` of 2 TP / (2 TP + FP + FN)."""
    hits = np.bincount(truth[predicted == truth], minlength=num_classes)
    total = np.bincount(truth, minlength=num_classes) + np.bincount(predicted, minlength=num_classes)
    occurs = total > 0
    return float((2 * hits[occurs] / total[occurs]).mean())


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


def lag_of(lengths: NDArray[np.int64]) -> int:
    """The longest dependency to expect: a high quantile of the training items' lengths, so that a few do not decide."""
    return max(1, int(np.quantile(lengths, 0.95)))


class RaggedProblem:
    """A problem whose splits are ragged `<split>.x` in a folder: its lag follows from the training items' lengths."""

    folder: Path
    _lag: int | None = None  # not asked of a model in use, which lacks what it follows from

    @property
    def lag(self) -> int:
        """See `Problem.lag`."""
        if self._lag is None:
            self._lag = lag_of(np.diff(np.load(self.folder / "train.x.offsets.npy")))
        return self._lag

    @lag.setter
    def lag(self, lag: int) -> None:
        self._lag = lag


class Classification(RaggedProblem):
    """Sequences to classes by cross-entropy; `facts.json` has `classes`, splits are ragged `<split>.x`.

    Subclasses give `encoder`.
    """

    every_step = False
    logits = True

    def __init__(self, folder: Path, options: ClassOptions) -> None:
        self.folder, self.options = folder, options
        self.facts: dict[str, object] = json.loads((folder / "facts.json").read_text())
        classes = self.facts["classes"]
        assert isinstance(classes, list)
        self.classes: list[str] = classes

    def dataset(self, split: Split) -> SequenceDataset:
        """Open a split, memory-mapped."""
        from tuner.adapters.batching import SequenceDataset  # torch stays out of the driver
        from tuner.adapters.ragged import Ragged

        return SequenceDataset(Ragged(self.folder, f"{split}.x"), np.load(self.folder / f"{split}.y.npy"))

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Confused | None:
        """See `ShowingProblem`."""
        return confused(self.classes, predictions, batches, self.item)

    def item(self, x: NDArray[Any]) -> Mapping[str, Any]:  # noqa: ARG002 - subclasses look at it
        """What an item's steps (T, ...) are for people; nothing, where numbers say nothing to them."""
        return {}

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to one logit per class, its bias started as `ClassOptions.output_bias` says."""
        import torch
        from torch import nn

        head = nn.Linear(input_size, len(self.classes))
        with torch.no_grad():
            head.bias.copy_(torch.from_numpy(self._bias()))
        return head

    def _bias(self) -> NDArray[np.float64]:
        if self.options.output_bias == "zero":
            return np.zeros(len(self.classes))
        counts = np.bincount(np.load(self.folder / "train.y.npy"), minlength=len(self.classes)) + 1.0
        bias: NDArray[np.float64] = np.log(counts / counts.sum())
        return bias

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy in nats, with smoothed labels where the options ask for it."""
        from torch.nn import functional

        return functional.cross_entropy(prediction, batch.y, label_smoothing=self.options.label_smoothing)

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Loss, accuracy and macro F1 over all items."""
        import torch
        from torch.nn import functional

        logits = torch.cat(list(predictions)).double()
        truth = torch.cat([batch.y for batch in batches])
        predicted = logits.argmax(dim=1)
        loss = functional.cross_entropy(logits, truth).item()
        return {
            "loss": loss if math.isfinite(loss) else math.nan,
            "accuracy": (predicted == truth).double().mean().item(),
            "macro_f1": macro_f1(predicted.cpu().numpy(), truth.cpu().numpy(), len(self.classes)),
        }


def confused(
    classes: Sequence[str],
    predictions: Sequence[Tensor],
    batches: Sequence[Batch],
    item: Callable[[Any], Mapping[str, Any]],
) -> Confused | None:
    """What is taken for what, and the surest mistakes.

    Args:
        classes: Their names.
        predictions: Logits, (B, K) per batch.
        batches: The items.
        item: What an item's steps (T, ...), without padding, are for people.
    """
    import torch

    from tuner.adapters.base import Confused

    if len(classes) > MOST_CLASSES:
        return None
    probabilities_NK = torch.cat(list(predictions)).double().softmax(dim=1).cpu().numpy()
    truth_N = torch.cat([batch.y for batch in batches]).cpu().numpy()
    predicted_N = probabilities_NK.argmax(axis=1)
    counts_KK = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts_KK, (truth_N, predicted_N), 1)
    sure_N = probabilities_NK.max(axis=1)
    wrong = [at for at in np.argsort(-sure_N, kind="stable") if predicted_N[at] != truth_N[at]][:MOST_WRONG]
    first_B = np.cumsum([0, *(len(batch.y) for batch in batches)])
    found = []
    for at in wrong:
        number = int(np.searchsorted(first_B, at, side="right")) - 1
        batch, row = batches[number], int(at - first_B[number])
        length = None if batch.lengths is None else int(batch.lengths[row])
        names = {"truth": classes[truth_N[at]], "predicted": classes[predicted_N[at]]}
        found.append({**names, "probability": float(sure_N[at]), **item(batch.x[row, :length].cpu().numpy())})
    return Confused(classes, counts_KK.tolist(), found)


def as_series(x_TC: NDArray[Any], names: Sequence[str]) -> Mapping[str, Any]:
    """The first channels of an item, thinned out: channel -> values."""
    step = -(-len(x_TC) // MOST_STEPS)
    return {
        "series": {name: [float(value) for value in x_TC[::step, at]] for at, name in enumerate(names[:MOST_CHANNELS])}
    }


class ClassCodec:
    """What all codecs of classes share: the answer is the likeliest class, and its probability.

    Subclasses read. Columns: what the items' facts tell them apart by, `class`, `probability`, and with `proba` one
    `p(<class>)` per class.

    Args:
        problem: Opened with `as_used`.
        repeated: Those facts: an id, a path.
    """

    def __init__(self, problem: Classification, *repeated: str) -> None:
        self.problem, self._repeated = problem, repeated

    def columns(self, *, proba: bool) -> dict[str, type]:
        """See `Codec`."""
        return {**dict.fromkeys(self._repeated, str), **class_columns(self.problem.classes, proba=proba)}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """One row per item. See `Codec`."""
        from tuner.adapters.batching import device_of, padded

        probabilities_BK = network(*padded(items, device_of(network))).double().softmax(dim=1).cpu().numpy()
        return [
            [{**item.facts, **class_row(probabilities_K, self.problem.classes, proba=proba)}]
            for item, probabilities_K in zip(items, probabilities_BK, strict=True)
        ]


def class_columns(classes: Sequence[str], *, proba: bool) -> dict[str, type]:
    """The columns of `class_row`, and their types."""
    return {"class": str, "probability": float, **{f"p({name})": float for name in (classes if proba else ())}}


def class_row(probabilities_K: NDArray[np.float64], classes: Sequence[str], *, proba: bool) -> Row:
    """The likeliest class and its probability, and with `proba` the probability of each."""
    likeliest = int(probabilities_K.argmax())
    values = [classes[likeliest], float(probabilities_K[likeliest]), *(probabilities_K.tolist() if proba else ())]
    return dict(zip(class_columns(classes, proba=proba), values, strict=True))


def as_used(options: ClassOptions) -> ClassOptions:
    """Options with which a network is built whose weights are known: none starts from the training data."""
    return options.model_copy(update={"output_bias": "zero"})
