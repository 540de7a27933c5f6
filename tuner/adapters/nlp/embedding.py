"""Embeddings of tokens and words. Imports torch."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from tuner.adapters.learned_options import EmbeddingInit, VectorOptions
from tuner.adapters.nlp.vectors import vectors_of


class TokenEmbedding(nn.Embedding):
    """A learned vector per token: int64 (B, T) to float (B, T, I).

    Args:
        vocabulary: Tokens besides token 0, >= 1.
        output_size: Features I, >= 1.
        init: Initial values: "uniform" in [-0.1, 0.1], or "normal" with variance 1 / I.
        padded: Whether token 0 is padding, whose vector stays zero.

    Reference:
        Merity, Keskar and Socher 2018, arXiv:1708.02182, section 5: the interval.
    """

    def __init__(
        self, vocabulary: int, output_size: int, *, init: EmbeddingInit = "uniform", padded: bool = True
    ) -> None:
        self.init, self.output_size = init, output_size
        super().__init__(vocabulary + 1, output_size, padding_idx=0 if padded else None)

    def reset_parameters(self) -> None:
        """Draw new initial vectors."""
        if self.init == "uniform":
            nn.init.uniform_(self.weight, -0.1, 0.1)
        else:
            nn.init.normal_(self.weight, std=self.output_size**-0.5)
        self._fill_padding_idx_with_zero()

    def example(self, items: int, steps: int) -> Tensor:
        """Tokens drawn at random; see `Codec.graph`."""
        return torch.randint(1, self.num_embeddings, (items, steps))


def word_embedding(
    folder: Path, words: int, options: VectorOptions, size: int, *, padded: bool = True
) -> TokenEmbedding:
    """A fresh embedding of words, initialized by the vectors of a file if the folder has some.

    Args:
        folder: Of prepared data.
        words: See `TokenEmbedding`.
        options: Whether the vectors are fine-tuned.
        size: Size of a vector.
        padded: See `TokenEmbedding`.
    """
    embedding = TokenEmbedding(words, size, init=options.embedding_init, padded=padded)
    if (vectors := vectors_of(folder)) is None:
        return embedding
    number_F = torch.from_numpy(vectors.numbers)
    with torch.no_grad():
        embedding.weight[number_F] = torch.from_numpy(vectors.values)
    if not options.vectors_tuned:
        frozen_V1 = torch.zeros(len(embedding.weight), 1, dtype=torch.bool)
        frozen_V1[number_F] = True
        embedding.weight.register_hook(lambda grad: grad.masked_fill(frozen_V1.to(grad.device), 0))
    return embedding
