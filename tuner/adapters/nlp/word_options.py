"""Options of reading words: which features a word has, beside its embedding. Free of torch, numpy and pandas."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.learned_options import VectorOptions
from tuner.errors import TaskFileError

Characters = Literal["none", "cnn", "lstm"]


class WordOptions(VectorOptions):
    """Options of reading words."""

    characters: Characters = "cnn"
    """Network that reads the letters of a word: none, cnn (with max-pooling over the word, Ma & Hovy 2016), or a
    bidirectional lstm (Lample et al. 2016). Searchable as data.characters."""
    character_windows: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(default=(3,), min_length=1, max_length=12)
    """With characters cnn: widths of its windows in letters, each in [1, 12]; several widths share character_size, as
    [2, 3, 4, 5] for words with long endings (Kim et al. 2016). 3 after Ma & Hovy 2016. Searchable as
    data.character_windows."""
    character_size: int = Field(default=50, ge=2, le=1024, multiple_of=2)
    """Features from a word's letters, even, in [2, 1024]; 50 after Lample et al. 2016. Searchable as
    data.character_size."""
    casing: bool = True
    """Whether a word has a feature for its spelling: lower case, capitals, digits. Searchable as data.casing."""
    word_dropout: float = Field(default=0.25, ge=0, le=100)
    """a: in training a word that occurs n times is unknown with probability a / (a + n), so that the unknown
    word is learned; 0 (off) to 100. 0.25 after Kiperwasser & Goldberg 2016. Searchable as data.word_dropout."""

    @model_validator(mode="after")
    def _of_windows(self) -> Self:
        if len(self.character_windows) > self.character_size:
            raise TaskFileError(
                "data.character_windows must have at most character_size widths",
                value=len(self.character_windows),
                fix="Each width needs a feature.",
                key=("data", "character_windows"),
            )
        return self


FEATURES = ("characters", "character_windows", "character_size", "casing", "word_dropout")
"""Names of these options, none of which affects preparation."""
