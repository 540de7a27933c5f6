"""What is learned from labelled series: opened in the worker, with torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from tuner.adapters.classification import Classification, as_series
from tuner.adapters.features import Features
from tuner.adapters.labelling import Labelling
from tuner.adapters.regression import Regression


class SeriesClassificationProblem(Classification):
    """Sequences of numbers to classes."""

    def encoder(self) -> Features:
        """The channels as they are."""
        channels = self.facts["channels"]
        assert isinstance(channels, list)
        return Features(len(channels))

    def item(self, x: NDArray[Any]) -> Mapping[str, Any]:
        """The first channels."""
        channels = self.facts["channels"]
        assert isinstance(channels, list)
        return as_series(x, channels)


class SeriesLabellingProblem(Labelling):
    """Sequences of numbers to a class per step."""

    def encoder(self) -> Features:
        """The channels as they are."""
        return Features(len(self.facts["channels"]))


class SeriesRegressionProblem(Regression):
    """Sequences of numbers to one number or several."""

    def encoder(self) -> Features:
        """The channels as they are."""
        return Features(len(self.facts["channels"]))
