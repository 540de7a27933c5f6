"""Labelled segments of recordings: read from a table or from label tracks, and as a class per step.

Reference:
    Label tracks: manual.audacityteam.org, "Importing and exporting labels".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.files import read_text
from tuner.adapters.notices import left_out
from tuner.adapters.speech.features import Item
from tuner.adapters.speech.formats import is_recording, visible_files
from tuner.adapters.speech.recognition.reading import AUDIO, SPEAKERS
from tuner.adapters.speech.recordings import RecordedFile, Recording, filled, listed, missing_or
from tuner.adapters.speech.tagging.options import TaggingOptions
from tuner.adapters.splits import split_named
from tuner.adapters.table import form_of, read_rows
from tuner.errors import DataError, is_text

TOLERANCE = 0.01
"""Seconds by which segments may overlap, as times are rounded."""


class Segment(NamedTuple):
    """A stretch of time in seconds with its label ("" where it is missing), and where it was read."""

    start: float
    end: float
    label: str
    where: str


@dataclass(frozen=True)
class Tagged:
    """A recording with its segments in the order of time, and its file, if it has one."""

    recording: Recording
    segments: Sequence[Segment]
    path: Path | None = None


class Found(NamedTuple):
    """Recordings with their segments, notices about others, and the files that hold the segments."""

    tagged: list[Tagged]
    notices: list[str]
    lists: list[Path]


def find_tagged(path: Path, options: TaggingOptions) -> Found:
    """The recordings of a table or a folder. No audio is read.

    Raises:
        DataError: There are none; a listed file is missing; a segment is damaged, or overlaps another.
    """
    if path.is_dir():
        found, without, lists = _in_folder(path)
        reason = "no .txt of the same name lies beside them"
    elif form_of(path) is not None:
        found, without, lists, reason = _in_table(path, options), 0, [path], ""
    else:
        raise DataError(
            "data.path must name a folder or a table (.csv, .tsv, .jsonl)", value=str(path), key=("data", "path")
        )
    whole = [each for each in found if all(segment.label for segment in each.segments)]
    if not whole:
        raise DataError(
            "there must be at least one recording whose segments have labels",
            fix="A table has a row per segment; a folder holds recordings beside .txt files of start, end and label.",
            where=str(path),
        )
    dropped = {reason: without, "a segment without a label": len(found) - len(whole)}
    checked = [replace(each, segments=_apart(each.segments)) for each in whole]
    return Found(checked, left_out("recordings", dropped, of=len(found) + without), lists)


def _in_table(path: Path, options: TaggingOptions) -> list[Tagged]:
    form = form_of(path)
    assert form is not None
    head = next(read_rows(path, form, (), (*AUDIO, *SPEAKERS)), None)
    names = () if head is None else head.cells
    audio = options.audio or next((name for name in AUDIO if name in names), AUDIO[0])
    group = options.group
    if group == "speaker":
        group = next((name for name in SPEAKERS if name in names), None)
    told = [name for name in (group, options.split) if name is not None]
    times = (options.start, options.end, options.label)
    found: dict[str, tuple[RecordedFile, list[Segment]]] = {}
    for cells, where in read_rows(path, form, list(dict.fromkeys((audio, *times, *told)))):
        recording = RecordedFile(
            listed(path.parent, cells[audio], where),
            "",
            None if group is None else filled(group, cells[group], where),
            where,
            None if options.split is None else split_named(cells[options.split], where, options.split),
        )
        first, segments = found.setdefault(cells[audio].strip(), (recording, []))
        _check_same(group, recording.speaker, first.speaker, where)
        _check_same(options.split, recording.split, first.split, where)
        start, end, label = (missing_or(cells[name]) for name in times)
        if start or end or label:
            segments.append(_segment(start, end, label, where))
    return [Tagged(recording, segments, recording.path) for recording, segments in found.values()]


def _check_same(name: str | None, cell: str | None, first: str | None, where: str) -> None:
    if cell != first:
        rule = f"{name} must be the same in all rows of a recording"
        raise DataError(rule, value=cell, fix=f"Its first row has {first}.", where=where)


def _in_folder(path: Path) -> tuple[list[Tagged], int, list[Path]]:
    """The recordings with a label track, the number of others, and the tracks."""
    files = visible_files(path)
    tracks = {file.with_suffix(""): file for file in files if file.suffix.lower() == ".txt"}
    sound = [file for file in files if is_recording(file)]
    pairs = [(file, tracks[file.with_suffix("")]) for file in sound if file.with_suffix("") in tracks]
    found = [Tagged(RecordedFile(file, "", None, str(track)), list(read_track(track)), file) for file, track in pairs]
    return found, len(sound) - len(pairs), [track for _, track in pairs]


def read_track(path: Path) -> Iterator[Segment]:
    """The segments of a label track; a line of frequencies, which follows some, is skipped.

    Raises:
        DataError: A line is damaged.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        cells = line.rstrip("\r").split("\t")
        if not line.strip() or cells[0] == "\\":
            continue
        where = f"{path}:{number}"
        if len(cells) < 2:
            raise DataError(
                "a line must have start, end and label, separated by tabs",
                value=line,
                fix="Export the label track again, or write a table of segments.",
                where=where,
            )
        label = missing_or(cells[2]) if len(cells) > 2 else ""
        if not is_text(label):
            raise DataError("a label must be text that UTF-8 can write", value=label, where=where)
        yield _segment(cells[0].strip(), cells[1].strip(), label, where)


