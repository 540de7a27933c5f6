"""Subword vocabularies: byte-pair encoding over bytes, learned from the training split alone.

Token numbers are those of the tokenizer plus one, so that 0 is left for padding and no text can contain it.

Reference:
    Sennrich, Haddow and Birch 2016, arXiv:1508.07909, algorithm 1. Deviation: on bytes, not characters, as in
    Radford et al. 2019 (GPT-2), section 2.2, so that no text has unknown symbols.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer


_LONGEST_RUN = 1000
"""Longest run of letters, digits or signs from which subwords are learned as one word."""
_RUN = re.compile(rf"[^\W\d_]{{{_LONGEST_RUN}}}|\d{{{_LONGEST_RUN}}}|(?:[^\s\w]|_){{{_LONGEST_RUN}}}")


def normalised(text: str, *, lowercase: bool) -> str:
    """The text in Unicode form NFC with single spaces, lowercased if asked."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text.lower() if lowercase else text


def train_tokenizer(texts: Sequence[str], vocabulary: int, *, prefix_space: bool = True) -> Tokenizer:
    """Learn at most `vocabulary` subwords; the same texts give the same subwords.

    A run longer than usual words (a DNA sequence, a ruled line) is learned from in parts, as the time of merging grows
    with the square of its length.

    Args:
        texts: The training texts.
        vocabulary: Largest number of subwords, >= 256.
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


def decoded(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[str]:
    """The text of each token number of `encode_joined`; " / " for the separator of a pair."""
    from tokenizers import decoders

    decoder = decoders.ByteLevel()
    texts = [tokenizer.id_to_token(token - 1) for token in tokens]
    return [" / " if text is None else str(decoder.decode([text])) for text in texts]


PARTED = "\x1e"
"""Separator of the two texts of a pair; it is white space, so that no normalised text contains it."""


def joined(texts: Sequence[str], *, lowercase: bool) -> str:
    """A text, or a pair of texts, normalised; empty if one of them is."""
    parts = [normalised(text, lowercase=lowercase) for text in texts]
    return PARTED.join(parts) if all(parts) else ""


def encode_joined(tokenizer: Tokenizer, texts: Sequence[str], max_length: int | None = None) -> list[NDArray[np.int32]]:
    """Token numbers (>= 1) of each text; of a pair those of both, separated by the largest number plus 1."""
    parts = [text.split(PARTED) for text in texts]
    found = iter(encode(tokenizer, [part for each in parts for part in each], max_length))
    between = np.array([tokenizer.get_vocab_size() + 1], dtype=np.int32)
    items = []
    for each in parts:
        first, *more = [next(found) for _ in each]
        items.append(np.concatenate([first, *(token for other in more for token in (between, other))]))
    return items


def encode(tokenizer: Tokenizer, texts: Sequence[str], max_length: int | None = None) -> list[NDArray[np.int32]]:
    """Token numbers (>= 1) of each text, at most `max_length` of them; None keeps all."""
    return [
        np.asarray(encoding.ids[:max_length], dtype=np.int32) + np.int32(1)
        for encoding in tokenizer.encode_batch(list(texts))
    ]
