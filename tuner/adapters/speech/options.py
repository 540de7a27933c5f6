"""The options of speech classification, the keys of `data:` in a task file, and those of all speech adapters."""

from __future__ import annotations

from string import Formatter
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from tuner.adapters.files import check_left_out, check_origin
from tuner.adapters.learned_options import ClassOptions, FoldOptions
from tuner.adapters.speech.sources import FEATURE_SOURCES, SOURCES
from tuner.config.options import Options


class SignalOptions(Options):
    """How recordings become features."""

    sample_rate_hz: int | None = Field(default=None, ge=1000, le=192_000)
    """Sample rate of the signal in Hz, in [1000, 192000]; recordings of other rates are resampled. Null: the
    most frequent rate of the recordings."""
    num_mels: int = Field(default=40, ge=3, le=256)
    """Mel bands, in [3, 256]. Searchable as data.num_mels."""
    frame_ms: float = Field(default=25.0, ge=2.0, le=1000.0)
    """Length of a frame in milliseconds, in [2, 1000]."""
    hop_ms: float = Field(default=10.0, ge=1.0, le=1000.0)
    """Time from frame to frame in milliseconds, in [1, 1000]."""


class SpeechClassificationOptions(FoldOptions, ClassOptions, SignalOptions):
    """Labelled recordings: where they are, how they are split, and how they become features."""

    source: str | None = None
    """Name of a ready source, such as espeak/digits; null when `path` is given."""
    path: str | None = None
    """A folder of recordings (WAV, FLAC, OGG, MP3, AIFF, and what else libsndfile decodes); or a manifest (.csv,
    .tsv, .jsonl) with the columns path, label and, where known, speaker; or features (.npz) with X (all frames,
    channels), lengths (items,), y (items,) and, where known, speaker (items,). Null when `source` is given."""
    pattern: str = "{label}/{file}"
    """Pattern of the names below a folder, without the ending, with the fields label and speaker: {label}/{file} is a
    folder per label, {label}_{speaker}_{index} has both in the file's name. Other fields are ignored, except those
    named by `group` and `split`."""
    later: ClassVar[tuple[str, ...]] = (*ClassOptions.later, "group", "split", "folds")
    group: str | None = "speaker"
    """Column of a manifest, field of the pattern, or array of an .npz with the group of a recording; no group is in two
    splits. Default: speaker, if known. Null: recordings are split individually."""
    split: str | None = None
    """Column of a manifest, field of the pattern, or array of an .npz with train, val or test for each recording; a
    split that it lacks is drawn at random. Null: all are drawn at random."""
    val: float = Field(default=0.2, gt=0, lt=1)
    """Share of the recordings used for validation, in (0, 1): whole speakers if they are known, else stratified by
    label."""
    test: float = Field(default=0.2, gt=0, lt=1)
    """Share of the recordings used for the test, in (0, 1), drawn like `val`."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""

    @property
    def features(self) -> bool:
        """Whether the data are features, not recordings."""
        return self.source in FEATURE_SOURCES or (self.path or "").lower().endswith(".npz")

    @field_validator("pattern")
    @classmethod
    def _has_label(cls, pattern: str) -> str:
        fields = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
        if "label" not in fields or len(set(fields)) < len(fields) or not all(map(str.isidentifier, fields)):
            raise ValueError("must hold {label} and other fields such as {speaker}, each once")
        return pattern

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, SOURCES)
        if self.source is not None:
            check_left_out(
                self,
                ("pattern", "split"),
                when="with a ready source",
                fix="It is for your own recordings.",
            )
            if self.group not in (None, "speaker"):
                check_left_out(self, ("group",), when="with a ready source", fix="It is for your own recordings.")
        if self.features:
            check_left_out(
                self,
                SignalOptions.model_fields,
                when="with ready features",
                fix="It says how recordings become features.",
            )
        return self
