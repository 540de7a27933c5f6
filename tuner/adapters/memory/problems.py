"""The learning problems of the memory probes, opened in the worker. Imports torch.

Letters of shapes: B items of a batch, T steps, F features, K classes.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.base import Batch, Split
from tuner.adapters.batching import SequenceDataset
from tuner.adapters.features import Features
from tuner.adapters.memory.making import TOLERANCE
from tuner.adapters.memory.options import Probe, ProbeOptions
from tuner.adapters.ragged import Ragged


class ProbeProblem(ABC):
    """Base class of the probes' problems."""

    every_step = False
    logits = False

    def __init__(self, folder: Path, options: ProbeOptions) -> None:
        self.folder, self.options = folder, options
        self.lag: int = json.loads((folder / "facts.json").read_text())["lag"]

    def dataset(self, split: Split) -> SequenceDataset:
        """Open a split; its inputs are memory-mapped."""
        return SequenceDataset(Ragged(self.folder, f"{split}.x"), np.load(self.folder / f"{split}.y.npy"))

    @abstractmethod
    def encoder(self) -> nn.Module:
        """See `Problem.encoder`."""

    @abstractmethod
    def head(self, input_size: int) -> nn.Module:
        """See `Problem.head`."""

    @abstractmethod
    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """See `Problem.loss`."""

    @abstractmethod
    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """See `Problem.evaluate`."""


class AddingProblem(ProbeProblem):
    """Two marked numbers to their sum, by mean squared error."""

    def encoder(self) -> Features:
        """Numbers and marks as they are."""
        return Features(2)

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to the sum: (B, F) to (B,)."""
        return nn.Sequential(nn.Linear(input_size, 1), nn.Flatten(0))

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean squared error."""
        return functional.mse_loss(prediction, batch.y)

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Mean squared error, and the share of sums within the tolerance."""
        error = torch.cat(list(predictions)).double() - torch.cat([batch.y for batch in batches]).double()
        return {
            "loss": error.square().mean().item(),
            "accuracy": (error.abs() < TOLERANCE).double().mean().item(),
        }


class OneHot(nn.Module):
    """A channel per symbol: int64 (B, T) to float (B, T, I).

    Args:
        output_size: Symbols I, >= 1.
    """

    def __init__(self, output_size: int) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x_BT: Tensor) -> Tensor:
        """1 in the channel of each step's symbol, 0 in the others."""
        return functional.one_hot(x_BT, self.output_size).float()

    def example(self, items: int, steps: int) -> Tensor:
        """Symbols drawn at random; see `Codec.graph`."""
        return torch.randint(self.output_size, (items, steps))


class NamingProblem(ProbeProblem):
    """Classification of sequences, or of each step, into K classes by cross-entropy; subclasses set encoder and K."""

    logits = True
    num_classes: int

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to a logit per class: (..., F) to (..., K)."""
        return nn.Linear(input_size, self.num_classes)

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy in nats, over all steps if each has a prediction."""
        return functional.cross_entropy(prediction.flatten(0, -2), batch.y.flatten())

    def scored(self, step_BT: Tensor) -> Tensor:
        """The part of the targets that counts for accuracy."""
        return step_BT

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Mean cross-entropy over all targets, and accuracy over those of `scored`."""
        losses, hits = [], []
        for prediction, batch in zip(predictions, batches, strict=True):
            logits = prediction.double()
            losses.append(functional.cross_entropy(logits.flatten(0, -2), batch.y.flatten(), reduction="none"))
            hits.append(self.scored(logits.argmax(dim=-1) == batch.y).flatten())
        return {"loss": torch.cat(losses).mean().item(), "accuracy": torch.cat(hits).double().mean().item()}


class CopyProblem(NamingProblem):
    """A symbol or a blank at each step."""

    every_step = True

    def __init__(self, folder: Path, options: ProbeOptions) -> None:
        super().__init__(folder, options)
        self.num_classes = options.symbols + 1

    def encoder(self) -> OneHot:
        """A channel per symbol, one for blanks, one for markers.

        Deviation: Bai et al. 2018 feed the symbol's number in one channel; one-hot as in Arjovsky et al. 2016.
        """
        return OneHot(self.options.symbols + 2)

    def scored(self, step_BT: Tensor) -> Tensor:
        """The steps that repeat symbols."""
        return step_BT[:, -self.options.recall :]


class DelayedRecallProblem(NamingProblem):
    """The first symbol, predicted after the last step."""

    def __init__(self, folder: Path, options: ProbeOptions) -> None:
        super().__init__(folder, options)
        self.num_classes = options.symbols

    def encoder(self) -> OneHot:
        """A channel per symbol, including those in between."""
        return OneHot(2 * self.options.symbols)


class DigitsProblem(NamingProblem):
    """A digit, predicted after its last pixel."""

    num_classes = 10

    def encoder(self) -> Features:
        """Brightness, 0 to 1."""
        return Features(1)


PROBLEMS: Mapping[Probe, type[ProbeProblem]] = {
    "adding": AddingProblem,
    "copy": CopyProblem,
    "delayed_recall": DelayedRecallProblem,
    "digits": DigitsProblem,
}
