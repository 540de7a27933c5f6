"""Texts as tokens: words, characters, and the subwords of `tuner.adapters.subwords`, learned from the training split.

Token numbers are those of the tokenizer plus one, so that 0 is left for padding and no text can contain it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer


_UNKNOWN = "<unk>"
"""Name of the unknown character, which no character has."""


def normalised(text: str, *, lowercase: bool) -> str:
    """The text in Unicode form NFC with single spaces, lowercased if asked."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text.lower() if lowercase else text


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
