"""The learning problem of language models: the next token at each step; opened in the worker. Imports torch.

Letters of shapes: B streams or stretches, T steps, F features, K tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.base import Batch, Split
from tuner.adapters.nlp import dynamic
from tuner.adapters.nlp.embedding import TokenEmbedding, word_embedding
from tuner.adapters.nlp.language_scores import scores_of
from tuner.adapters.nlp.options import LanguageModellingOptions
from tuner.adapters.nlp.streams import ParallelStreams, ScoredText
from tuner.adapters.nlp.units import word_ends
from tuner.errors import TrialError
from tuner.words import DYNAMIC

SHORTEST_STRETCH = 256
"""Smallest number of scored tokens per stretch; with a longer warm-up, four times the warm-up, so that at most a fifth
of the steps is not scored."""
MOST_STEPS = 1 << 16
"""Largest number of steps of a scored batch, which limits the network's memory: 256 MB for 1,024 features."""
MOST_LOGITS = 1 << 24
"""Largest number of logits of a scored batch, 64 MB, unless a single stretch has more."""
MOST_DOUBLES = 1 << 22
"""Logits that are converted to float64 at a time, 32 MB."""


class Tally(NamedTuple):
    """Sums from which the scores of a text, or of a part of it, are computed.

    Args:
        nats: Cross-entropy, summed over its tokens.
        hits: Number of tokens that were predicted as most probable.
        found: Count of each token, (K,).
        words: Number of words that end in it.
    """

    nats: float
    hits: float
    found: NDArray[np.int64]
    words: int


def together(one: Tally, other: Tally) -> Tally:
    """The tally of a text from those of its two parts."""
    return Tally(one.nats + other.nats, one.hits + other.hits, one.found + other.found, one.words + other.words)


