"""The options of `speech/recognition`. Free of torch, numpy and pandas: the catalog imports it."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.files import check_left_out, check_origin, check_shares
from tuner.adapters.speech.options import HeldOutOptions, Normalization, VariedOptions, usual
from tuner.adapters.speech.sources import TRANSCRIBED
from tuner.config.options import Options
from tuner.errors import TaskFileError

UnitKind = Literal["characters", "subwords", "words", "phones"]
MOST_UNITS = 5000
"""Largest number of units; of more, few occur often enough to be learned."""


class RecognitionOptions(HeldOutOptions, VariedOptions):
    """Recordings with transcripts: where they are, the units to recognize, and how they become features."""

    later: ClassVar[tuple[str, ...]] = (
        *("normalized_frames", "speed", "val_groups", "test_groups"),
        *("trim_db", "cepstra", "vocabulary"),
    )
    source: str | None = None
    """Name of a ready source, such as espeak/digit_strings; null when `path` is given."""
    path: str | None = None
    """A manifest (.csv, .tsv, .jsonl) that lists recordings and transcripts, such as one of Common Voice; or a folder
    of such manifests, of `*.trans.txt` as LibriSpeech has them, of Kaldi's `wav.scp` and `text`, or of recordings
    beside .txt files of the same name. Null when `source` is given."""
    audio: str | None = None
    """Column of a manifest with the recordings' paths. Null: path, audio_filepath, audio, file_name,
    file or wav."""
    text: str | None = None
    """Column of a manifest with the transcripts. Null: text, sentence, transcript or transcription."""
    group: str | None = "speaker"
    """Column of a manifest with the group of a recording; no group is in two splits. Default: speaker, or its
    equivalent in other forms (client_id, utt2spk, LibriSpeech's names), if known. Null: recordings are split
    individually."""
    split: str | None = None
    """Column of a manifest with train, val or test for each recording; a split that it lacks is drawn at random.
    Null: folders and files named train, val (valid, dev) and test are those splits, else all are drawn at random."""
    val: float = Field(default=0.1, gt=0, lt=1)
    """Share of the recordings used for validation, in (0, 1): whole speakers if they are known."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share of the recordings used for the test, in (0, 1), drawn like `val`."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""
    units: UnitKind = "characters"
    """The units of CTC: characters, blanks included; subwords, pieces of words that are frequent in the training
    transcripts; words, separated by blanks, if there are few, such as digits or commands; phones, also separated by
    blanks, whose error rate is called PER. Searchable as data.units, by an error rate, as the loss is that of a
    unit."""
    vocabulary: int = Field(default=300, ge=2, le=MOST_UNITS)
    """subwords: largest number of units, in [2, 5000]: the bytes of the training transcripts, then byte-pair merges of
    the most frequent pairs (Sennrich et al. 2016). More of them make fewer and rarer units of a transcript. Searchable
    as data.vocabulary, by an error rate."""
    lower_case: bool = True
    """Whether transcripts are lowercased. They are always normalized to Unicode NFC, with single blanks."""
    punctuation: Literal["keep", "drop"] = "keep"
    """drop: remove marks that are neither letters, digits nor symbols, except within a word (don't)."""
    normalization: Normalization = usual(VariedOptions, "normalization", "utterance")
    stack: int = usual(VariedOptions, "stack", 3)
    stride: int = usual(VariedOptions, "stride", 3)
    frequency_warp: float = usual(VariedOptions, "frequency_warp", 0.1)
    frequency_mask: float = usual(VariedOptions, "frequency_mask", 0.15)
    time_mask: float = usual(VariedOptions, "time_mask", 0.05)
    beam: int = Field(default=1, ge=1, le=1000)
    """Beam width of the prefix beam search, in [1, 1000] (Graves 2012; Hannun et al. 2014, arXiv:1408.2873); 1: greedy
    decoding, the most probable unit of each step. Searchable as data.beam."""
    language_model_path: str | None = None
    """File with an n-gram language model of words (of phones, where these are the units) in the ARPA format, for beam
    search; its words are lowercased if transcripts are. Trained models contain it. Null: beam search without a language
    model."""
    language_weight: float = Field(default=0.5, ge=0, le=100)
    """Weight of the language model's log-probabilities relative to those of the network, in [0, 100]. Searchable as
    data.language_weight."""
    word_bonus: float = Field(default=0.0, ge=-100, le=100)
    """Amount added to the score for each word, in [-100, 100]: higher gives more words. Searchable as
    data.word_bonus."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, TRANSCRIBED)
        self.check_held_out(self.group, self.split)
        if self.source is not None:
            check_left_out(
                self, ("audio", "text", "split"), when="with a ready source", fix="It is for your own recordings."
            )
            if self.group not in (None, "speaker"):
                check_left_out(self, ("group",), when="with a ready source", fix="It is for your own recordings.")
        if self.units != "subwords":
            fix = "The units are those of the training transcripts."
            check_left_out(self, ("vocabulary",), when=f"with units {self.units}", fix=fix)
        if self.language_model_path is None:
            fix = "It applies to the model of data.language_model_path."
            check_left_out(self, ("language_weight", "word_bonus"), when="without a language model", fix=fix)
        elif self.beam == 1:
            raise TaskFileError(
                "data.beam must be above 1 with data.language_model_path",
                value=self.beam,
                fix="Set it to 16: only the beam search uses a language model.",
                key=("data", "beam"),
            )
        check_shares(self.val, self.test)
        return self


class RecognitionAsked(Options):
    """Options of prediction; by default an answer is a row per recording."""

    spans: Literal["none", "words", "units"] = "none"
    """words, units: a row per recognized word, or unit, with the seconds at which it starts and ends, by the most
    probable path of the transcript. CTC says a unit when it is sure of it, often at a single step, so that a span may
    be shorter than the sound."""


LEARNED = ("beam", "language_weight", "word_bonus")
"""Options of answers, which preparation does not use."""
