"""New sequences of numbers to a class per step. See `tuner.adapters.base.Codec`."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from tuner.adapters.base import Graph
from tuner.adapters.labelling import StepCodec
from tuner.adapters.time_series.item_options import LabellingOptions
from tuner.adapters.time_series.item_reader import ItemReader, ReadsItems
from tuner.adapters.time_series.problems import SeriesLabellingProblem


class SeriesStepCodec(ReadsItems, StepCodec):
    """Classes of the steps of sequences; answers repeat the id if the training table had one.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: LabellingOptions) -> None:
        known = options.model_copy(update={"output_bias": "zero"})  # the network's weights will be loaded
        super().__init__(SeriesLabellingProblem(folder, known), *([options.id] if options.id else []))
        self.reader = ItemReader(self.problem.facts, options)

    def graph(self, network: nn.Module) -> Graph:
        """A graph that takes unscaled values. See `Codec`."""
        return self.reader.graph(network, self.said)