class LanguageModellingProblem:
    """Next-token prediction by cross-entropy."""

    every_step = True
    logits = True

    def __init__(self, folder: Path, options: LanguageModellingOptions) -> None:
        self.folder, self.options = folder, options
        facts = json.loads((folder / "facts.json").read_text())
        self.lag: int = facts["lag"]
        self.spelling: float = facts["spelling"]
        self._embedding_size: int = facts.get("vector_size", options.embedding_size)
        self.counts_K = torch.from_numpy(np.load(folder / "counts.npy"))
        self.lengths_K = np.load(folder / "lengths.npy")
        self._ends = word_ends(options.unit, json.loads((folder / "tokens.json").read_text()))
        self._embedding: TokenEmbedding | None = None

    @property
    def num_tokens(self) -> int:
        """Number of tokens K, including the unknown one."""
        return len(self.counts_K)

    def dataset(self, split: Split) -> ParallelStreams | ScoredText:
        """Open a split, memory-mapped: the training text as parallel streams, the others to be scored."""
        text = self._text(split)
        if split == "train":
            return ParallelStreams(text)
        return self.scored(text)

    def train_and_val(self) -> ParallelStreams:
        """Training and validation text as one training text; see `Problem.dataset`."""
        train, val = (np.load(self.folder / f"{split}.npy").view(np.ndarray) for split in ("train", "val"))
        return ParallelStreams(np.concatenate((train, val[1:])))  # each begins with token 0

    def scored(self, text: NDArray[np.integer]) -> ScoredText:
        """A text to be scored, which begins with token 0."""
        warm_up = self.options.warm_up
        return ScoredText(
            text,
            scored=max(SHORTEST_STRETCH, 4 * warm_up),
            warm_up=warm_up,
            most_steps=min(MOST_STEPS, MOST_LOGITS // self.num_tokens),
        )

    def encoder(self) -> TokenEmbedding:
        """A fresh embedding."""
        self._embedding = word_embedding(
            self.folder, self.num_tokens - 1, self.options, self._embedding_size, padded=False
        )
        return self._embedding

    def head(self, input_size: int) -> nn.Linear:
        """A linear layer to a logit per token: (B, T, F) to (B, T, K).

        Its bias is initialized as `output_bias` says, its matrix uniformly in [-0.1, 0.1], unless it is tied to the
        embedding last made by `encoder`.

        Raises:
            TrialError: It is to be tied, but the sizes differ.

        Reference:
            Merity, Keskar and Socher 2018, arXiv:1708.02182, section 5: the interval. Press and Wolf 2017,
            arXiv:1608.05859: tying. Deviation: their biases start at 0.
        """
        head = nn.Linear(input_size, self.num_tokens)
        with torch.no_grad():
            if self.options.output_bias == "prior":
                head.bias.copy_((self.counts_K + 1).double().log() - (self.counts_K + 1).sum().double().log())
            else:
                head.bias.zero_()
        if not self.options.tied:
            nn.init.uniform_(head.weight, -0.1, 0.1)
            return head
        if input_size != (size := self.options.embedding_size):
            raise TrialError(
                f"data.tied needs as many features before the head as data.embedding_size, {size}, but got "
                f"{input_size}; set hidden_size or projection_size to it"
            )
        assert self._embedding is not None, "a network's encoder is built before its head"
        head.weight = self._embedding.weight
        return head

    def loss(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean cross-entropy in nats per scored token, with label smoothing if the options set it."""
        smoothing = self.options.label_smoothing
        return functional.cross_entropy(prediction.flatten(0, -2), batch.y.flatten(), label_smoothing=smoothing)

    def reduce(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats and whether the most probable token is right: (B, T, K) to float64 (B, T, 2).

        Computed in parts, as float64 doubles the memory of the logits.
        """
        logits_NK, y_N = prediction.flatten(0, 1), batch.y.flatten()
        size = max(1, MOST_DOUBLES // self.num_tokens)
        reduced = []
        for first in range(0, len(y_N), size):
            logits, y = logits_NK[first : first + size], y_N[first : first + size]
            nats = functional.cross_entropy(logits.double(), y, reduction="none")
            reduced.append(torch.stack((nats, logits.argmax(dim=-1) == y), dim=-1))
        return torch.cat(reduced).view(*batch.y.shape, 2)

    def evaluate(self, predictions: Sequence[Tensor], batches: Sequence[Batch]) -> dict[str, float]:
        """All metrics over the scored tokens, from reduced predictions."""
        tallies = (self.tally(reduced, batch.x, batch.y) for reduced, batch in zip(predictions, batches, strict=True))
        return self.scores(reduce(together, tallies))

    def tally(self, reduced: Tensor, x: Tensor, y: Tensor) -> Tally:
        """Sum up reduced predictions (..., 2), given the previous tokens `x` and the targets `y` (...)."""
        counted = y >= 0
        nats, hits = reduced[counted].sum(0).tolist()
        before_N, token_N = (part[counted].cpu().numpy() for part in (x, y))
        found_K = np.bincount(token_N, minlength=self.num_tokens)
        return Tally(nats, hits, found_K, self._ends.number(before_N, token_N))

    def scores(self, tally: Tally) -> dict[str, float]:
        """All metrics."""
        return scores_of(*tally, self.lengths_K, self.spelling)

    @property
    def adapts(self) -> bool:
        """Whether there is dynamic evaluation; see `AdaptingProblem`."""
        return self.options.dynamic_rate != 0

    def equip(self, network: nn.Module) -> None:
        """See `AdaptingProblem`."""
        network.add_module(dynamic.SQUARES, dynamic.Squares(network))

    def collect(self, network: nn.Module) -> None:
        """See `AdaptingProblem`."""
        dynamic.collect(network, self, self._text("train"))

    def tune(self, network: nn.Module) -> dict[str, float]:
        """The learning rate and decay of dynamic evaluation, where the options leave them open."""
        options = self.options
        open_ = [name for name in ("dynamic_rate", "dynamic_decay") if getattr(options, name) == dynamic.OPEN]
        if not open_:
            return {}
        rule = dynamic.tuned(network, self, self._text("val"), options.dynamic_rate, options.dynamic_decay)
        chosen = {"dynamic_rate": rule.rate, "dynamic_decay": rule.decay}
        return {name: chosen[name] for name in open_}

    def fitted(self, values: Mapping[str, float]) -> Self:
        """See `AdaptingProblem`."""
        return type(self)(self.folder, self.options.model_copy(update=dict(values)))

    def adapted(self, network: nn.Module, split: Split) -> dict[str, float]:
        """See `AdaptingProblem`."""
        return self.dynamic_scores(network, self._text(split))

    def dynamic_scores(self, network: nn.Module, text: NDArray[np.integer]) -> dict[str, float]:
        """The scores by dynamic evaluation of a text that begins with token 0, read from its start to its end."""
        rule = dynamic.Rule.of(self.options.dynamic_rate, self.options.dynamic_decay)
        reduced_N2 = dynamic.adapted(network, self, text, rule)
        x_N, y_N = (torch.from_numpy(part.astype(np.int64)) for part in (text[:-1], text[1:]))
        return {DYNAMIC + name: value for name, value in self.scores(self.tally(reduced_N2, x_N, y_N)).items()}

    def _text(self, split: Split) -> NDArray[np.integer]:
        text: NDArray[np.integer] = np.load(self.folder / f"{split}.npy", mmap_mode="r").view(np.ndarray)
        return text
