"""What is learned from speech: features to classes."""

from __future__ import annotations

from tuner.adapters.classification import Classification
from tuner.adapters.features import Features


class SpeechClassificationProblem(Classification):
    """Features of recordings to classes."""

    def encoder(self) -> Features:
        """The features as they are."""
        mean = self.facts["mean"]
        assert isinstance(mean, list)
        return Features(len(mean))
