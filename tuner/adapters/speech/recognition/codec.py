"""New recordings to transcripts. See `tuner.adapters.base.Codec`, and `tuner.adapters.speech.asked` for the input.

Letters of shapes: B recordings, S steps, K units and the blank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tuner.adapters.base import Batch, Graph, Item
from tuner.adapters.batching import device_of, padded
from tuner.adapters.described import facts_of
from tuner.adapters.labelling import PADDING
from tuner.adapters.speech.asked import AskedRecordings
from tuner.adapters.speech.frames import Frames
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.recognition.problem import RecognitionProblem, lengths_of
from tuner.adapters.speech.recognition.reading import AUDIO, SPEAKERS

if TYPE_CHECKING:
    from tuner.adapters.base import Forward, Row


class RecognitionCodec:
    """Recordings to a row each: `path`, `text`, and the `probability` of that text, 0 to 1.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: RecognitionOptions) -> None:
        self.problem = RecognitionProblem(folder, options)
        facts = facts_of(folder)
        frames = Frames(options, facts["mean"], facts["scale"])
        groups = SPEAKERS if options.group == "speaker" else [options.group] if options.group else []
        columns = AUDIO if options.audio is None else (options.audio,)
        self._recordings = AskedRecordings(options, int(facts["sample_rate_hz"]), frames, groups, columns)

    def read(self, path: Path) -> Iterator[Item]:
        """A recording, a folder or a manifest. See `Codec`."""
        return self._recordings.read(path)

    def items(self, data: Any) -> Iterator[Item]:
        """Paths, contents of files, a table with a column path or audio. See `Codec`."""
        return self._recordings.items(data)

    def example(self) -> dict[str, list[bytes]]:
        """The content of a .wav file. See `Codec`."""
        return self._recordings.example()

    def columns(self, *, proba: bool) -> dict[str, type]:  # noqa: ARG002 - nothing else makes up a transcript
        """See `Codec`."""
        return {"path": str, "text": str, "probability": float}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:  # noqa: ARG002 - as above
        """A row per recording. See `Codec`."""
        x_BSI, lengths_B = padded(items, device_of(network))
        scores = network(x_BSI, lengths_B).double()
        batch = Batch(x_BSI, lengths_B, torch.zeros(0))
        unit_BS = self.problem.recognized(scores, lengths_of(batch))
        heard = [units[units > 0] for units in unit_BS]
        batch.y = nn.utils.rnn.pad_sequence([*(units - 1 for units in heard), unit_BS.new_zeros(1)], True, PADDING)[:-1]
        nats_B, _ = self.problem.nats(scores, batch)
        return [
            [{"path": item.facts["path"], "text": self.problem.units.text(units.tolist()), "probability": p}]
            for item, units, p in zip(items, heard, (-nats_B).exp().tolist(), strict=True)
        ]

    def graph(self, network: nn.Module) -> Graph:
        """The graph maps the steps of recordings to logits; its caller decodes them. See `Codec`."""
        inputs = self.problem.inputs
        about = {
            "x": "for each step its concatenated frames: log-mel features and their deltas, normalized, as "
            "options and facts say",
            "prediction": "at each step a logit for the blank, then one per unit, in the order of facts.units (of "
            "subwords in GPT-2's letters of bytes, where Ġ is a blank); a transcript is the most probable one of each "
            "step, equal neighbours merged, without blanks",
        }
        return Graph(network, lambda items, steps: {"x": torch.randn(items, steps, inputs)}, about)
