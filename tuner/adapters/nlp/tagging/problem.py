"""The learning problem of tagging, opened in the worker. Imports torch.

Letters of shapes: B sentences of a batch, T words, F features, K tags, N words of all sentences.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.base import Batch, Split
from tuner.adapters.batching import batch_indices, lengths_of
from tuner.adapters.nlp.tagging.crf import Chain, best_path, marginals, negative_log_likelihood, unpacked
from tuner.adapters.nlp.tagging.entities import Scorer
from tuner.adapters.nlp.tagging.heads import CrfHead, IntentHead, intent_scores
from tuner.adapters.nlp.tagging.options import Scheme, TaggingOptions
from tuner.adapters.nlp.tagging.schemes import rules
from tuner.adapters.nlp.word_encoder import WordEncoder, word_encoder
from tuner.adapters.nlp.words import opened_vocabulary
from tuner.adapters.ragged import Ragged
from tuner.adapters.ragged_problem import RaggedProblem
from tuner.adapters.shown import PerType

PADDING = -1
"""Target of a step that is padding."""
MOST_TYPES = 100
"""Largest number of types whose scores are shown, the most frequent ones."""
FORBIDDEN = -1e4
"""Score of a transition that the scheme does not allow."""


class TaggedSentences:
    """Sentences with a tag per word: x int64 (B, T, C), y int64 (B, T), `PADDING` beyond a sentence's length.

    With intents y is (B, T, 2): each word's tag and the intent of its sentence.

    Args:
        sentences: Rows of `words.Numbering`.
        tags: The number of each word's tag plus 1.
        intents: The number of each sentence's intent; None without intents.
    """

    def __init__(self, sentences: Ragged, tags: Ragged, intents: NDArray[np.int64] | None = None) -> None:
        self.sentences, self.tags, self.intents = sentences, tags, intents

    def __len__(self) -> int:
        return len(self.sentences)

    def num_batches(self, batch_size: int) -> int:
        """Number of batches per pass."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, *, rng: np.random.Generator | None = None) -> Iterator[Batch]:
        """One pass; see `Dataset.batches`."""
        lengths = self.sentences.lengths
        for indices in batch_indices(lengths, batch_size, rng):
            x, y = (part.padded(indices).astype(np.int64) for part in (self.sentences, self.tags))
            target = torch.from_numpy(y - 1)
            if self.intents is not None:
                intent_B1 = torch.from_numpy(self.intents[indices])[:, None]
                target = torch.stack((target, intent_B1.expand_as(target)), dim=-1)
            yield Batch(torch.from_numpy(x), lengths_of(lengths[indices], x.shape[1]), target)


