"""The contract of an adapter: what a kind of data brings to a trial.

An adapter has three parts. The first, free of torch, reads the user's data, splits it, turns it into arrays and
writes them into a folder, once. The second, imported in the worker, opens that folder and builds what is learned
from it. The third serves a model that was learned: a `Codec` makes input of new raw data and answers of predictions,
by what prepared the training data, so that a model reads as it has learned to. All meet in the catalog's class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from tuner.adapters.described import Described
    from tuner.adapters.proposal import Propose
    from tuner.adapters.shown import Confused, Forecasts, PerType, Table
    from tuner.config.options import Options

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A score that an adapter computes on a split.

    Args:
        name: Without the split: "accuracy".
        maximize: Whether higher is better.
        summary: One line: definition, unit, range.
        within: The least and the largest value that it can have.
        counted: Whether it counts items, so that one of N more changes it by about 1 / N.
        readable: Whether it is the score that people know best of all that the adapter has: a verdict is told in it.
        chooses: Whether it can be the objective; not where the best value is neither the least nor the largest.
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
    """What `prepare` leaves behind, written as `prepared.json` by the caller.

    Args:
        counts: Items per split: {"train": 800, "val": 100, "test": 100}.
        trivial: Scores of the trivial predictor, fitted on the training split, per split and metric:
            {"val": {"accuracy": 0.1, "loss": 2.3}, "test": {...}}; its name under "name" of `about`.
        lag: Longest expected dependency in steps: the length of a window, or a high quantile of the lengths.
        about: Facts for the record: classes, channels, sample rate, dropped items with their reason.
        notices: Sentences told before anything is trained: what was left out, filled or guessed, and the option for it.
        advice: What to try where no network beats the trivial predictor on such data, most promising first.
        floors: Scores of methods that are no network and that one should beat, by their names, per split and metric:
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
    """What data ask of the network that learns from them, checked before anything is trained.

    Args:
        causal: The network may not look ahead: `bidirectional` is refused.
        every_step: Each step has a prediction of its own: the head sees every step, not their pooling.
        whole: Sequences are learned from as a whole: `truncation` is refused.
        embeds: The encoder has an embedding: `dropout.embedding` acts.
        head_size: Features that the head must get; None for any number.
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
        """Number of items; of targets where one text runs on."""
        ...

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass over the items in CPU batches of similar lengths.

        A text that runs on is one batch to learn from: `batch_size` parts side by side, which `truncation` cuts.

        Args:
            batch_size: Items per batch, >= 1; one may be smaller, anywhere in the pass.
            rng: Shuffles items and batches; None keeps a fixed order. Nothing else is random.
        """
        ...

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        ...


class Problem(Protocol):
    """What is learned: built in the worker from a prepared folder, for one set of options.

    `loss` and `evaluate` see the head's predictions; the network between encoder and head is not theirs. An attribute
    `overlap` says how many items in a row share what they are of, as windows of a series do; without it, none do.
    """

    lag: int
    """Longest expected dependency in steps, under this problem's options. Default: that of `Prepared`."""
    every_step: bool
    """As `Demands.every_step`. Default: false."""

    @property
    def logits(self) -> bool:
        """Whether the last axis of a prediction holds a logit per class, so that an ensemble averages probabilities.

        Without this attribute it is false: predictions are averaged as they are.
        """
        ...

    def dataset(self, split: Split) -> Dataset:
        """Open a split. Called with "train" and "val" in a search; with "test" only in a test run.

        With `refit: train+val` batches of the first two are mixed to be learned from; where they cannot be, a method
        `train_and_val` gives both as one `Dataset`.
        """
        ...

    def encoder(self) -> nn.Module:
        """A fresh module from `Batch.x` to float (B, T, I); its attribute `output_size` is I."""
        ...

    def head(self, input_size: int) -> nn.Module:
        """A fresh module from pooled features (B, input_size) to predictions; with `every_step` from the features of
        all steps, (B, T, input_size), to predictions (B, T, ...), before which others may stand that are of no step.
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
    """A problem that shows what a model answers on a split; reports have pictures of it."""

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Confused | Forecasts | PerType | None:
        """Of a whole split, see `evaluate`; None where there is too much to be shown."""
        ...


@runtime_checkable
class TabulatingProblem(Problem, Protocol):
    """A problem that scores the parts of a split by themselves: each series, each step ahead."""

    def table(self, split: Split, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Table:
        """Of a whole split, whose batches come in their fixed order; see `evaluate`."""
        ...


@runtime_checkable
class FittingProblem(Problem, Protocol):
    """A problem of which some options are fitted on validation data once a network is trained: a decision threshold.

    `evaluate` fits them on what it is given, until they are fitted.
    """

    def fit(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """Values of the adapter's options that ask for it, by name, of a whole split; models keep them."""
        ...

    def fitted(self, values: Mapping[str, float]) -> Problem:
        """The same problem with these values; this one stays as it is."""
        ...


@runtime_checkable
class ReducingProblem(Problem, Protocol):
    """A problem whose predictions take too much memory to be kept until a split is through (a logit per word)."""

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """What `evaluate` needs of a prediction; it gets these, one per batch, in place of the predictions.

        Not finite where the prediction made it so.
        """
        ...


