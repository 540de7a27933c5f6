"""From a word's numbers to its features: word embedding, letters, casing.

Letters of shapes: B sentences, T words, N = B T words, L letters of a word, E features of a letter, C columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tuner.adapters.nlp.embedding import TokenEmbedding, word_embedding
from tuner.adapters.nlp.word_options import WordOptions
from tuner.adapters.nlp.words import CASINGS, COUNTS, UNKNOWN

LETTER_SIZE = 30
"""Features E of a letter's embedding: Ma & Hovy 2016."""


class WordEncoder(nn.Module):
    """Rows of `words.Numbering`, int64 (B, T, C), to float (B, T, I).

    Args:
        words: Embedding of the words, including the unknown one.
        letters: Number of letters, including the unknown one.
        options: The adapter's.
        unknown_rate_V: The probability that training replaces each word by the unknown one, 0 to 1; None: never.
    """

    def __init__(
        self, words: TokenEmbedding, letters: int, options: WordOptions, unknown_rate_V: Tensor | None
    ) -> None:
        super().__init__()
        self.words = words
        self.letters = _letters(letters, options)
        self.casing = options.casing
        self.letter_numbers = letters + 1
        self.unknown_rate_V: Tensor | None
        self.register_buffer("unknown_rate_V", unknown_rate_V, persistent=False)
        self.output_size = words.output_size
        if self.letters is not None:
            self.output_size += options.character_size
        if self.casing:
            self.output_size += len(CASINGS) - 1

    def forward(self, x_BTC: Tensor) -> Tensor:
        """The concatenated features."""
        word_BT = x_BTC[..., 0]
        if self.training and self.unknown_rate_V is not None:
            drawn_BT = torch.rand(word_BT.shape, device=word_BT.device)
            word_BT = word_BT.masked_fill(drawn_BT < self.unknown_rate_V[word_BT], UNKNOWN)
        parts = [self.words(word_BT)]
        if self.letters is not None:
            parts.append(self.letters(x_BTC[..., 2:].flatten(0, 1)).unflatten(0, x_BTC.shape[:2]))
        if self.casing:
            parts.append(functional.one_hot(x_BTC[..., 1], len(CASINGS))[..., 1:].to(parts[0].dtype))
        return torch.cat(parts, dim=-1)


class LetterWindows(nn.Module):
    """Convolution over letters, then the maximum of each feature over the word: int64 (N, L) to float (N, F).

    Words are padded so that windows overlap both ends by at least one letter, and see where a word begins and ends.

    Args:
        letters: Number of letters, including the unknown one.
        size: Features F, divided among the widths.
        widths: Sizes of the windows in letters, each with its own convolution.

    Reference:
        Ma & Hovy 2016, arXiv:1603.01354, section 2.1 (one width); Kim et al. 2016, arXiv:1508.06615, section 2.2
        (several). Deviation: no dropout on the letters.
    """

    def __init__(self, letters: int, size: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(letters, LETTER_SIZE, init="normal")
        shares = [size // len(widths) + (number < size % len(widths)) for number in range(len(widths))]
        self.windows = nn.ModuleList(
            nn.Conv1d(LETTER_SIZE, share, width, padding=width - 1) for share, width in zip(shares, widths, strict=True)
        )

    def forward(self, letter_NL: Tensor) -> Tensor:
        """Zeros for a word without letters."""
        x_NEL = self.embedding(letter_NL).transpose(1, 2)
        length_N1 = (letter_NL > 0).sum(dim=1, keepdim=True)
        largest = []
        for windows in self.windows:
            y_NFW = windows(x_NEL)
            last_N1 = length_N1 + y_NFW.shape[2] - letter_NL.shape[1]
            beyond_NW = torch.arange(y_NFW.shape[2], device=letter_NL.device) >= last_N1
            largest.append(y_NFW.masked_fill(beyond_NW[:, None], torch.finfo(y_NFW.dtype).min).amax(dim=2))
        features_NF: Tensor = torch.cat(largest, dim=1) * (length_N1 > 0)
        return features_NF


class LetterSequence(nn.Module):
    """Last states of a bidirectional LSTM over a word's letters: int64 (N, L) to float (N, F).

    Args:
        letters: Number of letters, including the unknown one.
        size: Features F, even: half of them per direction.

    Reference:
        Lample et al. 2016, arXiv:1603.01360, section 4.1. Deviation: letters have 30 features, not 25.
    """

    def __init__(self, letters: int, size: int) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(letters, LETTER_SIZE, init="normal")
        self.ahead = nn.LSTM(LETTER_SIZE, size // 2, batch_first=True)
        self.back = nn.LSTM(LETTER_SIZE, size // 2, batch_first=True)

    def forward(self, letter_NL: Tensor) -> Tensor:
        """Zeros for a word without letters."""
        x_NLE = self.embedding(letter_NL)
        length_N1 = (letter_NL > 0).sum(dim=1, keepdim=True)
        last_N1 = (length_N1 - 1).clamp_min(0)
        place_NL = (last_N1 - torch.arange(letter_NL.shape[1], device=letter_NL.device)).clamp_min(0)
        reversed_NLE = x_NLE.gather(1, place_NL[..., None].expand_as(x_NLE))
        ends = []
        for direction, read_NLE in ((self.ahead, x_NLE), (self.back, reversed_NLE)):
            y_NLF = direction(read_NLE)[0]
            ends.append(y_NLF.gather(1, last_N1[..., None].expand(-1, -1, y_NLF.shape[2])).squeeze(1))
        return torch.cat(ends, dim=1) * (length_N1 > 0)


def word_encoder(folder: Path, words: int, letters: int, options: WordOptions, size: int) -> WordEncoder:
    """A fresh encoder of words.

    Args:
        folder: Of prepared data.
        words: Number of words, including the unknown one and a separator.
        letters: Number of letters, including the unknown one.
        options: The adapter's.
        size: Size of a word's embedding.

    Reference:
        Kiperwasser & Goldberg 2016, arXiv:1603.04351, section 4: word dropout.
    """
    rate_V, strength = None, options.word_dropout
    if strength:
        counts_V = torch.from_numpy(np.load(folder / COUNTS))
        rate_V = torch.zeros(words + 1, dtype=torch.float64)
        rate_V[: len(counts_V)] = strength / (strength + counts_V)
        rate_V[: UNKNOWN + 1] = 0
    return WordEncoder(word_embedding(folder, words, options, size), letters, options, rate_V)


def _letters(letters: int, options: WordOptions) -> LetterWindows | LetterSequence | None:
    """The module that reads a word's letters; None without one."""
    if options.characters == "cnn":
        return LetterWindows(letters, options.character_size, options.character_windows)
    return LetterSequence(letters, options.character_size) if options.characters == "lstm" else None