class TaggingProblem(RaggedProblem):
    """Words to tags, independently (softmax) or jointly per sentence (crf), and sentences to intents."""

    every_step = True

    def __init__(self, folder: Path, options: TaggingOptions) -> None:
        self.folder, self.options = folder, options
        facts = json.loads((folder / "facts.json").read_text())
        self.classes: list[str] = facts["classes"]
        self.scheme: Scheme = facts["scheme"]
        self.given_scheme: Scheme = facts["given_scheme"]
        self.vocabulary = opened_vocabulary(folder / "words.json")
        self._scorer = Scorer([*self.classes, *facts["unseen"]], self.scheme)
        self._rules = [torch.from_numpy(part) for part in rules(self.classes, self.scheme)]
        self._crf = options.decoder == "crf"
        self.intents: list[str] = facts.get("intents", [])
        self._word_size: int = facts.get("vector_size", options.embedding_size)

    @property
    def logits(self) -> bool:
        """See `Problem.logits`: scores of a CRF, and scores with intents, are averaged directly."""
        return not self._crf and not self.intents

    def dataset(self, split: Split) -> TaggedSentences:
        """Open a split, memory-mapped."""
        intents = np.load(self.folder / f"{split}.intent.npy") if self.intents else None
        return TaggedSentences(Ragged(self.folder, f"{split}.x"), Ragged(self.folder, f"{split}.y"), intents)

    def encoder(self) -> WordEncoder:
        """A fresh encoder of words."""
        words, letters = len(self.vocabulary.words) + 1, len(self.vocabulary.letters) + 1
        return word_encoder(self.folder, words, letters, self.options, self._word_size)

    def head(self, input_size: int) -> nn.Module:
        """A linear layer to a score per tag, its bias as `output_bias` says; with crf also those of
        transitions; with intents also theirs.
        """  # noqa: D205 - one sentence
        tags = len(self.classes)
        head = CrfHead(input_size, tags) if self._crf else nn.Linear(input_size, tags)
        with torch.no_grad():
            head.bias.zero_()
            if self.options.output_bias == "prior":
                target_N = Ragged(self.folder, "train.y").values.astype(np.int64)
                counts_K = np.bincount(target_N[target_N > 0] - 1, minlength=tags) + 1.0
                head.bias.copy_(torch.from_numpy(np.log(counts_K / counts_K.sum())))
        return IntentHead(head, input_size, len(self.intents)) if self.intents else head

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean negative log-likelihood in nats per word, with label smoothing if the options set it, plus
        `intent_weight` times that of the intents per sentence. Tags and intents that training lacks do not count.
        """  # noqa: D205 - one sentence
        tag_BT, intent_B = _targets(batch)
        smoothing, valid_BT = self.options.label_smoothing, tag_BT != PADDING
        if self._crf:
            nats_BT, known_BT = self._nats(prediction, tag_BT)
            loss = nats_BT.sum() / known_BT.sum().clamp_min(1)
        else:
            known_N = tag_BT.masked_fill(tag_BT >= len(self.classes), PADDING).flatten()
            scores_NK = self._tags(prediction).flatten(0, 1)
            loss = functional.cross_entropy(scores_NK, known_N, ignore_index=PADDING, label_smoothing=smoothing)
        if intent_B is not None:
            known_B = intent_B.masked_fill(intent_B >= len(self.intents), PADDING)
            scores_BJ = self.intent_scores(prediction, valid_BT)
            nats = functional.cross_entropy(scores_BJ, known_B, ignore_index=PADDING, label_smoothing=smoothing)
            loss = loss + self.options.intent_weight * nats
        return loss

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """What scoring needs of each word: nats, whether they count, the predicted tag, and with intents the same for
        the sentence's intent: (B, S, ...) to float64 (B, T, 3), or (B, T, 6).

        A tag that training lacks has no likelihood: its word does not count, with crf its whole sentence. With crf the
        nats of a sentence are those of its first word.
        """  # noqa: D205 - one sentence
        scores, (tag_BT, intent_B) = prediction.double(), _targets(batch)
        valid_BT = tag_BT != PADDING
        columns = [*self._nats(scores, tag_BT), self.decoded(prediction, valid_BT)]
        if intent_B is not None:
            scores_BJ, known_B = self.intent_scores(scores, valid_BT), intent_B < len(self.intents)
            nats_B = functional.cross_entropy(scores_BJ, torch.where(known_B, intent_B, 0), reduction="none")
            of_sentences = (nats_B * known_B, known_B, scores_BJ.argmax(dim=1))
            columns += [each[:, None].expand_as(tag_BT) for each in of_sentences]
        return torch.stack([column.double() for column in columns], dim=-1)

    def _nats(self, prediction: Tensor, tag_BT: Tensor) -> tuple[Tensor, Tensor]:
        """The nats of each word, and whether they count, (B, T)."""
        valid_BT, known_BT = tag_BT != PADDING, (tag_BT >= 0) & (tag_BT < len(self.classes))
        scores = self._tags(prediction)
        if not self._crf:
            target_N = torch.where(known_BT, tag_BT, PADDING).flatten()
            nats_N = functional.cross_entropy(scores.flatten(0, 1), target_N, ignore_index=PADDING, reduction="none")
            return nats_N.view_as(tag_BT), known_BT
        known_BT = known_BT & (known_BT | ~valid_BT).all(dim=1, keepdim=True)
        nats_B = negative_log_likelihood(*unpacked(scores), torch.where(known_BT, tag_BT, 0), valid_BT)
        return functional.pad((nats_B * known_BT[:, 0])[:, None], (0, tag_BT.shape[1] - 1)), known_BT

    def _tags(self, prediction: Tensor) -> Tensor:
        """The scores of tags alone, (B, S, K)."""
        return prediction[..., : len(self.classes)]

    def intent_scores(self, prediction: Tensor, valid_BT: Tensor) -> Tensor:
        """A logit per intent of each sentence, (B, J)."""
        return intent_scores(prediction, len(self.classes), valid_BT)

    def decoded(self, prediction: Tensor, valid_BT: Tensor) -> Tensor:
        """The predicted tags, int64 (B, T): the best that the scheme allows.

        If the most probable tags of all words are an allowed sequence, it is the best; else the best is searched for.
        """
        prediction = self._tags(prediction)
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
        prediction = self._tags(prediction)
        if not self._crf:
            return prediction.softmax(dim=-1)
        return marginals(*unpacked(prediction), valid_BT)

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over all words, from reduced predictions."""
        words = _words(predictions, batches)
        loss = _mean(words.reduced[:, :2])
        scores = self._scorer.scores(words.predicted, words.truth, words.first)
        if self.intents:
            of_sentences = words.reduced[words.first]
            loss += _mean(of_sentences[:, 3:5])
            scores["intent_accuracy"] = float((of_sentences[:, 5] == words.intents).mean())
        return {"loss": loss if math.isfinite(loss) else math.nan, **scores}

    def shown(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> PerType:
        """Scores of each type of entity, or of each plain tag; the most frequent ones first."""
        words = _words(predictions, batches)
        counts = self._scorer.counts(words.predicted, words.truth, words.first)
        most = np.argsort(-counts.true, kind="stable")[:MOST_TYPES]
        right, predicted, true = (each[most].tolist() for each in counts)
        return PerType([self._scorer.types[at] for at in most], right, predicted, true)


class _Words(NamedTuple):
    """All words of a split, one after the other."""

    reduced: NDArray[np.float64]
    """See `TaggingProblem.reduce`, (N, 3) or (N, 6)."""
    truth: NDArray[np.int64]
    """Their tags, (N,)."""
    first: NDArray[np.bool_]
    """Whether each is the first of its sentence, (N,)."""
    intents: NDArray[np.int64]
    """The intents of the sentences; empty without intents."""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The predicted tags, (N,)."""
        return self.reduced[:, 2].astype(np.int64)


def _words(predictions: Sequence[Tensor], batches: Sequence[Batch]) -> _Words:
    reduced, truth, first, intents = [], [], [], []
    for reduced_BTC, batch in zip(predictions, batches, strict=True):
        tag_BT, intent_B = _targets(batch)
        valid_BT = tag_BT != PADDING
        reduced.append(reduced_BTC[valid_BT])
        truth.append(tag_BT[valid_BT])
        first.append((torch.arange(tag_BT.shape[1], device=tag_BT.device) == 0).expand_as(tag_BT)[valid_BT])
        intents.append(tag_BT[:0, 0] if intent_B is None else intent_B)
    joined = (torch.cat(parts).cpu().numpy() for parts in (reduced, truth, first, intents))
    return _Words(*joined)


def _targets(batch: Batch) -> tuple[Tensor, Tensor | None]:
    """The tags of words, (B, T), and the intents of sentences, (B,), where there are some."""
    if batch.y.dim() == 2:
        return batch.y, None
    return batch.y[..., 0], batch.y[:, 0, 1]


def _mean(column_N2: NDArray[np.float64]) -> float:
    """The mean of the values (first column) that count (second column)."""
    counted = column_N2[:, 1].sum()
    return float(column_N2[:, 0].sum() / counted) if counted else 0.0


def _allowed(chain: Chain, follows_KK: Tensor, first_K: Tensor, last_K: Tensor) -> Chain:
    """The scores of transitions, with those that are not allowed far below the others."""
    return Chain(
        chain.transition + FORBIDDEN * ~follows_KK,
        chain.start + FORBIDDEN * ~first_K,
        chain.end + FORBIDDEN * ~last_K,
    )
