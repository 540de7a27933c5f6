"""Options of what adapters of classes and symbols bring to be learned: loss, head, embedding.

All act when data is opened, so that searching them prepares nothing anew.
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
    """Whatever names one of several symbols: a class, a tag, a token."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share e of the target that is spread evenly over all classes in the training loss, (1 - e) onehot + e / K; scores
    have none of it; 0 (off) to below 1, up to 0.2 is usual. Szegedy et al. 2016. Searchable as data.label_smoothing."""
    output_bias: OutputBias = "zero"
    """Start values of the head's bias: zero, or prior, the logarithm of the classes' shares of the training data, so
    that the first steps need not learn it. Searchable as data.output_bias."""


class ClassOptions(SymbolOptions):
    """Whatever gives an item one of several classes."""

    class_weights: Literal["none", "balanced"] = "none"
    """What an item weighs in the training loss: none, all alike; balanced, N / (K n) for a class that n of the N
    training items have, so that all K classes weigh alike. Scores have no weights. King & Zeng 2001. Searchable as
    data.class_weights."""
    focal: float = Field(default=0.0, ge=0, le=10)
    """g: the training loss of an item is (1 - p)^g times its cross-entropy, p the probability of its class, so that
    what is known already weighs less; 0 (off) to 10, 2 is usual. Lin et al. 2017. Searchable as data.focal."""
    positive: str | None = None
    """The class that is looked for, where one is. AUC and average precision are then its own, and its F1 is one more
    metric, f1. Null: they are means over classes."""
    threshold: Annotated[float, Field(gt=0, lt=1)] | ThresholdFor = 0.5
    """Of two classes: the probability of `positive` from which on it is answered, in (0, 1); or the metric for which
    it is chosen on validation data: accuracy, balanced_accuracy, macro_f1 or f1. Models keep what was chosen. 0.5
    answers the likeliest class. A score on the validation data that it was chosen on is a little too good; test scores
    are not. Of several labels per item: the probability from which on each is answered, or micro_f1, macro_f1 or
    accuracy."""
    temperature: Annotated[float, Field(gt=0, le=100)] | Literal["validation"] = 1.0
    """What logits are divided by before they become probabilities, in (0, 100]; validation: chosen on validation data
    by least loss, in [0.1, 10], so that probabilities are as often right as they say (Guo et al. 2017). Models keep
    what was chosen. Losses are then those after it, also while training (Berta et al. 2025, arXiv:2501.19195)."""
    later: ClassVar[tuple[str, ...]] = ("positive", "threshold")

    @property
    def several(self) -> bool:
        """Whether an item may have several labels, each by itself, or none."""
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
    """Items that may be dealt into folds."""

    folds: int = Field(default=1, ge=1, le=20)
    """Folds of the items that are not for the test, 2 to 20, for small data: a trial then trains a network per fold,
    each validated on its fold and trained on the others, and its value is their mean, epoch by epoch, which is as sure
    as all those items make it; it takes as many times as long. The folds stand in the place of `val`. Models are the
    first fold's; with `refit: train+val` one of all items. 1: one validation split."""


class NumberOptions(Options):
    """Whatever gives an item numbers."""

    loss: Literal["mse", "mae", "huber"] = "mse"
    """What training minimizes, on standardized targets: mse, the squared error; mae, the absolute error, which rare
    large errors sway less; huber, half the squared error up to 1, beyond it the absolute error less a half (Huber
    1964). Scores are the same whatever it is. Searchable as data.loss."""
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Quantiles that are learned and answered too, by their pinball loss (Koenker & Bassett 1978), which is added:
    [0.1, 0.9] are the ends of an interval that should hold 80 % of what comes; each in (0, 1), ascending."""

    @field_validator("quantiles")
    @classmethod
    def _ascending(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if list(quantiles) != sorted(set(quantiles)):
            raise ValueError("must ascend, each once")
        return quantiles


class EmbeddingOptions(Options):
    """Whatever embeds symbols."""

    embedding_init: EmbeddingInit = "uniform"
    """Start values of the embeddings: uniform in [-0.1, 0.1] (Merity et al. 2018), or normal with variance
    1 / features. Searchable as data.embedding_init."""


class VectorOptions(EmbeddingOptions):
    """Whatever embeds words."""

    vectors: str | None = None
    """File of vectors that the words of the vocabulary start from, in word2vec's text form, GloVe's or fastText's
    (.vec); a word that it lacks starts by chance. Their size is the embedding's. Models do without the file. Null: all
    words start by chance."""
    vectors_tuned: bool = True
    """Whether the words that `vectors` has are learned further, or stay as they are. Searchable as
    data.vectors_tuned."""

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
"""Names of the options that preparation does not use."""
