"""The problems of labelled sequences: opened in the worker, with torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Dataset, Split
from tuner.adapters.classification import Classification, as_series
from tuner.adapters.features import Features
from tuner.adapters.labelling import Labelling
from tuner.adapters.ragged_problem import RaggedProblem
from tuner.adapters.regression import Regression
from tuner.adapters.time_series.item_options import StepOptions
from tuner.adapters.time_series.item_steps import ItemSteps, SteppedItems


class _Stepped(RaggedProblem):
    """Items whose rows become steps as the options say."""

    facts: Any

    @cached_property
    def steps(self) -> ItemSteps:
        """Makes steps of rows; an adapter outside the package need not have the options of it."""
        options = self.options if isinstance(self.options, StepOptions) else StepOptions()
        return ItemSteps(options, len(self.facts["channels"]))

    def steps_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """See `RaggedProblem`."""
        return self.steps.counts(rows)

    def dataset(self, split: Split) -> Dataset:
        """Open a split, memory-mapped."""
        return SteppedItems(self.items(split), self.steps)

    def encoder(self) -> Features:
        """Passes the steps on unchanged."""
        return Features(self.steps.size)


class SeriesClassificationProblem(_Stepped, Classification):
    """Classes of sequences of numbers."""

    def item(self, x: NDArray[Any]) -> Mapping[str, Any]:
        """The first channels of an item."""
        return as_series(self.steps.rows(x), self.facts["channels"])


class SeriesLabellingProblem(Labelling):
    """A class per step of sequences of numbers."""

    def encoder(self) -> Features:
        """Passes the channels on unchanged."""
        return Features(len(self.facts["channels"]))


class SeriesRegressionProblem(_Stepped, Regression):
    """One or several numbers per sequence of numbers."""
