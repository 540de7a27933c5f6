"""The problems of labelled sequences: opened in the worker, with torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from tuner.adapters.classification import Classification, as_series
from tuner.adapters.features import Features
from tuner.adapters.labelling import Labelling
from tuner.adapters.regression import Regression


class SeriesClassificationProblem(Classification):
    """Classes of sequences of numbers."""

    def encoder(self) -> Features:
        """Passes the channels on unchanged."""
        channels = self.facts["channels"]
        assert isinstance(channels, list)
        return Features(len(channels))

    def item(self, x: NDArray[Any]) -> Mapping[str, Any]:
        """The first channels of an item."""
        channels = self.facts["channels"]
        assert isinstance(channels, list)
        return as_series(x, channels)


class SeriesLabellingProblem(Labelling):
    """A class per step of sequences of numbers."""

    def encoder(self) -> Features:
        """Passes the channels on unchanged."""
        return Features(len(self.facts["channels"]))


class SeriesRegressionProblem(Regression):
    """One or several numbers per sequence of numbers."""

    def encoder(self) -> Features:
        """Passes the channels on unchanged."""
        return Features(len(self.facts["channels"]))