@runtime_checkable
class DecodingProblem(Problem, Protocol):
    """A problem whose predictions are of more than one pass through the network: each step's is the next one's input.

    `loss` sees what one pass gives; `evaluate` what `decode` does.
    """

    def decode(self, network: Forward, batch: Batch) -> Tensor:
        """The predictions of a batch, by a network in evaluation mode."""
        ...


@dataclass(frozen=True, slots=True)
class Graph:
    """A model as it answers in another program, where nothing of this package is.

    Args:
        module: From x, `Batch.lengths` and what else `example` has, in its order, to predictions; in evaluation mode.
        example: From numbers of items and steps to made-up inputs, "x" (B, T, ...) first, others (B, ...); random
            numbers come from torch's global generator.
        about: What whoever fills the inputs and reads the prediction must know: values that JSON can have, by input,
            "prediction", and whatever else.
    """

    module: nn.Module
    example: Callable[[int, int], Mapping[str, Tensor]]
    about: Mapping[str, Any] = field(default_factory=dict)


Row = dict[str, Any]
"""One line of an answer: plain values by column."""
Forward = Callable[["Tensor", "Tensor | None"], "Tensor"]
"""A batch's input and lengths to predictions: a network, or an ONNX session."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a model is asked about.

    Args:
        where: The place it was read from: "new.csv:12", "item 3".
        x: As `Batch.x` without its first axis: float32 (T, C) or int64 (T,), T >= 1; None where it cannot be read.
        problem: Why it cannot be read, or could be read in part only; "" where all is well.
        facts: What its answer needs or repeats; by the name of a column what stands there even without an answer: ids.
    """

    where: str
    x: NDArray[Any] | None
    problem: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Codec(Protocol):
    """Reads what a model is asked, and says what it answers."""

    problem: Problem
    """Gives encoder and head of the network; no split of it can be opened."""
    asked: Options
    """Further options of prediction with their defaults: `predict --ask NAME=VALUE`, `Model.predict(..., NAME=VALUE)`.
    They are set on a copy of the codec. Default: none."""

    def read(self, path: Path) -> Iterator[Item]:
        """The items of a file or folder, in their order, a few at a time; no label is needed.

        Raises:
            DataError: It is missing or of no known form, or what all items need is not in it: a column.
        """
        ...

    def items(self, data: Any) -> Iterator[Item]:
        """The same of values in memory, of the types that the family's page names: texts, arrays, a DataFrame, paths.

        Raises:
            DataError: They are of another type.
        """
        ...

    def example(self) -> Mapping[str, Sequence[Any]]:
        """A table that `items` takes, made up, of an item or a few: column -> values, of one type each.

        Served models are described by it: str, int, float, bool, or bytes of a recording. Without this method, or where
        it is empty as no table says enough, they have no signature.
        """
        ...

    def columns(self, *, proba: bool) -> dict[str, type]:
        """Names of what `answer` gives, in their order, and their types: str, int, float."""
        ...

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """The rows of each item, all of whose `x` are there; one item has one row or more.

        Args:
            network: In evaluation mode.
            items: A batch.
            proba: Whether rows also have what makes them up: a probability per class.
        """
        ...

    def graph(self, network: nn.Module) -> Graph:
        """What is exported of a network in evaluation mode. Without this method it is the network itself, from x as
        `Item.x` has it; that one is float32 (B, T, I), or what the encoder's method `example(items, steps)` makes.
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
    """Parameters whose default differs from the network's own for this kind of data: {"pooling": "mean"}. Default:
    none."""
    demands: Demands
    """Requirements of the data on the network, under the adapter's options. Default: none."""
    edition: str
    """Changes when the same data and options are prepared differently than before. Default: empty."""

    model_files: Sequence[str]
    """Files of prepared data that `codec` reads, without training data: they become part of a model. Default: the
    adapter has no codec, and its models cannot be used."""
    model_packages: Sequence[str]
    """Packages that `codec` imports and not every model needs: ("tokenizers",). They go into the model's
    requirements.txt. Default: none."""
    propose: Propose
    """A function that looks at the beginning of the user's files and proposes how this adapter would read them.
    Default: `init` does not consider this adapter."""

    def __init__(self, options: Any) -> None:
        """Take validated options; touch no file."""
        ...

    def fingerprint(self) -> str:
        """A string that changes when prepared data would: contents of the source, and every option that
        `prepare` uses. Options used only by `problem` stay out, so that searching them prepares nothing anew.

        Raises:
            DataError: The source is missing or cannot be read.
        """  # noqa: D205 - one sentence
        ...

    def prepare(self, folder: Path) -> Prepared:
        """Read, check, split and transform the source; write arrays into `folder` (empty, exclusively ours).

        Raises:
            DataError: Where (file:line), rule, value, fix.
        """
        ...

    def described(self, folder: Path, prepared: Prepared) -> Described:
        """Sentences on what `prepare` wrote, and three training items. Without it `validate` shows neither."""
        ...

    def problem(self, folder: Path) -> Problem:
        """Open what `prepare` wrote. Arrays are memory-mapped, so that workers share them."""
        ...

    def codec(self, folder: Path) -> Codec:
        """Open what turns new raw data to input, and predictions to answers; the folder holds `model_files`."""
        ...
