"""The options of `speech/tagging`. Free of torch, numpy and pandas: the catalog imports it."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.files import check_left_out, check_origin, check_shares
from tuner.adapters.learned_options import SymbolOptions
from tuner.adapters.speech.options import HeldOutOptions, MaskedOptions, Normalization, usual
from tuner.adapters.speech.sources import TAGGED
from tuner.config.options import Options


class TaggingOptions(HeldOutOptions, SymbolOptions, MaskedOptions):
    """Recordings with labelled segments: where they are, and how they become features."""

    later: ClassVar[tuple[str, ...]] = ()
    source: str | None = None
    """Name of a ready source, such as espeak/voice_activity; null when `path` is given."""
    path: str | None = None
    """A table (.csv, .tsv, .jsonl) with a row per segment: the recording's path, start and end in seconds, label; or a
    folder of recordings beside .txt files of the same name with a line per segment, start, end and label separated by
    tabs, as Audacity exports its label tracks. Null when `source` is given."""
    audio: str | None = None
    """Column of a table with the recordings' paths. Null: path, audio_filepath, audio, file_name, file or wav."""
    start: str = "start"
    """Column of a table with the second at which a segment starts."""
    end: str = "end"
    """Column of a table with the second at which it ends."""
    label: str = "label"
    """Column of a table with its label. A row with neither start, end nor label is a recording without segments."""
    background: str = Field(default="none", min_length=1)
    """The class of all time outside of segments; it has no segments of its own."""
    group: str | None = "speaker"
    """Column of a table with the group of a recording; no group is in two splits. Default: speaker or client_id, if
    known. Null: recordings are split individually."""
    split: str | None = None
    """Column of a table with train, val or test for each recording; a split that it lacks is drawn at random. Null: all
    are drawn at random."""
    val: float = Field(default=0.2, gt=0, lt=1)
    """Share of the recordings used for validation, in (0, 1): whole speakers if they are known."""
    test: float = Field(default=0.2, gt=0, lt=1)
    """Share of the recordings used for the test, in (0, 1), drawn like `val`."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""
    normalization: Normalization = usual(MaskedOptions, "normalization", "utterance")
    stack: int = usual(MaskedOptions, "stack", 3)
    stride: int = usual(MaskedOptions, "stride", 3)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, TAGGED)
        self.check_held_out(self.group, self.split)
        if self.source is not None:
            own = ("audio", "start", "end", "label", "background", "split")
            check_left_out(self, own, when="with a ready source", fix="It is for your own recordings.")
        check_shares(self.val, self.test)
        return self


class TaggingAsked(Options):
    """Options of prediction."""

    rows: Literal["segments", "steps"] = "segments"
    """segments: a row per stretch of one class but the background; steps: a row per step of the network."""
