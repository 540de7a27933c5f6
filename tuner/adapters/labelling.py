"""A class per step: the trivial predictor, the problem learned from sequences, and its answers.

Letters of shapes: B items of a batch, T steps, F features, K classes, N steps of all items.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.classification import TRIVIAL as TRIVIAL
from tuner.adapters.classification import class_columns, class_row
from tuner.adapters.learned_options import SymbolOptions
from tuner.adapters.ragged_problem import RaggedProblem
from tuner.adapters.segments import segment_counts, step_scores
from tuner.adapters.shown import PerType

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tuner.adapters.base import Batch, Forward, Item, Row, Split
    from tuner.adapters.ragged import Ragged

PADDING = -1
"""Target of padding."""


def trivial_scores(
    train: Sequence[NDArray[np.int64]], other: Sequence[NDArray[np.int64]], classes: int, background: int
) -> dict[str, float]:
    """Scores on `other` of the training steps' most frequent class and class frequencies (add-one smoothing)."""
    counts_K = np.bincount(np.concatenate(train), minlength=classes) + 1.0
    answers = [np.full(len(item), int(counts_K.argmax()), dtype=np.int64) for item in other]
    steps = np.concatenate(other)
    nats = -np.log(counts_K / counts_K.sum())[steps[steps < classes]]
    return {"loss": float(nats.mean()) if len(nats) else 0.0, **step_scores(answers, other, classes, background)}


class LabelledSteps:
    """Items with a class per step: x (B, T, C), y int64 (B, T), `PADDING` beyond an item's length.

    Args:
        items: Their steps.
        labels: For each step, the number of its class plus one.
        versions: Other versions of the items; a shuffled pass takes one of all versions of each.
    """

    def __init__(self, items: Ragged, labels: Ragged, versions: Sequence[Ragged] = ()) -> None:
        self.items, self.labels, self.versions = items, labels, versions

    def __len__(self) -> int:
        return len(self.items)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        import torch

        from tuner.adapters.base import Batch
        from tuner.adapters.batching import batch_indices, drawn, lengths_of

        items = drawn((self.items, *self.versions), rng)
        lengths = items.lengths
        for indices in batch_indices(lengths, batch_size, rng):
            x, y = items.padded(indices), self.labels.padded(indices).astype(np.int64)
            yield Batch(torch.from_numpy(x), lengths_of(lengths[indices], x.shape[1]), torch.from_numpy(y - 1))


class Labelling(RaggedProblem):
    """Sequences to a class per step; `facts.json` has `classes`, splits are ragged arrays `<split>.x` and `<split>.y`.

    Subclasses define `encoder`.
    """

    every_step = True
    logits = True

    def __init__(self, folder: Path, options: SymbolOptions) -> None:
        self.folder, self.options = folder, options
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        self.classes: list[str] = self.facts["classes"]

    def dataset(self, split: Split) -> LabelledSteps:
        """Open a split, memory-mapped."""
        from tuner.adapters.ragged import Ragged

        return LabelledSteps(Ragged(self.folder, f"{split}.x"), Ragged(self.folder, f"{split}.y"))

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to one logit per class at each step, its bias initialized by `output_bias`."""
        import torch
        from torch import nn

        from tuner.adapters.ragged import Ragged

        head = nn.Linear(input_size, len(self.classes))
        with torch.no_grad():
            head.bias.zero_()
            if self.options.output_bias == "prior":
                target_N = Ragged(self.folder, "train.y").values.astype(np.int64)
                counts_K = np.bincount(target_N[target_N > 0] - 1, minlength=len(self.classes)) + 1.0
                head.bias.copy_(torch.from_numpy(np.log(counts_K / counts_K.sum())))
        return head

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy of a step in nats, with label smoothing as in the options."""
        from torch.nn import functional

        return functional.cross_entropy(
            prediction.flatten(0, 1),
            batch.y.flatten(),
            ignore_index=PADDING,
            label_smoothing=self.options.label_smoothing,
        )

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Each step's cross-entropy in nats (0 for an unknown class) and its predicted class, (B, T, 2)."""
        import torch
        from torch.nn import functional

        known_BT = torch.where(batch.y < len(self.classes), batch.y, PADDING)
        nats_N = functional.cross_entropy(
            prediction.double().flatten(0, 1), known_BT.flatten(), ignore_index=PADDING, reduction="none"
        )
        return torch.stack((nats_N.view_as(batch.y), prediction.argmax(dim=-1).double()), dim=-1)

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over all steps, from reduced predictions; see `step_scores`."""
        nats = sum(float(reduced_BT2.double()[..., 0].sum()) for reduced_BT2 in predictions)
        counted = sum(int(((batch.y >= 0) & (batch.y < len(self.classes))).sum()) for batch in batches)
        loss = nats / max(1, counted)
        scores = step_scores(*_steps(predictions, batches), len(self.classes), self._background)
        return {"loss": loss if math.isfinite(loss) else math.nan, **scores}

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> PerType:
        """The segments of each class but the background. See `ShowingProblem`."""
        answers, truth = _steps(predictions, batches)
        size = max(len(self.classes), *(int(item.max()) + 1 for item in truth))
        counts_K3 = segment_counts(answers, truth, size, self._background)
        known = [at for at in range(len(self.classes)) if at != self._background]
        right, predicted, true = counts_K3[known].T.tolist()
        return PerType([self.classes[at] for at in known], right, predicted, true)

    @property
    def _background(self) -> int:
        return int(self.facts.get("background", -1))


def _steps(
    predictions: Sequence[Tensor], batches: Sequence[Batch]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """The answered and the true classes of each item's steps, from reduced predictions."""
    answers, truth = [], []
    for reduced_BT2, batch in zip(predictions, batches, strict=True):
        for item_T2, y_T in zip(reduced_BT2.double().cpu().numpy(), batch.y.cpu().numpy(), strict=True):
            there_T = y_T != PADDING
            answers.append(item_T2[there_T, 1].astype(np.int64))
            truth.append(y_T[there_T])
    return answers, truth


class StepCodec:
    """Common parts of all codecs of steps: a row per step, numbered from 1, with its class and its probability.

    Subclasses read.

    Args:
        problem: The learning problem.
        repeated: Names of the facts that answers repeat: an id.
    """

    def __init__(self, problem: Labelling, *repeated: str) -> None:
        self.problem, self._repeated = problem, repeated

    def columns(self, *, proba: bool) -> dict[str, type]:
        """See `Codec`."""
        return {**dict.fromkeys(self._repeated, str), "step": int, **class_columns(self.problem.classes, proba=proba)}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """A row per step. See `Codec`."""
        from tuner.adapters.batching import device_of, padded

        p_BTK = network(*padded(items, device_of(network))).double().softmax(dim=-1).cpu().numpy()
        found: list[list[Row]] = []
        for item, p_TK in zip(items, p_BTK, strict=True):
            steps = 0 if item.x is None else len(item.x)
            rows = (class_row(p_TK[step], self.problem.classes, proba=proba) for step in range(steps))
            found.append([{**item.facts, "step": step, **row} for step, row in enumerate(rows, start=1)])
        return found

    @property
    def said(self) -> Mapping[str, str]:
        """Description of an exported graph's predictions."""
        return {
            "prediction": "at each step a logit per class, in the order of facts.classes; their softmax is the "
            "probability"
        }
