"""The contract of an adapter: what a trial needs to know of a kind of data.

An adapter has three parts. The first, free of torch, reads the user's data, splits it, turns it into arrays and
writes them into a folder, once. The second, imported in the worker, opens that folder and builds the learning problem
from it. The third serves a trained model: a `Codec` turns new raw data into inputs and predictions into answers,
with the preparation of the training data. All three meet in the class that the catalog names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from tuner.adapters.described import Described
    from tuner.adapters.proposal import Propose
    from tuner.adapters.shown import Confused, Forecasts, Misheard, PerType, Table
    from tuner.config.options import Options

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A score that an adapter computes on a split.

    Args:
        name: Without the split: "accuracy".
        maximize: Whether higher is better.
        summary: One line: definition, unit, range.
        within: The smallest and the largest possible value.
        counted: Whether it counts items, so that one of N more changes it by about 1 / N.
        readable: Whether it is the adapter's most readable score, which verdicts quote.
        chooses: Whether it can be the objective; false if the best value is neither the smallest nor the largest.
    """

    name: str
    maximize: bool
    summary: str
    within: tuple[float, float] = (-math.inf, math.inf)
    counted: bool = False
    readable: bool = False
    chooses: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """The result of `prepare`, which the caller writes to `prepared.json`.

    Args:
        counts: Items per split: {"train": 800, "val": 100, "test": 100}.
        trivial: Scores of the trivial predictor, fitted on the training split, per split and metric:
            {"val": {"accuracy": 0.1, "loss": 2.3}, "test": {...}}; its name under "name" of `about`.
        lag: Longest expected dependency in steps: the length of a window, or a high quantile of the lengths.
        about: Facts for the record: classes, channels, sample rate, dropped items with their reason.
        notices: Sentences shown before training: what was left out, filled or guessed, and the option to change it.
        advice: What to try if no network beats the trivial predictor on such data, most promising first.
        floors: Scores of classical methods that a network should beat, by name, per split and metric:
            {"AutoETS": {"val": {"mase": 0.9}, "test": {...}}}.
    """

    counts: Mapping[str, int]
    trivial: Mapping[str, Mapping[str, float]]
    lag: int
    about: Mapping[str, Any]
    notices: Sequence[str] = ()
    advice: Sequence[str] = ()
    floors: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Demands:
    """Requirements of the data on the network, checked before anything is trained.

    Args:
        causal: The network may not look ahead: `bidirectional` is refused.
        every_step: Each step has its own prediction: the head sees every step instead of the pooled steps.
        whole: Training needs whole sequences: `truncation` is refused.
        embeds: The encoder has an embedding: `dropout.embedding` acts.
        head_size: Required number of input features of the head; None for any number.
    """

    causal: bool = False
    every_step: bool = False
    embeds: bool = False
    whole: bool = False
    head_size: int | None = None


@dataclass(slots=True)
class Batch:
    """A padded batch on the trial's device.

    Args:
        x: What the encoder takes: float (B, T, C), or int64 token numbers (B, T). Padding is 0, on the right.
        lengths: Valid steps per item, int64 (B,), all >= 1; None when every item has length T.
        y: Targets, as the adapter's loss takes them: int64 (B,), float (B, H, C), ...
    """

    x: Tensor
    lengths: Tensor | None
    y: Tensor


