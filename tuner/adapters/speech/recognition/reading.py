"""Finds recordings and their transcripts: in a manifest, or in a folder of one of four forms.

Reference:
    Kaldi's data folders: kaldi-asr.org/doc/data_prep.html, of which `wav.scp`, `text` and `utt2spk` are read; commands
    in `wav.scp` are never run. LibriSpeech: openslr.org/12. Common Voice: a .tsv next to the folder `clips`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tuner.adapters.base import Split
from tuner.adapters.files import read_text
from tuner.adapters.notices import left_out
from tuner.adapters.speech.formats import is_recording, left_over, visible_files
from tuner.adapters.speech.recognition.options import RecognitionOptions
from tuner.adapters.speech.recordings import RecordedFile, filled, listed
from tuner.adapters.splits import WORDS, split_named
from tuner.adapters.table import form_of, read_rows
from tuner.errors import DataError, is_text

AUDIO = ("path", "audio_filepath", "audio", "file_name", "file", "wav")
TEXT = ("text", "sentence", "transcript", "transcription")
"""Columns of manifests, the clearest first."""
TRANSCRIPTS = ".trans.txt"
"""Ending of LibriSpeech's files of transcripts."""
SPEAKERS = ("speaker", "client_id")
_ABOVE = 3
"""How many folders above a `wav.scp` its paths may start."""


class Found(NamedTuple):
    """Recordings with their transcripts as written, notices about others, and the files that list them."""

    recordings: list[RecordedFile]
    notices: list[str]
    lists: list[Path]


def find_transcribed(path: Path, options: RecognitionOptions) -> Found:
    """The recordings of a manifest or a folder. No audio is read.

    Raises:
        DataError: There are none; a listed file is missing; a line is damaged; a speaker or split is missing in some.
    """
    if not path.is_dir():
        if form_of(path) is None:
            raise DataError(
                "data.path must name a folder or a manifest (.csv, .tsv, .jsonl)", value=str(path), key=("data", "path")
            )
        found = Found(list(_in_manifest(path, options)), [], [path])
    else:
        found = _in_folder(path, options)
    if not found.recordings:
        raise DataError(
            "there must be at least one recording with a transcript",
            value="; ".join(found.notices) or "none",
            fix="A folder holds manifests, *.trans.txt, wav.scp and text, or recordings beside .txt files.",
            where=str(path),
        )
    return found


def split_of(name: str) -> Split | None:
    """The split in a name, or in the first folder of a path that has one: train-clean-100, dev.tsv."""
    for part in Path(name).parts:
        said = {WORDS[word] for word in re.split(r"[^a-z]+", part.lower()) if word in WORDS}
        if len(said) == 1:
            return said.pop()
    return None


def _in_folder(path: Path, options: RecognitionOptions) -> Found:
    files = visible_files(path)
    if lists := _manifests(path, files):
        parts = [(file.name, list(_in_manifest(file, options))) for file in lists]
        return Found(_in_splits(parts, path, named=options.split is None), [], lists)
    for name in ("split", "audio", "text"):
        if (given := getattr(options, name)) is not None:
            raise DataError(
                f"data.{name} must be left out where no manifest lists the recordings",
                value=given,
                fix="It names a column.",
                key=("data", name),
            )
    if lists := [file for file in files if file.name == "wav.scp"]:
        return _kaldi(path, lists)
    if lists := [file for file in files if file.name.endswith(TRANSCRIPTS)]:
        parts = [(str(file.parent.relative_to(path)), list(_librispeech(file))) for file in lists]
        recordings = _in_splits(parts, path)
        sound = [file for file in files if is_recording(file)]
        without = {f"no {TRANSCRIPTS} lists them": len({*sound} - {recording.path for recording in recordings})}
        return Found(recordings, left_out("recordings", without, of=len(sound)), lists)
    return _beside(path, files)


def _manifests(path: Path, files: Sequence[Path]) -> list[Path]:
    """The manifests in a folder: those that name a split, as Common Voice has others too, else the only one."""
    tables = [file for file in files if file.parent == path and form_of(file) is not None]
    named = [file for file in tables if split_of(file.name) is not None]
    if not named and len(tables) > 1:
        raise DataError(
            "the folder must hold one manifest, or several whose names say train, val or test",
            value=[file.name for file in tables[:5]],
            fix="Name one of them in data.path.",
            where=str(path),
        )
    return named or tables


def _in_splits(
    parts: Sequence[tuple[str, list[RecordedFile]]], path: Path, *, named: bool = True
) -> list[RecordedFile]:
    """All recordings, with the splits in the names of their parts, if there are any."""
    if not named:
        return [recording for _, part in parts for recording in part]
    splits = [split_of(name) for name, _ in parts]
    if any(splits) and None in splits:
        raise DataError(
            "either all parts of the folder must name their split, train, val or test, or none",
            value=parts[splits.index(None)][0],
            fix="Rename it, or move it away.",
            where=str(path),
        )
    return [
        replace(recording, split=split) for split, (_, part) in zip(splits, parts, strict=True) for recording in part
    ]


