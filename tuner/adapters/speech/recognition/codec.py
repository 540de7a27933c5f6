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
from tuner.adapters.speech.asked import AskedRecordings, Sound
from tuner.adapters.speech.frames import Frames
from tuner.adapters.speech.recognition.decoding import transcript_of
from tuner.adapters.speech.recognition.options import RecognitionAsked, RecognitionOptions
from tuner.adapters.speech.recognition.problem import RecognitionProblem, lengths_of
from tuner.adapters.speech.recognition.reading import AUDIO, SPEAKERS
from tuner.adapters.speech.recognition.spans import unit_spans, word_spans
from tuner.adapters.speech.recognition.units import BLANK

if TYPE_CHECKING:
    from tuner.adapters.base import Forward, Row


class RecognitionCodec:
    """Recordings to a row each, `path`, `text` and the `probability` of that text, 0 to 1; or to a row per word.

    Args:
        folder: Holds `facts.json`.
        options: The adapter's.
    """

    def __init__(self, folder: Path, options: RecognitionOptions) -> None:
        self.problem = RecognitionProblem(folder, options)
        self.asked = RecognitionAsked()
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
        times = {} if self.asked.spans == "none" else {"start": float, "end": float}
        return {"path": str, **times, "text": str, "probability": float}

    def answer(self, network: nn.Module | Forward, items: Sequence[Item], *, proba: bool) -> list[list[Row]]:  # noqa: ARG002 - as above
        """A row per recording, or per span of it. See `Codec`."""
        x_BSI, lengths_B = padded(items, device_of(network))
        scores = network(x_BSI, lengths_B).double()
        batch = Batch(x_BSI, lengths_B, torch.zeros(0))
        path_BS = self.problem.paths(scores, lengths_of(batch))
        if self.asked.spans != "none":
            p_BS = scores.softmax(dim=-1).gather(2, path_BS[..., None])[..., 0]
            told = zip(items, path_BS.tolist(), p_BS.tolist(), strict=True)
            return [self._spans(item, path_S, p_S) for item, path_S, p_S in told]
        heard = [transcript_of(path_S) for path_S in path_BS]
        batch.y = nn.utils.rnn.pad_sequence([*(units - 1 for units in heard), path_BS.new_zeros(1)], True, PADDING)[:-1]
        nats_B, _ = self.problem.nats(scores, batch)
        return [
            [{"path": item.facts["path"], "text": self.problem.units.text(units.tolist()), "probability": p}]
            for item, units, p in zip(items, heard, (-nats_B).exp().tolist(), strict=True)
        ]

    def _spans(self, item: Item, path_S: Sequence[int], p_S: Sequence[float]) -> list[Row]:
        """A row per word or unit, with the mean probability of its units at their steps."""
        spans = (word_spans if self.asked.spans == "words" else unit_spans)(path_S, self.problem.units)
        second, begins = self.problem.step_seconds, item.begins if isinstance(item, Sound) else 0.0
        rows = []
        for span in spans:
            p = [p_S[step] for step in range(span.first, span.last + 1) if path_S[step] != BLANK]
            times = {"start": begins + span.first * second, "end": begins + (span.last + 1) * second}
            rounded = {name: round(time, 4) for name, time in times.items()}
            rows.append({"path": item.facts["path"], **rounded, "text": span.text, "probability": sum(p) / len(p)})
        return rows

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
