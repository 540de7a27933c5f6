"""The options of `speech/recognition`. Free of torch, numpy and pandas: the catalog imports it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tuner.adapters.files import check_left_out, check_origin
from tuner.adapters.speech.options import SignalOptions
from tuner.adapters.speech.sources import TRANSCRIBED
from tuner.errors import TaskFileError

UnitKind = Literal["characters", "words", "phones"]
Normalization = Literal["utterance", "training"]


class RecognitionOptions(SignalOptions):
    """Recordings with transcripts: where they are, what is told apart in them, and how they become features."""

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
    """Column of a manifest that says which recordings belong together, so that none of them is in two splits: speaker,
    or what the form says of it (client_id, utt2spk, the names of LibriSpeech), where it is known. Null deals
    recordings."""
    split: str | None = None
    """Column of a manifest that says train, val or test of each recording; a split that it lacks is dealt by seed.
    Null: folders and files called train, val (valid, dev) and test are those splits, else all are dealt."""
    val: float = Field(default=0.1, gt=0, lt=1)
    """Share of the recordings used for validation, in (0, 1): whole speakers where they are known."""
    test: float = Field(default=0.1, gt=0, lt=1)
    """Share of the recordings used for the test, in (0, 1), dealt like `val`."""
    split_seed: int = Field(default=0, ge=0)
    """Seed of the split, >= 0."""
    units: UnitKind = "characters"
    """What is told apart: characters, blanks included; words, parted by blanks, where there are few, such as digits or
    commands; phones, the same, whose errors are called PER."""
    lower_case: bool = True
    """Whether transcripts are taken without case. They always are in Unicode form NFC, with single blanks."""
    punctuation: Literal["keep", "drop"] = "keep"
    """Whether marks that are neither letters, digits nor symbols are left out, but those within a word (don't)."""
    deltas: Literal[0, 1, 2] = 0
    """Times that the features' change over two frames either way is added to them: 1, deltas; 2, their deltas too.
    Furui 1986. Searchable as data.deltas."""
    normalization: Normalization = "utterance"
    """What mean and standard deviation of each band come from: the recording itself, so that a microphone and a
    voice's loudness matter less, or all training frames. Searchable as data.normalization."""
    stack: int = Field(default=3, ge=1, le=32)
    """Frames that the network reads at once, in [1, 32]. Sak et al. 2015, arXiv:1507.06947. Searchable as
    data.stack."""
    stride: int = Field(default=3, ge=1, le=32)
    """Frames from one step of the network to the next, in [1, 32]: fewer steps are learned from sooner, but each tells
    one unit at most. Searchable as data.stride."""
    frequency_mask: float = Field(default=0.15, ge=0, lt=1)
    """Share of the bands, at most, that each of two masks hides in training, in [0, 1); 0 is off. Park et al. 2019,
    arXiv:1904.08779 (SpecAugment). Searchable as data.frequency_mask."""
    time_mask: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps, at most, that each of two masks hides in training, in [0, 1); 0 is off. Searchable as
    data.time_mask."""
    frequency_warp: float = Field(default=0.1, ge=0, le=0.5)
    """How much higher or lower a voice is made in training, at most, as a share of its frequencies, in [0, 0.5]; 0 is
    off. Jaitly & Hinton 2013. Searchable as data.frequency_warp."""
    noise: float = Field(default=0.0, ge=0, le=10)
    """Standard deviation of the noise that training adds to the features, in theirs, in [0, 10]; 0 is off. Searchable
    as data.noise."""
    beam: int = Field(default=1, ge=1, le=1000)
    """Beginnings of transcripts that are kept while a recording is read, in [1, 1000] (prefix beam search, Graves 2012;
    Hannun et al. 2014, arXiv:1408.2873); 1 takes the likeliest unit of each step. Searchable as data.beam."""
    language_model_path: str | None = None
    """File with an n-gram language model of words in the ARPA format, without which a beam search knows the recording
    alone; its words are taken without case where transcripts are. A model of a training keeps it. Null: none."""
    language_weight: float = Field(default=0.5, ge=0, le=100)
    """What its log-probabilities weigh as against those of the recording, in [0, 100]. Searchable as
    data.language_weight."""
    word_bonus: float = Field(default=0.0, ge=-100, le=100)
    """What each word adds to them, in [-100, 100]: the higher, the more words. Searchable as data.word_bonus."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_origin(self.source, self.path, TRANSCRIBED)
        if self.source is not None:
            check_left_out(
                self, ("audio", "text", "split"), when="with a ready source", fix="It is for your own recordings."
            )
            if self.group not in (None, "speaker"):
                check_left_out(self, ("group",), when="with a ready source", fix="It is for your own recordings.")
        if self.language_model_path is None:
            fix = "It is about a model that data.language_model_path names."
            check_left_out(self, ("language_weight", "word_bonus"), when="without a language model", fix=fix)
        elif self.beam == 1:
            raise TaskFileError(
                "data.beam must be above 1 with data.language_model_path",
                value=self.beam,
                fix="Set it to 16, as a language model is asked in a beam search.",
                key=("data", "beam"),
            )
        if self.val + self.test >= 1:
            raise TaskFileError(
                "data.val and test together must be below 1",
                value=self.val + self.test,
                fix="The rest is for training.",
                key=("data", "val"),
            )
        return self


LEARNED = ("frequency_mask", "time_mask", "frequency_warp", "noise", "beam", "language_weight", "word_bonus")
"""Options that preparation does not use."""
