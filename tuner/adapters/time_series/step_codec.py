"""New sequences of numbers to a class per step. See `tuner.adapters.base.Codec`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from tuner.adapters.base import Graph, Item, Row
from tuner.adapters.labelling import StepCodec
from tuner.adapters.time_series.item_options import LabellingOptions
from tuner.adapters.time_series.item_reader import ItemReader, ReadsItems
from tuner.adapters.time_series.problems import SeriesLabellingProblem

if TYPE_CHECKING:
    from tuner.adapters.base import Forward

_AT_ONCE = 64
"""Number of pieces of recordings in a batch."""


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

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """A row per step; recordings that training has cut are answered piece by piece. See `Codec`."""
        window: int | None = self.problem.facts.get("window")
        if window is None:
            return super().answer(network, items, proba=proba)
        pieces = [
            (number, replace(item, x=item.x[start : start + window]))
            for number, item in enumerate(items)
            if item.x is not None
            for start in range(0, len(item.x), window)
        ]
        found: list[list[Row]] = [[] for _ in items]
        for first in range(0, len(pieces), _AT_ONCE):
            part = pieces[first : first + _AT_ONCE]
            answers = super().answer(network, [piece for _, piece in part], proba=proba)
            for (number, _), rows in zip(part, answers, strict=True):
                rows_before = len(found[number])
                found[number] += [{**row, "step": rows_before + int(row["step"])} for row in rows]
        return found

    def graph(self, network: nn.Module) -> Graph:
        """A graph that takes unscaled values. See `Codec`."""
        return self.reader.graph(network, self.said)
