"""Options of what adapters of classes and symbols bring to be learned: loss, head, embedding.

All act when data is opened, so that searching them prepares nothing anew.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tuner.config.options import Options

OutputBias = Literal["zero", "prior"]
EmbeddingInit = Literal["uniform", "normal"]


class ClassOptions(Options):
    """Whatever names one of several classes."""

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share e of the target that is spread evenly over all classes in the training loss, (1 - e) onehot + e / K; scores
    have none of it; 0 (off) to below 1, up to 0.2 is usual. Szegedy et al. 2016. Searchable as data.label_smoothing."""
    output_bias: OutputBias = "zero"
    """Start values of the head's bias: zero, or prior, the logarithm of the classes' shares of the training data, so
    that the first steps need not learn it. Searchable as data.output_bias."""


class EmbeddingOptions(Options):
    """Whatever embeds symbols."""

    embedding_init: EmbeddingInit = "uniform"
    """Start values of the embeddings: uniform in [-0.1, 0.1] (Merity et al. 2018), or normal with variance
    1 / features. Searchable as data.embedding_init."""


LEARNED = {*ClassOptions.model_fields, *EmbeddingOptions.model_fields}
"""Names of the options that preparation does not use."""
