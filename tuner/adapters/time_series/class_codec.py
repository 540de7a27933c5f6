"""New sequences of numbers to classes. See `tuner.adapters.base.Codec`."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from tuner.adapters.base import Graph
from tuner.adapters.classification import ClassCodec, as_used
from tuner.adapters.time_series.item_options import ClassificationOptions
from tuner.adapters.time_series.item_reader import ItemReader, ReadsItems
from tuner.adapters.time_series.problems import SeriesClassificationProblem


class SeriesClassCodec(ReadsItems, ClassCodec):
    """Classes of sequences; answers repeat the id if the training table had one.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: ClassificationOptions) -> None:
        problem = SeriesClassificationProblem(folder, as_used(options))
        super().__init__(problem, *([options.id] if options.id else []))
        self.reader = ItemReader(problem.facts, options, problem.steps)

    def graph(self, network: nn.Module) -> Graph:
        """A graph that takes unscaled values. See `Codec`."""
        return self.reader.graph(network, self.said)
