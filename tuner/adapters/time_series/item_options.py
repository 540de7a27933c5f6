"""The options of the adapters whose items are sequences: where they are read and how they are split."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuner.adapters.files import check_origin
from tuner.adapters.learned_options import LEARNED, ClassOptions, FoldOptions, NumberOptions, SymbolOptions
from tuner.adapters.time_series.options import Layout, MissingOption, TableOptions, check_table_options
from tuner.adapters.time_series.sources import CLASSIFICATION_SOURCES, LABELLING_SOURCES, REGRESSION_SOURCES
from tuner.config.options import Options
from tuner.errors import TaskFileError
from tuner.registry import Catalog


class ItemOptions(TableOptions):
    """Options of sequences: from a ready source or the user's files."""

    sources: ClassVar[Catalog]
    """The ready sources."""
    own: ClassVar[tuple[str, ...]] = ("test_path", "id", "channels", "time_format", "group", "split", "layout")
    later: ClassVar[tuple[str, ...]] = (*TableOptions.later, "missing")
    """Options for reading the user's own files."""
    source: str | None = None
    """Name of a ready source, such as aeon/GunPoint; null when `path` is given."""
    path: str | None = None
    """A .ts, .csv, .tsv, .parquet, .jsonl or .npz file of items; null when `source` is given. An .npz has y (items,)
    and X (items, steps[, channels]), or with `lengths` (items,) X (all steps[, channels]), item after item."""
    test_path: str | None = None
    """A file of the same form with the test items; null: a share `test` of the items becomes the test split."""
    id: str | None = None
    """Tables in long form (one row per step): the column with a row's item; null: one row per item."""
    time: str | None = None
    """Tables in long form: the column that orders an item's steps; null keeps the order of the rows."""
    channels: tuple[str, ...] = ()
    """Tables: the columns with values, in order, by name or by a pattern such as sensor_*; empty: all others that are
    no row numbers, ids or copies of the label."""
    time_format: str = "auto"
    """Format of times, as for time_series/forecasting; auto: recognized from the cells."""
    group: str | None = None
    """Tables: the column with the group of an item (a patient, a machine); no group is in two splits; .npz: an array
    (items,). Null: items are split individually."""
    split: str | None = None
    """Tables: the column with train, val or test for each item; .npz: an array (items,). A split that it lacks is drawn
    at random. Null: all are drawn at random."""
    layout: Layout | None = None
    """.npz without `lengths`: what the axes of X (items, ., .) are: channels_last, (items, steps, channels);
    channels_first, (items, channels, steps), as aeon, sktime and tsai have it. With `lengths`, X is (all steps,
    channels) or (channels, all steps). Null: channels_last; an array that looks like the other is refused."""
    missing: MissingOption = "auto"
    """Treatment of missing values: empty cells, NA, NaN, ? and the like. interpolate: on the line between the values
    before and after in the item, at its ends the nearest one. forward: the value before, at the start the first one.
    zero: 0. mask: as interpolate, with a channel beside that is 1 where the value is missing, else 0 (Lipton et al.
    2016, arXiv:1606.04130). drop: items with a missing value are left out, and get no answer. refuse: an error. auto:
    forward in a channel of at most 10 different whole numbers, such as a switch, interpolate in others. Or a policy for
    columns by name or pattern, with auto for the others: {rain*: zero, door: forward}; the longest that matches counts.
    With interpolate, forward and mask, items without any value in a channel are left out."""
    val: float = Field(default=0.2, gt=0, lt=1)
    """Share of the items (of those that are not test) used for validation, stratified by class, in (0, 1)."""
    test: float = Field(default=0.2, gt=0, lt=1)
    """Share of the items used for the test if the source has no test part of its own, in (0, 1)."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""

    @property
    def words(self) -> tuple[str, ...]:
        """Columns with an item's label as text."""
        return ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns with an item's targets as numbers."""
        return ()

    @property
    def per_step(self) -> bool:
        """Whether each step has its own label."""
        return False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, self.sources)
        check_table_options(self, *self.own, *TableOptions.model_fields)
        if self.time is not None and self.id is None and not self.per_step:
            raise TaskFileError(
                "data.time must come with data.id",
                value=self.time,
                fix="Name the column that tells the items of the long table apart.",
                key=("data", "time"),
            )
        return self


