"""The learning problem of speech classification: features to classes."""

from __future__ import annotations

from tuner.adapters.classification import Classification
from tuner.adapters.features import Features


class SpeechClassificationProblem(Classification):
    """Features of recordings to classes."""

    def encoder(self) -> Features:
        """The features, unchanged."""
        mean = self.facts["mean"]
        assert isinstance(mean, list)
        return Features(len(mean))
