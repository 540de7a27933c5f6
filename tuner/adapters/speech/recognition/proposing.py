"""What the adapter of speech recognition proposes for a user's files (`init`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tuner.adapters.glimpse import Glimpse
from tuner.adapters.glimpsed_roles import split_column
from tuner.adapters.glimpsed_table import GlimpsedColumn
from tuner.adapters.proposal import Fit, Line, Proposal, to_begin_with
from tuner.adapters.speech.formats import is_recording
from tuner.adapters.speech.recognition.reading import AUDIO, SPEAKERS, TEXT, TRANSCRIPTS, split_of
from tuner.adapters.table import form_of
from tuner.disk import regular

_BUDGET = to_begin_with(trials=12, epochs=40)
SEGMENTS = ("start", "end", "label")
"""Columns of a table of segments, which is for tagging."""
_TRIED = 20
"""Number of files that are looked into, as some tracks are empty."""
_TIMES = 200
"""Bytes at the beginning of a file in which two times stand."""
_MOST_WORDS = 40
"""Number of different words in transcripts up to which words, not characters, are proposed as units."""


def propose_recognition(seen: Glimpse) -> Proposal | None:
    """A manifest with a column of transcripts, or a folder that has them in a known form."""
    return _folder(seen) if seen.is_folder else _manifest(seen)


def transcribed(seen: Glimpse) -> str:
    """The form in which a folder of recordings has transcripts; "" if it has none."""
    names = {path.name for path in seen.files}
    if {"wav.scp", "text"} <= names:
        return "data folders of Kaldi"
    if any(name.endswith(TRANSCRIPTS) for name in names):
        return f"a folder with {TRANSCRIPTS[1:]} files, as LibriSpeech has them"
    sound = {path.with_suffix("") for path in seen.files if is_recording(path)}
    texts = {path.with_suffix("") for path in seen.files if path.suffix.lower() == ".txt"}
    if sound and len(sound & texts) * 2 > len(sound) and not tracked(seen):
        return "recordings beside .txt files of the same name"
    tables = [path for path in seen.files if path.parent == seen.path and form_of(path) is not None]
    if any(path.parent.name == "clips" for path in seen.files) and any(split_of(path.name) for path in tables):
        return "a folder of Common Voice"
    return ""


def tracked(seen: Glimpse) -> bool:
    """Whether the .txt files beside recordings are label tracks: one of the first few begins with two times."""
    sound = {path.with_suffix("") for path in seen.files if is_recording(path)}
    beside = (path for path in seen.files if path.suffix.lower() == ".txt" and path.with_suffix("") in sound)
    return any(map(_timed, islice(beside, _TRIED)))


def _timed(path: Path) -> bool:
    try:
        with regular.open_bytes(path) as file:
            line = file.read(_TIMES).decode(errors="replace")
    except OSError:
        return False
    return re.match(r"\d+(\.\d+)?\t\d+(\.\d+)?(\t|\r?\n|$)", line) is not None


def by_speaker(*, guessed: bool = False) -> Line:
    """Normalization where speakers are known, or seem to be."""
    why = "all recordings of a speaker are scaled together, which makes unknown voices alike"
    return Line(("data", "normalization"), "speaker", why + "; utterance needs no speakers" * guessed, guessed)


def _folder(seen: Glimpse) -> Proposal | None:
    what = transcribed(seen)
    if not what:
        return None
    known = any(path.name == "utt2spk" or path.name.endswith(TRANSCRIPTS) for path in seen.files)
    return Proposal(Fit.SURE, f"recordings with transcripts: {what}", [*([by_speaker()] if known else []), *_BUDGET])


def _manifest(seen: Glimpse) -> Proposal | None:
    table = seen.table
    if table is None or table.form is None:
        return None
    sound = [column for column in table.columns if column.counts and all(is_recording(Path(c)) for c in column.counts)]
    names = {column.name for column in table.columns}
    said = [name for name in TEXT if name in names]
    if not sound or not said or "label" in names:
        return None
    lines = []
    if sound[0].name not in AUDIO:
        lines.append(Line(("data", "audio"), sound[0].name, "its cells are names of recordings"))
    text = table.column(said[0])
    assert text is not None
    lines += _units(text)
    if names.intersection(SPEAKERS):
        lines.append(by_speaker())
    others = [column for column in table.columns if column.name not in (sound[0].name, said[0])]
    if split := split_column(others):
        lines.append(split)
    what = f"recordings with transcripts, listed by a manifest with the columns {sound[0].name} and {said[0]}"
    return Proposal(Fit.SURE, what, [*lines, *_BUDGET])


def _units(text: GlimpsedColumn) -> Sequence[Line]:
    words = {word for cell in text.counts for word in cell.lower().split()}
    if len(words) > _MOST_WORDS:
        return []
    return [Line(("data", "units"), "words", f"transcripts have {len(words)} different words", guessed=True)]
