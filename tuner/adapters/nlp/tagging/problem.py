"""What is learned from tagged sentences: opened in the worker, with torch.

Letters of shapes: B sentences of a batch, T words, F features, K tags, N words of all sentences.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.base import Batch, Split
from tuner.adapters.batching import batch_indices, lengths_of
from tuner.adapters.classification import RaggedProblem
from tuner.adapters.nlp.tagging.crf import Chain, best_path, marginals, negative_log_likelihood, packed, unpacked
from tuner.adapters.nlp.tagging.encoder import WordEncoder
from tuner.adapters.nlp.tagging.entities import Scorer
from tuner.adapters.nlp.tagging.options import Scheme, TaggingOptions
from tuner.adapters.nlp.tagging.schemes import rules
from tuner.adapters.nlp.tagging.words import UNKNOWN, Vocabulary
from tuner.adapters.ragged import Ragged
from tuner.adapters.shown import PerType

PADDING = -1
"""Target of a step that is no word."""
MOST_TYPES = 100
"""Types whose scores are shown, the most frequent ones."""
FORBIDDEN = -1e4
"""Score of a step that the scheme does not allow."""


class TaggedSentences:
    """Sentences with a tag per word: x int64 (B, T, C), y int64 (B, T), `PADDING` beyond a sentence's length.

    Args:
        sentences: Rows of `words.Numbering`.
        tags: One more than the number of each word's tag.
    """

    def __init__(self, sentences: Ragged, tags: Ragged) -> None:
        self.sentences, self.tags = sentences, tags

    def __len__(self) -> int:
        return len(self.sentences)

    def num_batches(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        lengths = self.sentences.lengths
        for indices in batch_indices(lengths, batch_size, rng):
            x, y = (part.padded(indices).astype(np.int64) for part in (self.sentences, self.tags))
            yield Batch(torch.from_numpy(x), lengths_of(lengths[indices], x.shape[1]), torch.from_numpy(y - 1))


class CrfHead(nn.Linear):
    """Scores of each word's tags and of neighbours, which start near 0: (B, T, F) to `crf.packed`.

    Args:
        input_size: Features F.
        tags: Tags K.
    """

    def __init__(self, input_size: int, tags: int) -> None:
        super().__init__(input_size, tags)
        self.transition = nn.Parameter(torch.empty(tags, tags).uniform_(-0.1, 0.1))
        self.start = nn.Parameter(torch.empty(tags).uniform_(-0.1, 0.1))
        self.end = nn.Parameter(torch.empty(tags).uniform_(-0.1, 0.1))

    def forward(self, y_BTF: Tensor) -> Tensor:
        """See the class."""
        return packed(super().forward(y_BTF), Chain(self.transition, self.start, self.end))


class TaggingProblem(RaggedProblem):
    """Words to tags, each by itself (softmax) or all of a sentence together (crf)."""

    every_step = True

    def __init__(self, folder: Path, options: TaggingOptions) -> None:
        self.folder, self.options = folder, options
        facts = json.loads((folder / "facts.json").read_text())
        self.classes: list[str] = facts["classes"]
        self.scheme: Scheme = facts["scheme"]
        self.given_scheme: Scheme = facts["given_scheme"]
        self.vocabulary = Vocabulary(**json.loads((folder / "words.json").read_text()))
        self._scorer = Scorer([*self.classes, *facts["unseen"]], self.scheme)
        self._rules = [torch.from_numpy(part) for part in rules(self.classes, self.scheme)]
        self._crf = options.decoder == "crf"

    @property
    def logits(self) -> bool:
        """See `Problem.logits`: scores of a CRF are averaged as they are."""
        return not self._crf

    def dataset(self, split: Split) -> TaggedSentences:
        """Open a split, memory-mapped."""
        return TaggedSentences(Ragged(self.folder, f"{split}.x"), Ragged(self.folder, f"{split}.y"))

    def encoder(self) -> WordEncoder:
        """A fresh encoder of words.

        Reference:
            Kiperwasser & Goldberg 2016, arXiv:1603.04351, section 4: the probability of being unknown.
        """
        rate_V, strength = None, self.options.word_dropout
        if strength:
            counts_V = torch.from_numpy(np.load(self.folder / "counts.npy"))
            rate_V = strength / (strength + counts_V)
            rate_V[: UNKNOWN + 1] = 0
        words, letters = len(self.vocabulary.words) + 1, len(self.vocabulary.letters) + 1
        return WordEncoder(words, letters, self.options, rate_V)

    def head(self, input_size: int) -> nn.Linear:
        """A linear layer to a score per tag, its bias as `output_bias` says; with crf those of neighbours too."""
        tags = len(self.classes)
        head = CrfHead(input_size, tags) if self._crf else nn.Linear(input_size, tags)
        with torch.no_grad():
            head.bias.zero_()
            if self.options.output_bias == "prior":
                target_N = Ragged(self.folder, "train.y").values.astype(np.int64)
                counts_K = np.bincount(target_N[target_N > 0] - 1, minlength=tags) + 1.0
                head.bias.copy_(torch.from_numpy(np.log(counts_K / counts_K.sum())))
        return head

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean negative log-likelihood in nats per word, with smoothed labels where the options ask for it."""
        if not self._crf:
            smoothing = self.options.label_smoothing
            return functional.cross_entropy(
                prediction.flatten(0, 1), batch.y.flatten(), ignore_index=PADDING, label_smoothing=smoothing
            )
        valid_BT = batch.y != PADDING
        nats_B = negative_log_likelihood(*unpacked(prediction), batch.y.clamp_min(0), valid_BT)
        return nats_B.sum() / valid_BT.sum()

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """What is scored of each word: nats, whether they count, the predicted tag: (B, T, K) to float64 (B, T, 3).

        A tag that training has not seen has no likelihood: its word does not count, with crf its sentence. With crf the
        nats of a sentence stand at its first word.
        """
        scores, known_BT = prediction.double(), (batch.y >= 0) & (batch.y < len(self.classes))
        valid_BT = batch.y != PADDING
        if not self._crf:
            target_N = torch.where(known_BT, batch.y, PADDING).flatten()
            nats_N = functional.cross_entropy(scores.flatten(0, 1), target_N, ignore_index=PADDING, reduction="none")
            nats_BT = nats_N.view_as(batch.y)
        else:
            known_BT = known_BT & (known_BT | ~valid_BT).all(dim=1, keepdim=True)
            nats_B = negative_log_likelihood(*unpacked(scores), torch.where(known_BT, batch.y, 0), valid_BT)
            nats_BT = functional.pad((nats_B * known_BT[:, 0])[:, None], (0, batch.y.shape[1] - 1))
        return torch.stack((nats_BT, known_BT.double(), self.decoded(prediction, valid_BT).double()), dim=-1)

    def decoded(self, prediction: Tensor, valid_BT: Tensor) -> Tensor:
        """The tags that are answered, int64 (B, T): the best that the scheme allows.

        Where the likeliest of each word are allowed together they are the best: only others are searched for.
        """
        follows_KK, first_K, last_K = (part.to(prediction.device) for part in self._rules)
        if self._crf:
            emission_BTK, chain = unpacked(prediction)
            return best_path(emission_BTK, _allowed(chain, follows_KK, first_K, last_K), valid_BT)
        tag_BT = prediction.argmax(dim=-1)
        if self.scheme == "plain":
            return tag_BT
        end_B1 = valid_BT.sum(dim=1, keepdim=True) - 1
        legal_B = first_K[tag_BT[:, 0]] & last_K[tag_BT.gather(1, end_B1).squeeze(1)]
        legal_B &= (follows_KK[tag_BT[:, :-1], tag_BT[:, 1:]] | ~valid_BT[:, 1:]).all(dim=1)
        if not legal_B.all():
            nothing_KK = torch.zeros_like(follows_KK, dtype=prediction.dtype)
            chain = _allowed(Chain(nothing_KK, nothing_KK[0], nothing_KK[0]), follows_KK, first_K, last_K)
            tag_BT = tag_BT.clone()
            tag_BT[~legal_B] = best_path(prediction[~legal_B].log_softmax(dim=-1), chain, valid_BT[~legal_B])
        return tag_BT

    def probabilities(self, prediction: Tensor, valid_BT: Tensor) -> Tensor:
        """The probability of each tag of each word, (B, T, K)."""
        if not self._crf:
            return prediction.softmax(dim=-1)
        return marginals(*unpacked(prediction), valid_BT)

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over all words, from reduced predictions."""
        reduced_N3, truth_N, first_N = _words(predictions, batches)
        counted = reduced_N3[:, 1].sum()
        loss = float(reduced_N3[:, 0].sum() / counted) if counted else 0.0
        scores = self._scorer.scores(reduced_N3[:, 2].astype(np.int64), truth_N, first_N)
        return {"loss": loss if math.isfinite(loss) else math.nan, **scores}

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> PerType:
        """How well each type of entity is found, of plain tags each tag; the most frequent ones first."""
        reduced_N3, truth_N, first_N = _words(predictions, batches)
        counts = self._scorer.counts(reduced_N3[:, 2].astype(np.int64), truth_N, first_N)
        most = np.argsort(-counts.true, kind="stable")[:MOST_TYPES]
        right, predicted, true = (each[most].tolist() for each in counts)
        return PerType([self._scorer.types[at] for at in most], right, predicted, true)


def _words(
    predictions: Sequence[Tensor], batches: Sequence[Batch]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of all words, one after the other: reduced predictions, (N, 3), tags, and whether each is a sentence's first."""
    words, truth, first = [], [], []
    for reduced_BT3, batch in zip(predictions, batches, strict=True):
        valid_BT = batch.y != PADDING
        words.append(reduced_BT3[valid_BT])
        truth.append(batch.y[valid_BT])
        first.append((torch.arange(batch.y.shape[1], device=batch.y.device) == 0).expand_as(batch.y)[valid_BT])
    return torch.cat(words).double().cpu().numpy(), torch.cat(truth).cpu().numpy(), torch.cat(first).cpu().numpy()


def _allowed(chain: Chain, follows_KK: Tensor, first_K: Tensor, last_K: Tensor) -> Chain:
    """The scores of neighbours, with those that are not allowed far below the others."""
    return Chain(
        chain.transition + FORBIDDEN * ~follows_KK,
        chain.start + FORBIDDEN * ~first_K,
        chain.end + FORBIDDEN * ~last_K,
    )