class StepOptions(Options):
    """Options of how an item's rows become the steps of the network. All act on prepared data."""

    item_norm: Literal["none", "standard"] = "none"
    """Normalization of each item, per channel, after that by the training data. none: no normalization. standard: to
    mean 0 and standard deviation 1 within the item, so that only its shape counts. Searchable as data.item_norm."""
    differences: bool = False
    """Whether each row also has its difference from the row before, per channel, relative to the item's root mean
    square difference. Searchable as data.differences."""
    segment: int = Field(default=1, ge=1, le=10_000)
    """Number of rows that form one step of the network, >= 1: long series become short ones, which is faster and easier
    to learn. Lin et al. 2023, arXiv:2308.11200. Searchable as data.segment."""
    segment_overlap: float = Field(default=0.0, ge=0, lt=1)
    """Share of its rows that a segment shares with the next, in [0, 1), rounded so that segments are at least one row
    apart; 0.5 is usual. Nie et al. 2023, arXiv:2211.14730. Searchable as data.segment_overlap."""
    crop: float = Field(default=0.0, ge=0, lt=1)
    """Largest share of an item's rows that is cut off in training, drawn anew for each item and pass; what is left lies
    anywhere in it. An augmentation: 0 (off) to below 1, 0.1 is usual. Le Guennec et al. 2016. Searchable as
    data.crop."""

    @property
    def segment_stride(self) -> int:
        """Rows from the start of a segment to that of the next."""
        return max(1, round(self.segment * (1 - self.segment_overlap)))


class ClassificationOptions(ItemOptions, StepOptions, FoldOptions, ClassOptions):
    """Options of labelled sequences: from a ready source or the user's files."""

    sources: ClassVar[Catalog] = CLASSIFICATION_SOURCES
    own: ClassVar[tuple[str, ...]] = ("label", *ItemOptions.own)
    later: ClassVar[tuple[str, ...]] = (
        *ItemOptions.later,
        *ClassOptions.later,
        "group",
        "split",
        "layout",
        "time_format",
        "folds",
    )
    label: str = "label"
    """Tables: the column that holds the class."""

    @property
    def words(self) -> tuple[str, ...]:
        """See `ItemOptions`."""
        return (self.label,)


class LabellingOptions(ItemOptions, SymbolOptions):
    """Options of sequences with a class per step: from a ready source or the user's files."""

    sources: ClassVar[Catalog] = LABELLING_SOURCES
    own: ClassVar[tuple[str, ...]] = ("label", *ItemOptions.own)
    source: str | None = None
    """Name of a ready source, such as made/activities; null when `path` is given."""
    path: str | None = None
    """A .csv, .tsv, .parquet or .jsonl file with a row per step, or an .npz file; null when `source` is given. An .npz
    has X (items, steps[, channels]) and y (items, steps), or with `lengths` (items,) X (all steps[, channels]) and y
    (all steps,), item after item."""
    later: ClassVar[tuple[str, ...]] = (*ItemOptions.later, "window")
    label: str = "label"
    """Tables: the column that holds the class of each step."""
    id: str | None = None
    """Tables: the column with a row's recording; null: all rows are one recording."""
    window: int | None = Field(default=None, ge=2, le=1_000_000)
    """Number of rows, >= 2, of the pieces into which recordings are cut, in training and prediction. Null: recordings
    are whole, but one or two of them are cut into pieces of a fiftieth, of 16 to 1,000 rows. One or two recordings are
    split in time: their first pieces train, those after them validate, the last ones are the test."""
    background: str | None = None
    """The background class, whose runs of steps are no segments. Null: all classes have segments."""
    val: float = Field(default=0.2, gt=0, lt=1)
    """Share of the items (of those that are not test) used for validation, in (0, 1)."""

    @property
    def words(self) -> tuple[str, ...]:
        """See `ItemOptions`."""
        return (self.label,)

    @property
    def per_step(self) -> bool:
        """See `ItemOptions`."""
        return True


class RegressionOptions(ItemOptions, StepOptions, FoldOptions, NumberOptions):
    """Options of sequences with one or several numbers each: from a ready source or the user's files."""

    sources: ClassVar[Catalog] = REGRESSION_SOURCES
    own: ClassVar[tuple[str, ...]] = ("targets", *ItemOptions.own)
    later: ClassVar[tuple[str, ...]] = (*ItemOptions.later, "folds")
    source: str | None = None
    """Name of a ready source, such as aeon/Covid3Month; null when `path` is given."""
    path: str | None = None
    """A .ts file with @targetLabel, or a .csv, .tsv, .parquet, .jsonl or .npz file of items; null when `source` is
    given. An .npz has y (items,) or (items, targets), and X (items, steps[, channels]), or with `lengths` (items,) X
    (all steps[, channels]), item after item."""
    targets: tuple[str, ...] = Field(default=("target",), min_length=1)
    """Tables: the columns with the numbers; in a long table the same in all rows of an item. Also the names of the
    answers' columns."""
    val: float = Field(default=0.2, gt=0, lt=1)
    """Share of the items (of those that are not test) used for validation, in (0, 1)."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """See `ItemOptions`."""
        return self.targets

    @field_validator("targets")
    @classmethod
    def _apart(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(targets)) < len(targets) or "problem" in targets:
            raise ValueError("must differ from each other, and none may be called problem, as a column of answers is")
        return targets


UNPREPARED = {*LEARNED, *StepOptions.model_fields}
"""Names of the options that do not affect preparation."""