def _segment(start: str, end: str, label: str, where: str) -> Segment:
    first, last = _seconds(start), _seconds(end)
    if not 0 <= first < last < math.inf:
        raise DataError(
            "a segment must start at 0 seconds or later, and end after that",
            value=f"{start} to {end}",
            fix="Correct it, or delete the row.",
            where=where,
        )
    return Segment(first, last, label, where)


def _seconds(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _apart(segments: Sequence[Segment]) -> list[Segment]:
    """The segments in the order of time; those of one label that overlap are joined.

    Raises:
        DataError: Two of different labels overlap.
    """
    kept: list[Segment] = []
    for segment in sorted(segments, key=lambda each: (each.start, each.end)):
        if kept and segment.start < kept[-1].end:
            last = kept[-1]
            if segment.label == last.label:
                kept[-1] = last._replace(end=max(last.end, segment.end))
                continue
            if last.end - segment.start > TOLERANCE:
                raise DataError(
                    "segments of different labels must not overlap",
                    value=f"{segment.label} from {segment.start:g} s, {last.label} until {last.end:g} s",
                    fix="Shorten one of them, or make a class of both.",
                    where=segment.where,
                )
        kept.append(segment)
    return kept


def check_within(tagged: Tagged) -> None:
    """Check that segments start within the recording, as they do not if times are no seconds.

    Raises:
        DataError: One does not.
    """
    rate, samples = tagged.recording.header()
    for segment in tagged.segments[-1:]:
        if samples and segment.start >= samples / rate:
            raise DataError(
                f"a segment must start within its recording of {samples / rate:.2f} seconds",
                value=segment.start,
                fix="Times are in seconds.",
                where=segment.where,
            )


def step_centers(steps: int, options: TaggingOptions, cut: int = 0) -> NDArray[np.float64]:
    """The second in the middle of the frames of each step, (S,).

    Args:
        steps: S.
        options: The adapter's.
        cut: Frames that were cut before the first step.
    """
    half = ((options.stack - 1) * options.hop_ms + options.frame_ms) / 2
    return (cut * options.hop_ms + np.arange(steps) * options.stride * options.hop_ms + half) / 1000


def step_labels(
    segments: Sequence[Segment], item: Item, steps: int, options: TaggingOptions, known: Mapping[str, int]
) -> NDArray[np.int64]:
    """The class of each step, (S,): that of the segment in which its middle lies, or the background.

    Args:
        segments: Those of the recording, in the order of time.
        item: The recording.
        steps: S.
        options: The adapter's.
        known: Label -> number.
    """
    center_S = step_centers(steps, options, item.cut)
    label_S = np.full(steps, known[options.background], dtype=np.int64)
    for segment in segments:
        label_S[(center_S >= segment.start) & (center_S < segment.end)] = known[segment.label]
    return label_S
