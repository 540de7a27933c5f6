"""New sequences of numbers to predicted numbers. See `tuner.adapters.base.Codec`."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from tuner.adapters.base import Graph
from tuner.adapters.regression import NumberCodec
from tuner.adapters.time_series.item_options import RegressionOptions
from tuner.adapters.time_series.item_reader import ItemReader, ReadsItems
from tuner.adapters.time_series.problems import SeriesRegressionProblem


class SeriesNumberCodec(ReadsItems, NumberCodec):
    """Numbers of sequences; answers repeat the id if the training table had one.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: RegressionOptions) -> None:
        problem = SeriesRegressionProblem(folder, options)
        super().__init__(problem, *([options.id] if options.id else []))
        self.reader = ItemReader(problem.facts, options, problem.steps)

    def graph(self, network: nn.Module) -> Graph:
        """A graph that takes unscaled values. See `Codec`."""
        return self.reader.graph(network, self.said)
