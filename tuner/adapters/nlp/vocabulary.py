"""Vocabularies of subwords, byte-pair encoding over bytes, and of characters, learned from the training split alone.

Token numbers are those of the tokenizer plus one, so that 0 is left for padding and no text can contain it.

Reference:
    Sennrich, Haddow and Birch 2016, arXiv:1508.07909, algorithm 1. Deviation: on bytes, not characters, as in
    Radford et al. 2019 (GPT-2), section 2.2, so that no text has unknown symbols.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer


_UNKNOWN = "<unk>"
"""Name of the unknown character, which no character has."""
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


PARTED = "\x1e"
"""Separator of the two texts of a pair; it is white space, so that no normalised text contains it."""


def joined(texts: Sequence[str], *, lowercase: bool) -> str:
    """A text, or a pair of texts, normalised; empty if one of them is."""
    parts = [normalised(text, lowercase=lowercase) for text in texts]
    return PARTED.join(parts) if all(parts) else ""


WORD = r"\w+(?:['\u2019.\-]\w+)*|[^\w\s]"
"""A word, with signs that are inside of it; else each sign by itself. Marks belong to words, as Unicode says."""


def split_words(texts: Iterable[str]) -> Iterator[list[str]]:
    """The words of each text."""
    from tokenizers import Regex, pre_tokenizers

    splitter = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    for text in texts:
        yield [word for word, _ in splitter.pre_tokenize_str(text)]


def character_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Every character of the training texts, in the order of their code points, after the unknown one."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    known = sorted(set().union(*texts) - {PARTED})
    vocabulary = {token: number for number, token in enumerate((_UNKNOWN, *known))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


class TextTokens:
    """Tokens of a tokenizer as steps, see `steps.Steps`: the number of a step is that of its token plus 1.

    Args:
        tokenizer: Of subwords or characters.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        from tokenizers import decoders

        self._tokenizer = tokenizer
        self._tokenizer.decoder = tokenizer.decoder or decoders.ByteLevel()
        self.sizes = (tokenizer.get_vocab_size() + 1,)
        self.separator = np.array(self.sizes, dtype=np.int32)

    def numbered(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """See `steps.Steps`."""
        return encode(self._tokenizer, texts)

    def shown(self, item: NDArray[np.integer]) -> list[str]:
        """See `steps.Steps`."""
        texts = [self._tokenizer.id_to_token(token - 1) for token in item.tolist()]
        return [" / " if text is None else str(self._tokenizer.decoder.decode([text])) for text in texts]

    def text(self, item: NDArray[np.integer]) -> str:
        """See `steps.Steps`."""
        return str(self._tokenizer.decode([token - 1 for token in item.tolist()])).strip()


def encode(tokenizer: Tokenizer, texts: Sequence[str], max_length: int | None = None) -> list[NDArray[np.int32]]:
    """Token numbers (>= 1) of each text, at most `max_length` of them; None keeps all."""
    return [
        np.asarray(encoding.ids[:max_length], dtype=np.int32) + np.int32(1)
        for encoding in tokenizer.encode_batch(list(texts))
    ]
