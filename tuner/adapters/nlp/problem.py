"""The learning problems of texts: token numbers to classes or numbers, through an embedding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tuner.adapters.classification import Classification
from tuner.adapters.labels import ManyLabels
from tuner.adapters.nlp.embedding import TokenEmbedding
from tuner.adapters.nlp.steps import steps_of
from tuner.adapters.nlp.text_options import TextClassificationOptions, TextOptions, TextRegressionOptions
from tuner.adapters.nlp.word_encoder import WordEncoder, word_encoder
from tuner.adapters.nlp.words import opened_vocabulary
from tuner.adapters.regression import Regression

MOST_TOKENS = 100
"""Largest number of tokens of a text in a report."""


class TextClassificationProblem(Classification):
    """Texts to classes."""

    options: TextClassificationOptions

    def encoder(self) -> TokenEmbedding | WordEncoder:
        """A fresh encoder of the prepared vocabulary."""
        return text_encoder(self.folder, self.facts, self.options)

    def item(self, x: NDArray[Any]) -> Mapping[str, Any]:
        """The beginning of the text, decoded from its tokens."""
        return {"text": steps_of(self.folder, self.options.unit).text(x[:MOST_TOKENS])}


class TextLabelsProblem(ManyLabels):
    """Texts to several labels each."""

    options: TextClassificationOptions

    def encoder(self) -> TokenEmbedding | WordEncoder:
        """A fresh encoder of the prepared vocabulary."""
        return text_encoder(self.folder, self.facts, self.options)


class TextRegressionProblem(Regression):
    """Texts to numbers."""

    options: TextRegressionOptions

    def encoder(self) -> TokenEmbedding | WordEncoder:
        """A fresh encoder of the prepared vocabulary."""
        return text_encoder(self.folder, self.facts, self.options)


def text_encoder(folder: Path, facts: Mapping[str, Any], options: TextOptions) -> TokenEmbedding | WordEncoder:
    """A fresh encoder: an embedding of tokens, or with unit word that of words, their letters and casing.

    Args:
        folder: Of prepared data.
        facts: Those of `facts.json`.
        options: The adapter's.
    """
    if options.unit != "word":
        return TokenEmbedding(facts["vocabulary"], options.embedding_size, init=options.embedding_init)
    size = facts.get("vector_size", options.embedding_size)
    letters = len(opened_vocabulary(folder / "tokenizer.json").letters)
    return word_encoder(folder, facts["vocabulary"], letters + 1, options, size)