class Dataset(Protocol):
    """One split, opened."""

    def __len__(self) -> int:
        """Number of items; for one running text, of targets."""
        ...

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass over the items in CPU batches of similar lengths.

        A running text is a single training batch: `batch_size` parts side by side, which `truncation` cuts.

        Args:
            batch_size: Items per batch, >= 1; one may be smaller, anywhere in the pass.
            rng: Shuffles items and batches, and chooses among versions of an item if there are several; None keeps a
                fixed order and the first version. Nothing else is random.
        """
        ...

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        ...


class Problem(Protocol):
    """The learning problem: built in the worker from a prepared folder, for one set of options.

    `loss` and `evaluate` see only the head's predictions, not the network between encoder and head. An attribute
    `overlap` is the number of consecutive items that overlap, as windows of a series do; without it, none do.
    """

    lag: int
    """Longest expected dependency in steps, under this problem's options. Default: that of `Prepared`."""
    every_step: bool
    """As `Demands.every_step`. Default: false."""

    @property
    def logits(self) -> bool:
        """Whether the last axis of a prediction holds a logit per class, so that an ensemble averages probabilities.

        Without this attribute it is false, and the predictions themselves are averaged.
        """
        ...

    def dataset(self, split: Split) -> Dataset:
        """Open a split. Called with "train" and "val" in a search; with "test" only in a test run.

        With `refit: train+val`, training mixes batches of these two splits; if they cannot be mixed, a method
        `train_and_val` returns both as one `Dataset`.
        """
        ...

    def encoder(self) -> nn.Module:
        """A fresh module from `Batch.x` to float (B, T, I); its attribute `output_size` is I."""
        ...

    def head(self, input_size: int) -> nn.Module:
        """A fresh module from pooled features (B, input_size) to predictions; with `every_step` from the features of
        all steps, (B, T, input_size), to predictions (B, T, ...), which may be preceded by ones that belong to no step.
        """  # noqa: D205 - one sentence
        ...

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean training loss of a batch, a scalar."""
        ...

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Scores of a whole split, without its name: {"loss": 0.3, "accuracy": 0.9}. Always has "loss".

        Computed in float64 over all items, so that batch size does not matter.
        """
        ...


@runtime_checkable
class ShowingProblem(Problem, Protocol):
    """A problem that can show a model's answers on a split, for the figures of reports."""

    def shown(
        self, predictions: Sequence[Tensor], batches: Sequence[Batch]
    ) -> Confused | Forecasts | PerType | Misheard | None:
        """The answers on a whole split, see `evaluate`; None if there is too much to show."""
        ...


