"""New recordings to segments. See `tuner.adapters.base.Codec`, and `tuner.adapters.speech.asked` for the input.

Letters of shapes: B recordings, S steps, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tuner.adapters.base import Graph, Item
from tuner.adapters.batching import device_of, padded
from tuner.adapters.classification import class_columns, class_row
from tuner.adapters.labelling import StepCodec
from tuner.adapters.segments import segments
from tuner.adapters.speech.asked import AskedRecordings, Sound
from tuner.adapters.speech.frames import Frames
from tuner.adapters.speech.recognition.reading import AUDIO, SPEAKERS
from tuner.adapters.speech.tagging.options import TaggingAsked, TaggingOptions
from tuner.adapters.speech.tagging.problem import TaggingProblem

if TYPE_CHECKING:
    from tuner.adapters.base import Forward, Row


class TaggingCodec(StepCodec):
    """Recordings to a row per segment, or per step: path, start and end in seconds, class and probability.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    problem: TaggingProblem

    def __init__(self, folder: Path, options: TaggingOptions) -> None:
        known = options.model_copy(update={"output_bias": "zero"})  # the network's weights will be loaded
        super().__init__(TaggingProblem(folder, known), "path")
        self.asked = TaggingAsked()
        facts = self.problem.facts
        frames = Frames(options, facts["mean"], facts["scale"])
        groups = SPEAKERS if options.group == "speaker" else [options.group] if options.group else []
        columns = AUDIO if options.audio is None else (options.audio,)
        self._recordings = AskedRecordings(options, int(facts["sample_rate_hz"]), frames, groups, columns, once=True)

    def read(self, path: Path) -> Iterator[Item]:
        """A recording, a folder or a table. See `Codec`."""
        return self._recordings.read(path)

    def items(self, data: Any) -> Iterator[Item]:
        """Paths, contents of files, a table with a column path or audio. See `Codec`."""
        return self._recordings.items(data)

    def example(self) -> dict[str, list[bytes]]:
        """The content of a .wav file. See `Codec`."""
        return self._recordings.example()

    def columns(self, *, proba: bool) -> dict[str, type]:
        """See `Codec`."""
        return {"path": str, "start": float, "end": float, **class_columns(self.problem.classes, proba=proba)}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:
        """A row per segment or step. See `Codec`."""
        p_BSK = network(*padded(items, device_of(network))).double().softmax(dim=-1).cpu().numpy()
        return [
            self._rows(item, p_SK[: 0 if item.x is None else len(item.x)], proba=proba)
            for item, p_SK in zip(items, p_BSK, strict=True)
        ]

    def _rows(self, item: Item, p_SK: NDArray[np.float64], *, proba: bool) -> list[Row]:
        options, classes = self.problem.options, self.problem.classes
        answer_S = p_SK.argmax(axis=1)
        if self.asked.rows == "steps":
            found = [(int(answer), step, step + 1) for step, answer in enumerate(answer_S)]
        else:
            found = segments(answer_S, self.problem.facts["background"])
        second = options.stride * options.hop_ms / 1000
        half = max(0.0, ((options.stack - options.stride) * options.hop_ms + options.frame_ms - options.hop_ms) / 2000)
        begins = half + (item.begins if isinstance(item, Sound) else 0.0)  # a step is in the middle of its frames
        return [
            {
                "path": item.facts["path"],
                "start": round(begins + first * second, 4),
                "end": round(begins + end * second, 4),
                **class_row(p_SK[first:end].mean(axis=0), classes, answer=kind, proba=proba),
            }
            for kind, first, end in found
        ]

    def graph(self, network: nn.Module) -> Graph:
        """The graph maps the steps of recordings to logits. See `Codec`."""
        inputs = self.problem.inputs
        about = {"x": "for each step its concatenated frames, as options and facts say", **self.said}
        return Graph(network, lambda items, steps: {"x": torch.randn(items, steps, inputs)}, about)
