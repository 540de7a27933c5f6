"""The learning problem of tagged recordings, opened in the worker. Imports torch."""

from __future__ import annotations

from pathlib import Path

from tuner.adapters.labelling import Labelling
from tuner.adapters.speech.tagging.options import TaggingOptions
from tuner.adapters.speech.varied import VariedSteps


class TaggingProblem(Labelling):
    """Steps of recordings to a class each."""

    options: TaggingOptions

    def __init__(self, folder: Path, options: TaggingOptions) -> None:
        super().__init__(folder, options)
        self.inputs: int = self.facts["inputs"]

    def encoder(self) -> VariedSteps:
        """The steps, varied in training."""
        return VariedSteps(self.inputs, self.options.channels, self.options, self.facts.get("spread"))
