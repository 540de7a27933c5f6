"""The options of speech classification, the keys of `data:` in a task file, and those of all speech adapters."""

from __future__ import annotations

from copy import copy
from string import Formatter
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuner.adapters.files import check_left_out, check_origin
from tuner.adapters.learned_options import ClassOptions, FoldOptions
from tuner.adapters.speech.sources import FEATURE_SOURCES, SOURCES
from tuner.config.options import Options
from tuner.errors import TaskFileError

Normalization = Literal["training", "utterance", "speaker"]


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
    trim_db: float = Field(default=0.0, ge=0, le=200)
    """Endpointing: frames before the first and after the last that is at most so many dB below the loudest of its
    recording are cut, but for two on either side, in [0, 200]; 0: off. 20 to 40 is usual. Searchable as
    data.trim_db."""
    cepstra: int = Field(default=0, ge=0, le=256)
    """Mel-frequency cepstral coefficients (MFCC) in place of the logarithms of the mel bands: so many, in [0,
    `num_mels`]; few, such as 13, keep the shape of the spectrum and leave out the pitch. 0: the bands. Davis &
    Mermelstein 1980. Searchable as data.cepstra."""

    @property
    def channels(self) -> int:
        """Features of a frame."""
        return self.cepstra or self.num_mels

    @model_validator(mode="after")
    def _few_cepstra(self) -> Self:
        if self.cepstra > self.num_mels:
            raise TaskFileError(
                "data.cepstra must be at most data.num_mels",
                value=self.cepstra,
                fix=f"Set it to {self.num_mels} or less, or take more bands.",
                key=("data", "cepstra"),
            )
        return self


class StepOptions(SignalOptions):
    """How features become the steps of the network."""

    deltas: Literal[0, 1, 2] = 0
    """Order of added delta features, by regression over two frames on either side: 1, deltas; 2, also their deltas.
    Furui 1986. Searchable as data.deltas."""
    normalization: Normalization = "training"
    """Mean and standard deviation for standardizing each band. training: those of all training frames; utterance: those
    of the recording, which reduces the influence of voice, microphone and loudness; speaker: those of all recordings of
    its speaker (its `group`) in the same split, without their labels, which does so without the influence of the words
    that are said. Searchable as data.normalization."""
    normalized_frames: Literal["all", "loud"] = "all"
    """Frames that mean and standard deviation are computed from: all; loud, those above the mean level of their
    recording, so that it does not matter how long and how silent its pauses are. Searchable as
    data.normalized_frames."""
    stack: int = Field(default=1, ge=1, le=32)
    """Frame stacking: number of frames per step of the network, in [1, 32]. Sak et al. 2015, arXiv:1507.06947.
    Searchable as data.stack."""
    stride: int = Field(default=1, ge=1, le=32)
    """Frames from one step of the network to the next, in [1, 32]: fewer steps train faster. With CTC, each can emit
    at most one unit. Searchable as data.stride."""


class MaskedOptions(StepOptions):
    """How recordings become the steps of the network, and how these are varied in training, each at its time."""

    frequency_warp: float = Field(default=0.0, ge=0, le=0.5)
    """Vocal tract length perturbation: largest relative change of the frequencies of a voice in training, in [0, 0.5];
    0: off. Jaitly & Hinton 2013. Searchable as data.frequency_warp."""
    frequency_mask: float = Field(default=0.0, ge=0, lt=1)
    """SpecAugment: largest share of the bands, or cepstra, that each of two masks hides in training, in [0, 1); 0: off.
    Park et al. 2019, arXiv:1904.08779. Searchable as data.frequency_mask."""
    time_mask: float = Field(default=0.0, ge=0, lt=1)
    """SpecAugment: largest share of the steps that each of two masks hides in training, in [0, 1); 0: off. Searchable
    as data.time_mask."""
    noise: float = Field(default=0.0, ge=0, le=10)
    """Standard deviation of noise added to the features in training, relative to theirs, in [0, 10]; 0: off. Searchable
    as data.noise."""


class VariedOptions(MaskedOptions):
    """How recordings become the steps of the network, and how these are varied in training, so that a network learns
    from more voices than there are."""  # noqa: D205, D209

    speed: float = Field(default=0.0, ge=0, le=0.5)
    """Speed perturbation: each pass takes each training recording as it is, slower by this share or faster by it, at
    random, in [0, 0.5]; voices are lower or higher with it, as on a tape. 0: off. Ko et al. 2015, Interspeech, with
    0.1. Searchable as data.speed."""

    @property
    def speeds(self) -> tuple[float, ...]:
        """Other speeds at which training recordings are prepared."""
        return (1 - self.speed, 1 + self.speed) if self.speed else ()


def usual(options: type[Options], name: str, default: object) -> Any:
    """An option of all speech adapters with another default."""
    field = copy(options.model_fields[name])
    field.default = default
    return field


VARIED = ("frequency_warp", "frequency_mask", "time_mask", "noise", "mixup")
"""Options of variation that preparation does not use."""


class HeldOutOptions(Options):
    """Which groups of recordings are for validation and test."""

    val_groups: tuple[str, ...] = ()
    """Groups, such as speakers, whose recordings are the validation split: [theo]. Empty: drawn at random."""
    test_groups: tuple[str, ...] = ()
    """Groups whose recordings are the test split. Empty: drawn at random."""

    def check_held_out(self, group: str | None, split: str | None) -> None:
        """Check that named groups can be held out.

        Args:
            group: The option `group`.
            split: The option `split`.

        Raises:
            TaskFileError: They cannot.
        """
        if split is not None:
            check_left_out(
                self, HeldOutOptions.model_fields, when="with data.split", fix="That says the split of each."
            )
        if group is None:
            check_left_out(self, HeldOutOptions.model_fields, when="with data.group: null", fix="Name the group.")
        if both := sorted({*self.val_groups} & {*self.test_groups}):
            raise TaskFileError(
                "a group must not be both in data.val_groups and in test_groups",
                value=both[0],
                fix="Take it out of one of them.",
                key=("data", "val_groups"),
            )


class SpeechClassificationOptions(HeldOutOptions, FoldOptions, ClassOptions, VariedOptions):
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
    later: ClassVar[tuple[str, ...]] = (
        *(*ClassOptions.later, "group", "split", "folds"),
        *("deltas", "normalization", "normalized_frames", "stack", "stride", "speed", "val_groups", "test_groups"),
        *("trim_db", "cepstra"),
    )
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
    mixup: float = Field(default=0.0, ge=0, le=10)
    """Mixup in training: a batch is mixed with its recordings in another order, and so are their labels, in shares that
    are drawn from Beta(mixup, mixup), in [0, 10]; 0: off. 0.2 to 1 is usual. Zhang et al. 2018, arXiv:1710.09412.
    Searchable as data.mixup."""

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
        self.check_held_out(self.group, self.split)
        if self.folds > 1:
            check_left_out(self, ("val_groups",), when="with data.folds", fix="Each group validates once.")
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
                (*SignalOptions.model_fields, "speed", "frequency_warp"),
                when="with ready features",
                fix="It says how recordings become features.",
            )
        return self
