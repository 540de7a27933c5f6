"""What is learned from texts: token numbers to classes, through an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tuner.adapters.classification import Classification
from tuner.adapters.learned_options import EmbeddingInit
from tuner.adapters.nlp.options import TextClassificationOptions


class TokenEmbedding(nn.Embedding):
    """A learned vector per token: int64 (B, T) to float (B, T, I).

    Args:
        vocabulary: Tokens besides token 0, >= 1.
        output_size: Features I, >= 1.
        init: Start values: "uniform" in [-0.1, 0.1], or "normal" with variance 1 / I.
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
        """Draw the vectors anew."""
        if self.init == "uniform":
            nn.init.uniform_(self.weight, -0.1, 0.1)
        else:
            nn.init.normal_(self.weight, std=self.output_size**-0.5)
        self._fill_padding_idx_with_zero()

    def example(self, items: int, steps: int) -> Tensor:
        """Tokens drawn at random; see `Codec.graph`."""
        return torch.randint(1, self.num_embeddings, (items, steps))


class TextClassificationProblem(Classification):
    """Texts to classes."""

    options: TextClassificationOptions

    def encoder(self) -> TokenEmbedding:
        """A fresh embedding of the prepared vocabulary."""
        vocabulary = self.facts["vocabulary"]
        assert isinstance(vocabulary, int)
        return TokenEmbedding(vocabulary, self.options.embedding_size, init=self.options.embedding_init)
