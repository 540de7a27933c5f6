"""What is learned from texts: token numbers to classes, through an embedding."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from tuner.adapters.classification import Classification


class TokenEmbedding(nn.Embedding):
    """A learned vector per token: int64 (B, T) to float (B, T, I).

    Vectors start uniform in [-0.1, 0.1].

    Args:
        vocabulary: Tokens besides token 0, >= 1.
        output_size: Features I, >= 1.
        padded: Whether token 0 is padding, whose vector stays zero.

    Reference:
        Merity, Keskar and Socher 2018, arXiv:1708.02182, section 5: the interval.
    """

    def __init__(self, vocabulary: int, output_size: int, *, padded: bool = True) -> None:
        super().__init__(vocabulary + 1, output_size, padding_idx=0 if padded else None)
        self.output_size = output_size

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        nn.init.uniform_(self.weight, -0.1, 0.1)
        self._fill_padding_idx_with_zero()


class TextClassificationProblem(Classification):
    """Texts to classes."""

    def __init__(self, folder: Path, embedding_size: int) -> None:
        super().__init__(folder)
        self.embedding_size = embedding_size

    def encoder(self) -> TokenEmbedding:
        """A fresh embedding of the prepared vocabulary."""
        vocabulary = self.facts["vocabulary"]
        assert isinstance(vocabulary, int)
        return TokenEmbedding(vocabulary, self.embedding_size)
