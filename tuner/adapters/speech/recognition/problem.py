"""The learning problem of speech recognition, opened in the worker. Imports torch.

Letters of shapes: B recordings of a batch, S steps, I inputs of a step, K units and the blank, U units of a transcript.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.base import Batch, Split
from tuner.adapters.labelling import PADDING, LabelledSteps
from tuner.adapters.ragged import Ragged
from tuner.adapters.shown import Misheard
from tuner.adapters.speech.frames import OTHER_SPEEDS
from tuner.adapters.speech.recognition.alignment import Word, misheard
from tuner.adapters.speech.recognition.arpa import LANGUAGE, NGrams, WordScorer
from tuner.adapters.speech.recognition.decoding import best_paths, transcript_of
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.recognition.scoring import error_rates
from tuner.adapters.speech.recognition.spans import word_spans
from tuner.adapters.speech.recognition.units import BLANK, Units
from tuner.adapters.speech.varied import VariedSteps


class RecognitionProblem:
    """Steps of recordings to units by CTC (Graves et al. 2006): `Batch.y` holds a transcript's units from 0 on (B, U).

    Args:
        folder: The prepared data; for a model `facts.json` alone.
        options: The adapter's.
    """

    every_step = True
    logits = True

    def __init__(self, folder: Path, options: RecognitionOptions) -> None:
        self.folder, self.options = folder, options
        facts = json.loads((folder / "facts.json").read_text())
        self.units = Units(options.units, facts["units"], facts["unseen"])
        self.lag: int = facts["lag"]
        self.inputs: int = facts["inputs"]
        self._spread: list[float] | None = facts.get("spread")
        self._scorer: WordScorer | None = None
        if options.language_model_path is not None:
            ngrams = NGrams((folder / LANGUAGE).read_text(encoding="utf-8"), options.language_model_path)
            self._scorer = WordScorer(self.units, ngrams, options.language_weight, options.word_bonus)

    def dataset(self, split: Split) -> LabelledSteps:
        """Open a split, memory-mapped, for training also at other speeds."""
        others = OTHER_SPEEDS if self.options.speed and split != "test" else ()
        x, y, *versions = (Ragged(self.folder, f"{split}.{name}") for name in ("x", "y", *others))
        return LabelledSteps(x, y, versions)

    def encoder(self) -> VariedSteps:
        """The steps, varied in training."""
        return VariedSteps(self.inputs, self.options.channels, self.options, self._spread)

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to a logit for the blank and one per unit at each step."""
        head = nn.Linear(input_size, 1 + len(self.units.names))
        nn.init.zeros_(head.bias)
        return head

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Nats per unit over the batch's transcripts that have a path; 0 if none has."""
        nats_B, possible_B = self.nats(prediction, batch)
        units = ((batch.y != PADDING) & possible_B[:, None]).sum()
        return nats_B.sum() / units.clamp_min(1)

    def nats(self, prediction: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The negative log-likelihood of each transcript (B,), 0 if it has no path, and whether it has one (B,)."""
        unit_BU = batch.y + 1  # 0 is padding, and the blank
        size_B, length_B = (unit_BU > 0).sum(dim=1), lengths_of(batch)
        repeats_B = ((unit_BU[:, 1:] == unit_BU[:, :-1]) & (unit_BU[:, 1:] > 0)).sum(dim=1)
        known = len(self.units.names)
        possible_B = (size_B + repeats_B <= length_B) & (unit_BU <= known).all(dim=1)
        nats_B = functional.ctc_loss(
            prediction.log_softmax(dim=-1).transpose(0, 1),
            unit_BU.clamp_max(known),
            length_B,
            size_B,
            blank=BLANK,
            reduction="none",
            zero_infinity=True,  # for a transcript without a path; these are counted as `impossible`
        )
        return torch.where(possible_B, nats_B, torch.zeros_like(nats_B)), possible_B

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """What scoring needs of each recording: nats, whether they count, and the path: float64 (B, 2 + S)."""
        scores = prediction.double()
        nats_B, possible_B = self.nats(scores, batch)
        path_BS = self.paths(scores, lengths_of(batch))
        return torch.cat((nats_B[:, None], possible_B[:, None], path_BS), dim=1)

    def paths(self, prediction: Tensor, lengths_B: Tensor) -> Tensor:
        """The paths of what is recognized, int64 (B, S), see `best_paths`."""
        return best_paths(prediction.log_softmax(dim=-1), lengths_B, self.options.beam, self._scorer)

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> Misheard:
        """See `ShowingProblem`."""
        truth, answers = [], []
        for reduced, batch in zip(predictions, batches, strict=True):
            for row_S, target_U in zip(reduced[:, 2:].cpu().long(), batch.y.cpu() + 1, strict=True):
                truth.append(self.units.text(target_U[target_U > 0].tolist()))
                answers.append(self._words(row_S))
        return misheard(truth, answers)

    @property
    def step_seconds(self) -> float:
        """Time from step to step."""
        return self.options.stride * self.options.hop_ms / 1000

    def _words(self, path_S: Tensor) -> list[Word]:
        second = self.step_seconds
        return [
            Word(span.text, round(span.first * second, 3), round((span.last + 1) * second, 3))
            for span in word_spans(path_S.tolist(), self.units)
        ]

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over all recordings, from reduced predictions."""
        truth, answers, nats, units, impossible = [], [], 0.0, 0, 0
        for reduced, batch in zip(predictions, batches, strict=True):
            for row, target_U in zip(reduced.cpu(), batch.y.cpu() + 1, strict=True):
                said = target_U[target_U > 0].tolist()
                truth.append(self.units.text(said))
                answers.append(self.units.text(transcript_of(row[2:].long()).tolist()))
                nats += float(row[0])
                units += len(said) * int(row[1])
                impossible += 1 - int(row[1])
        loss = nats / max(1, units)
        return {
            "loss": loss if math.isfinite(loss) else math.nan,
            "impossible": float(impossible),
            **error_rates(truth, answers, self.options.units),
        }


def lengths_of(batch: Batch) -> Tensor:
    """Number of steps without padding (B,)."""
    items, steps = batch.x.shape[:2]
    return torch.full((items,), steps, device=batch.x.device) if batch.lengths is None else batch.lengths
