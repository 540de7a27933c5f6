"""Inference of text models: texts to classes or numbers. See `tuner.adapters.base.Codec`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeVar

from torch import nn

from tuner.adapters.base import Graph
from tuner.adapters.classification import ClassCodec, as_used
from tuner.adapters.labels import LabelsCodec
from tuner.adapters.nlp.problem import TextClassificationProblem, TextLabelsProblem, TextRegressionProblem
from tuner.adapters.nlp.reader import ReadsTexts, TextReader
from tuner.adapters.nlp.text_options import TextClassificationOptions, TextRegressionOptions
from tuner.adapters.regression import NumberCodec
from tuner.config.options import Options

Read = TypeVar("Read", bound=Options)


class TextClassCodec(ReadsTexts, ClassCodec):
    """Texts to classes.

    Args:
        folder: Holds `facts.json` and `tokenizer.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: TextClassificationOptions) -> None:
        super().__init__(TextClassificationProblem(folder, _without_counts(as_used(options))))
        self.reader = TextReader(folder, options, set(self.problem.classes).__contains__)

    def graph(self, network: nn.Module) -> Graph:
        """The graph's input is steps. See `Codec`."""
        return self.reader.graph(network, self.said)


class TextLabelsCodec(ReadsTexts, LabelsCodec):
    """Texts to several labels each.

    Args:
        folder: Holds `facts.json` and `tokenizer.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: TextClassificationOptions) -> None:
        known = TextClassificationOptions.model_validate(as_used(options).model_dump())
        super().__init__(TextLabelsProblem(folder, _without_counts(known)), options.label_separator)
        classes = set(self.problem.classes)
        self.reader = TextReader(folder, options, lambda cell: set(cell.split(options.label_separator)) <= classes)

    def graph(self, network: nn.Module) -> Graph:
        """The graph's input is steps. See `Codec`."""
        return self.reader.graph(network, self.said)


class TextNumberCodec(ReadsTexts, NumberCodec):
    """Texts to numbers.

    Args:
        folder: Holds `facts.json` and `tokenizer.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: TextRegressionOptions) -> None:
        super().__init__(TextRegressionProblem(folder, _without_counts(options)))
        self.reader = TextReader(folder, options, _is_number)

    def graph(self, network: nn.Module) -> Graph:
        """The graph's input is steps. See `Codec`."""
        return self.reader.graph(network, self.said)


def _without_counts(options: Read) -> Read:
    """Options that need no counts of words, which only training has."""
    return options.model_copy(update={"word_dropout": 0.0})


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
