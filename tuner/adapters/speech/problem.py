"""The learning problem of speech classification: steps of recordings to classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tuner.adapters.base import Split
from tuner.adapters.batching import SequenceDataset
from tuner.adapters.classification import Classification
from tuner.adapters.folds import sequences
from tuner.adapters.mixing import MixedDataset
from tuner.adapters.speech.frames import OTHER_SPEEDS
from tuner.adapters.speech.options import SpeechClassificationOptions
from tuner.adapters.speech.varied import VariedSteps


class SpeechClassificationProblem(Classification):
    """Steps of recordings to classes."""

    options: SpeechClassificationOptions

    def __init__(self, folder: Path, options: SpeechClassificationOptions) -> None:
        super().__init__(folder, options)
        facts = cast("dict[str, Any]", self.facts)
        self.channels: int = facts.get("channels", len(facts["mean"]))  # earlier versions had one step per frame
        self.inputs: int = facts.get("inputs", self.channels)
        self._spread: list[float] | None = facts.get("spread")

    def items(self, split: Split) -> SequenceDataset:
        """The steps of a split, in training also at other speeds and mixed. See `RaggedProblem`."""
        found = super().items(split)
        if split != "test" and self.options.speed:
            found.versions = [sequences(self.folder, split, self.fold, name) for name in OTHER_SPEEDS]
        mixup = self.options.mixup
        return MixedDataset(found, len(self.classes), mixup) if mixup and split != "test" else found

    def encoder(self) -> VariedSteps:
        """The steps, varied in training."""
        return VariedSteps(self.inputs, self.channels, self.options, self._spread)
