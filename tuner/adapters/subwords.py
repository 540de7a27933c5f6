"""Subwords of texts, by byte-pair encoding over bytes, which all adapters that have such units learn alike.

A subword is spelled in the alphabet of GPT-2, a letter per byte; that of a blank is Ġ.

Reference:
    Sennrich, Haddow and Birch 2016, arXiv:1508.07909, algorithm 1. Deviation: on bytes, not characters, as in
    Radford et al. 2019 (GPT-2), section 2.2, so that no text has unknown symbols.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BYTES = 256
"""Number of subwords that are single bytes, which every vocabulary has."""
_LONGEST_RUN = 1000
"""Longest run of letters, digits or signs from which subwords are learned as one word."""
_RUN = re.compile(rf"[^\W\d_]{{{_LONGEST_RUN}}}|\d{{{_LONGEST_RUN}}}|(?:[^\s\w]|_){{{_LONGEST_RUN}}}")


def train_tokenizer(texts: Sequence[str], vocabulary: int, *, prefix_space: bool = True) -> Tokenizer:
    """Learn at most `vocabulary` subwords; the same texts give the same subwords.

    A run longer than usual words (a DNA sequence, a ruled line) is learned from in parts, as the time of merging grows
    with the square of its length.

    Args:
        texts: The training texts.
        vocabulary: Largest number of subwords, >= `BYTES`.
        prefix_space: Whether a space is put before each text, so that its first word is like any other.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    parts = (_RUN.sub(r"\g<0> ", text) if len(text) > _LONGEST_RUN else text for text in texts)
    tokenizer.train_from_iterator(parts, trainer)
    return tokenizer


def byte_letters() -> dict[str, int]:
    """Letter -> the byte that it stands for in a subword's spelling (Radford et al. 2019, their code)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(BYTES) if byte not in printable]
    return {
        **{chr(byte): byte for byte in printable},
        **{chr(BYTES + place): byte for place, byte in enumerate(others)},
    }