@runtime_checkable
class TabulatingProblem(Problem, Protocol):
    """A problem that also scores the parts of a split separately: each series, each step ahead."""

    def table(self, split: Split, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Table:
        """Scores of the parts of a whole split, whose batches come in their fixed order; see `evaluate`."""
        ...


@runtime_checkable
class FittingProblem(Problem, Protocol):
    """A problem with options that are fitted on validation data after training, such as a decision threshold.

    Until they are fitted, `evaluate` fits them on the data that it is given.
    """

    def fit(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Fit these options on a whole split: option -> value; models keep the values."""
        ...

    def fitted(self, values: Mapping[str, float]) -> Problem:
        """A copy of the problem with these values."""
        ...


@runtime_checkable
class ReducingProblem(Problem, Protocol):
    """A problem whose predictions (a logit per word) are too large to be kept for a whole split."""

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """The part of a prediction that `evaluate` needs; it gets these, one per batch, instead of the predictions.

        Not finite where the prediction is not.
        """
        ...


@runtime_checkable
class DecodingProblem(Problem, Protocol):
    """A problem whose predictions take several passes through the network: each step's output is the next step's input.

    `loss` sees the output of one pass, `evaluate` that of `decode`.
    """

    def decode(self, network: Forward, batch: Batch) -> Tensor:
        """The predictions of a batch by a network in evaluation mode."""
        ...


@dataclass(frozen=True, slots=True)
class Graph:
    """A model to be exported to programs without this package.

    Args:
        module: From x, `Batch.lengths` and the other inputs of `example`, in order, to predictions; in evaluation mode.
        example: From numbers of items and steps to example inputs, "x" (B, T, ...) first, others (B, ...); random
            numbers come from torch's global generator.
        about: What a caller must know of inputs and predictions, as JSON values: by the name of the input,
            "prediction", and more.
        stepped: Inputs with an axis of steps, the second.
    """

    module: nn.Module
    example: Callable[[int, int], Mapping[str, Tensor]]
    about: Mapping[str, Any] = field(default_factory=dict)
    stepped: Collection[str] = ("x",)


Row = dict[str, Any]
"""One row of an answer: column -> plain value."""
Forward = Callable[["Tensor", "Tensor | None"], "Tensor"]
"""From a batch's input and lengths to predictions: a network or an ONNX session."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item to predict.

    Args:
        where: Where it was read: "new.csv:12", "item 3".
        x: As `Batch.x` without its first axis: float32 (T, C) or int64 (T,), T >= 1; None if it cannot be read.
        problem: Why it could not be read, or only in part; "" without a problem.
        facts: What its answer needs or repeats; column -> values that are shown even without an answer, such as ids.
    """

    where: str
    x: NDArray[Any] | None
    problem: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Codec(Protocol):
    """Reads new data for a trained model, and turns its predictions into answers."""

    problem: Problem
    """The problem, for encoder and head of the network; its splits cannot be opened."""
    asked: Options
    """Further options of prediction with their defaults: `predict --ask NAME=VALUE`, `Model.predict(..., NAME=VALUE)`.
    They are set on a copy of the codec. Default: none."""
    notices: Sequence[str]
    """Sentences for the user about all data that were read until now. Default: none."""

    def read(self, path: Path) -> Iterator[Item]:
        """The items of a file or folder, in order, a few at a time; labels are not needed.

        Raises:
            DataError: It is missing or of an unknown format, or lacks something that all items need, such as a column.
        """
        ...

    def items(self, data: Any) -> Iterator[Item]:
        """As `read`, of data in memory, of the types on the family's page: texts, arrays, a DataFrame, paths.

        Raises:
            DataError: The data are of another type.
        """
        ...

    def example(self) -> Mapping[str, Sequence[Any]]:
        """An invented table of one or a few items that `items` accepts: column -> values of one type.

        It gives served models their signature: str, int, float, bool, or bytes of a recording. Without this method,
        or if it is empty because no table can hold the data, they have no signature.
        """
        ...

    def columns(self, *, proba: bool) -> dict[str, type]:
        """The columns of `answer`, in order: name -> type (str, int, float)."""
        ...

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """The answer's rows of each item, one or more; every item has its `x`.

        Args:
            network: In evaluation mode.
            items: A batch.
            proba: Whether rows also have the details: a probability per class.
        """
        ...

    def graph(self, network: nn.Module) -> Graph:
        """The exported form of a network in evaluation mode. Without this method it is the network itself, from x as
        in `Item.x`: float32 (B, T, I), or what the encoder's method `example(items, steps)` returns.
        """  # noqa: D205 - one sentence
        ...


class Adapter(Protocol):
    """A kind of data. Importing its module does not import torch; only `problem` may.

    The driver calls `metrics`, `fingerprint` and `prepare`; workers call `problem`. An adapter outside the package
    carries its options model as the class attribute `Options`.
    """

    metrics: Sequence[Metric]
    """The first one is the default objective."""
    defaults: Mapping[str, Any]
    """Parameters whose default differs from the network's for this kind of data: {"pooling": "mean"}. Default: none."""
    demands: Demands
    """Requirements of the data on the network, under the adapter's options. Default: none."""
    edition: str
    """Version of the preparation: changes if the same data and options are prepared differently. Default: empty."""

    model_files: Sequence[str]
    """Files of prepared data, without training data, that `codec` reads: they become part of a model. Default: the
    adapter has no codec, and its models cannot predict."""
    model_packages: Sequence[str]
    """Packages that only `codec` imports, for the model's requirements.txt: ("tokenizers",). Default: none."""
    propose: Propose
    """A function that looks at the beginning of the user's files and proposes how this adapter would read them.
    Default: `init` does not consider this adapter."""

    def __init__(self, options: Any) -> None:
        """Take validated options, without touching a file."""
        ...

    def fingerprint(self) -> str:
        """A digest of all that prepared data depend on: contents of the source, and every option that
        `prepare` uses. Options that only `problem` uses are left out, so that searching them prepares nothing anew.

        Raises:
            DataError: The source is missing or cannot be read.
        """  # noqa: D205 - one sentence
        ...

    def prepare(self, folder: Path) -> Prepared:
        """Read, check, split and transform the source; write arrays into `folder` (empty, used by nobody else).

        Raises:
            DataError: Where (file:line), rule, value, fix.
        """
        ...

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """Sentences about the prepared data, and three training items. Without this method `validate` shows neither."""
        ...

    def problem(self, folder: Path) -> Problem:
        """Open the prepared data. Arrays are memory-mapped, so that workers share them."""
        ...

    def codec(self, folder: Path) -> Codec:
        """Open the codec of trained models; the folder holds `model_files`."""
        ...