def _in_manifest(path: Path, options: RecognitionOptions) -> Iterator[RecordedFile]:
    form = form_of(path)
    assert form is not None
    group, split = options.group, options.split
    head = next(read_rows(path, form, (), (*AUDIO, *TEXT, *SPEAKERS)), None)
    if head is None:
        return
    audio = options.audio or next((name for name in AUDIO if name in head.cells), AUDIO[0])
    text = options.text or next((name for name in TEXT if name in head.cells), TEXT[0])
    if group == "speaker":
        group = next((name for name in SPEAKERS if name in head.cells), None)
    wanted = [audio, text, *(name for name in (group, split) if name is not None)]
    for cells, where in read_rows(path, form, list(dict.fromkeys(wanted))):
        yield RecordedFile(
            listed(path.parent, cells[audio], where),
            cells[text],
            None if group is None else filled(group, cells[group], where),
            where,
            None if split is None else split_named(cells[split], where, split),
        )


def _librispeech(path: Path) -> Iterator[RecordedFile]:
    """The recordings in files of transcripts; their names begin with the speaker's number."""
    sound = {file.stem: file for file in sorted(path.parent.iterdir()) if is_recording(file)}
    for name, text, where in _lines(path):
        if name not in sound:
            raise DataError(
                "a recording must lie beside the file of its transcript",
                value=name,
                fix="Add it, or delete the line.",
                where=where,
            )
        yield RecordedFile(sound[name], text, name.partition("-")[0] if "-" in name else None, where)


def _kaldi(path: Path, lists: Sequence[Path]) -> Found:
    """Recordings of data folders, each of which has `wav.scp` and `text`."""
    parts, notices, read = [], [], []
    for scp in lists:
        folder = scp.parent
        if (folder / "segments").exists():
            raise DataError(
                "a data folder must have no segments: a recording is read as a whole",
                fix="Cut the recordings as the file says, and write a wav.scp of the parts.",
                where=str(folder / "segments"),
            )
        sound = {name: (text, where) for name, text, where in _lines(scp)}
        told = {name: text for name, text, _ in _lines(folder / "utt2spk")} if (folder / "utt2spk").exists() else {}
        read += [file for file in (scp, folder / "text", folder / "utt2spk") if file.exists()]
        part = [
            RecordedFile(_of_script(name, sound, where, path), text, told.get(name), where)
            for name, text, where in _lines(folder / "text")
        ]
        parts.append((str(folder.relative_to(path)), part))
        without = len(sound.keys()) - len(part)
        notices += left_out("recordings", {f"{folder / 'text'} has no transcript of them": without}, of=len(sound))
    return Found(_in_splits(parts, path), notices, read)


def _of_script(name: str, sound: Mapping[str, tuple[str, str]], where: str, path: Path) -> Path:
    """The recording that `wav.scp` lists under a name."""
    if name not in sound:
        raise DataError("wav.scp must list the recording", value=name, fix="Add it, or delete the line.", where=where)
    said, place = sound[name]
    if said.endswith("|") or said.startswith("|"):
        raise DataError(
            "wav.scp must list files, as commands are never run",
            value=said,
            fix="Run it, and list the file that it makes.",
            where=place,
        )
    start = Path(place.rpartition(":")[0]).parent
    for folder in (start, path, *start.parents[:_ABOVE]):
        if os.path.isfile(folder / said):  # Path.is_file raises for a name that no file can have
            return folder / said
    return listed(start, said, place)


def _beside(path: Path, files: Sequence[Path]) -> Found:
    """Recordings with their transcripts in .txt files of the same name."""
    texts = {file.with_suffix(""): file for file in files if file.suffix.lower() == ".txt"}
    sound = [file for file in files if is_recording(file)]
    parts = [
        (
            str(file.parent.relative_to(path)),
            [RecordedFile(file, _checked(read_text(beside), str(beside)), None, str(beside))],
        )
        for file in sound
        if (beside := texts.get(file.with_suffix(""))) is not None
    ]
    told = left_over([file for file in files if file.with_suffix("") not in {each.with_suffix("") for each in sound}])
    without = {"no .txt of the same name lies beside them": len(sound) - len(parts)}
    notices = [*told, *left_out("recordings", without, of=len(sound))]
    lists = [beside for file in sound if (beside := texts.get(file.with_suffix(""))) is not None]
    return Found(_in_splits(parts, path), notices, lists)


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, what follows the first blank, and the place of each line that is not empty.

    Raises:
        DataError: The file cannot be read, or has a name twice.
    """
    names: set[str] = set()
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ") if "\t" not in line else line.strip().partition("\t")
        where = f"{path}:{number}"
        if name in names:
            raise DataError("a name must be in the file once", value=name, fix="Delete a line.", where=where)
        names.add(name)
        yield name, _checked(rest.strip(), where), where


def _checked(text: str, where: str) -> str:
    if not is_text(text):
        raise DataError("a transcript must be text that UTF-8 can write", value=text, where=where)
    return text
