"""Options of adapters for learning classes, numbers and symbols: loss, head, embedding.

All act on prepared data, so that searching them prepares nothing anew.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from tuner.adapters.files import check_left_out
from tuner.config.options import Options
from tuner.errors import TaskFileError

OutputBias = Literal["zero", "prior"]
EmbeddingInit = Literal["uniform", "normal"]
ThresholdFor = Literal["accuracy", "balanced_accuracy", "macro_f1", "f1", "micro_f1"]


class SymbolOptions(Options):
    """Options of predicting one of several symbols: a class, a tag, a token."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Label smoothing: share e of the target that is spread evenly over all classes in the training loss, (1 - e)
    onehot + e / K; scores do not use it; 0 (off) to below 1, up to 0.2 is usual. Szegedy et al. 2016. Searchable as
    data.label_smoothing."""
    output_bias: OutputBias = "zero"
    """Initial bias of the head: zero, or prior, the logarithm of the classes' shares of the training data, so that the
    first steps need not learn it. Searchable as data.output_bias."""


class ClassOptions(SymbolOptions):
    """Options of predicting one of several classes per item."""

    class_weights: Literal["none", "balanced"] = "none"
    """Weights of items in the training loss: none, all equal; balanced, N / (K n) for a class with n of the N training
    items, so that all K classes have equal weight. Scores have no weights. King & Zeng 2001. Searchable as
    data.class_weights."""
    focal: float = Field(default=0.0, ge=0, le=10)
    """g: the training loss of an item is (1 - p)^g times its cross-entropy, p the probability of its class, so that
    items that are already right count less; 0 (off) to 10, 2 is usual. Lin et al. 2017. Searchable as data.focal."""
    positive: str | None = None
    """The class that is looked for, where one is. AUC and average precision are then its own, and its F1 is one more
    metric, f1. Null: they are means over classes."""
    threshold: Annotated[float, Field(gt=0, lt=1)] | ThresholdFor = 0.5
    """With two classes: the probability of `positive` from which it is predicted, in (0, 1); or the metric for which
    the threshold is chosen on validation data: accuracy, balanced_accuracy, macro_f1 or f1. Models keep the chosen
    value. 0.5 predicts the most probable class. Validation scores are a little too good for a threshold chosen on the
    same data; test scores are not. With several labels per item: the probability from which each is predicted, or
    micro_f1, macro_f1 or accuracy."""
    temperature: Annotated[float, Field(gt=0, le=100)] | Literal["validation"] = 1.0
    """Temperature by which logits are divided before the softmax, in (0, 100]; validation: chosen on validation data by
    lowest loss, in [0.1, 10], so that probabilities are calibrated (Guo et al. 2017). Models keep the chosen value.
    Losses are then computed with it, also while training (Berta et al. 2025, arXiv:2501.19195)."""
    later: ClassVar[tuple[str, ...]] = ("positive", "threshold")

    @property
    def several(self) -> bool:
        """Whether an item may have any number of labels, independent of each other."""
        return False

    @model_validator(mode="after")
    def _decided(self) -> Self:
        if self.several and self.positive is not None:
            raise TaskFileError(
                "data.positive must be left out where items have several labels",
                value=self.positive,
                fix="Each label is looked for.",
                key=("data", "positive"),
            )
        allowed = ("accuracy", "macro_f1", "micro_f1") if self.several else get_args(ThresholdFor)[:-1]
        if isinstance(self.threshold, str) and self.threshold not in allowed:
            raise TaskFileError(
                f"data.threshold must be a number or one of {', '.join(allowed)}",
                value=self.threshold,
                fix=f"These are scores of {'several labels' if self.several else 'one of two classes'}.",
                key=("data", "threshold"),
            )
        if self.threshold != 0.5 and self.positive is None and not self.several:
            raise TaskFileError(
                "data.threshold must come with data.positive",
                value=self.threshold,
                fix="Name the class whose probability it is.",
                key=("data", "threshold"),
            )
        return self


class FoldOptions(Options):
    """Options of cross-validation."""

    folds: int = Field(default=1, ge=1, le=20)
    """Cross-validation for small data: number of folds of the items that are not for the test, 2 to 20. A trial then
    trains a network per fold, validated on its fold and trained on the others; its value is their mean, epoch by epoch,
    and it takes as many times as long. The folds replace `val`. Models are those of the first fold; with `refit:
    train+val`, one model of all items. 1: one validation split."""


class NumberOptions(Options):
    """Options of predicting numbers per item."""

    loss: Literal["mse", "mae", "huber"] = "mse"
    """Training loss, on standardized targets: mse, the squared error; mae, the absolute error, less sensitive to rare
    large errors; huber, half the squared error up to 1, beyond it the absolute error less a half (Huber 1964). Scores
    do not depend on it. Searchable as data.loss."""
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Quantiles to predict in addition, by their pinball loss (Koenker & Bassett 1978), which is added to the loss:
    [0.1, 0.9] are the ends of an interval that should contain 80 % of the values; each in (0, 1), ascending."""

    @field_validator("quantiles")
    @classmethod
    def _ascending(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if list(quantiles) != sorted(set(quantiles)):
            raise ValueError("must ascend, each once")
        return quantiles


class EmbeddingOptions(Options):
    """Options of embedding symbols."""

    embedding_init: EmbeddingInit = "uniform"
    """Initial values of the embeddings: uniform in [-0.1, 0.1] (Merity et al. 2018), or normal with variance
    1 / features. Searchable as data.embedding_init."""


class VectorOptions(EmbeddingOptions):
    """Options of embedding words."""

    vectors: str | None = None
    """File of pretrained word vectors, in word2vec's text form, GloVe's or fastText's (.vec), as initial embeddings;
    missing words start at random. Their size is that of the embedding. Models do not need the file. Null: all words
    start at random."""
    vectors_tuned: bool = True
    """Whether the embeddings from `vectors` are trained further, or stay fixed. Searchable as data.vectors_tuned."""

    @model_validator(mode="after")
    def _of_vectors(self) -> Self:
        if self.vectors is None:
            check_left_out(self, ("vectors_tuned",), when="without data.vectors", fix="There are no vectors.")
        else:
            check_left_out(self, ("embedding_size",), when="with data.vectors", fix="It is the size of the vectors.")
        return self


LEARNED = {
    *ClassOptions.model_fields,
    *NumberOptions.model_fields,
    *EmbeddingOptions.model_fields,
    "vectors_tuned",
} - {*ClassOptions.later, "quantiles"}
"""Names of the options that do not affect preparation."""
