"""Finds recordings, their labels and speakers: in a folder whose names contain them, or in a manifest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.base import Split
from tuner.adapters.notices import left_out
from tuner.adapters.speech.audio import header_of, read_header, read_samples, samples_of
from tuner.adapters.speech.formats import UNREAD, check_whole_classes, is_recording, left_over, visible_files
from tuner.adapters.splits import split_named
from tuner.adapters.table import Form, form_of, read_rows
from tuner.errors import DataError


class Signal(Protocol):
    """Sound."""

    @property
    def where(self) -> str:
        """The place that messages name."""
        ...

    def header(self) -> tuple[int, int]:
        """Sample rate in Hz and number of samples."""
        ...

    def samples(self) -> NDArray[np.float32]:
        """The signal (samples,) in [-1, 1]."""
        ...


class Recording(Signal, Protocol):
    """A signal with its label."""

    @property
    def label(self) -> str:
        """The label, or the transcript."""
        ...

    @property
    def speaker(self) -> str | None:
        """The speaker, or another group of recordings; None if unknown."""
        ...

    @property
    def split(self) -> Split | None:
        """The split that the data give; None if they give none."""
        ...


@dataclass(frozen=True)
class RecordedFile:
    """A recording in its own file, which is read on demand."""

    path: Path
    label: str
    speaker: str | None
    where: str
    split: Split | None = None

    def header(self) -> tuple[int, int]:
        """Sample rate in Hz and number of samples."""
        return read_header(self.path)

    def samples(self) -> NDArray[np.float32]:
        """The signal (samples,) in [-1, 1]."""
        return read_samples(self.path)


@dataclass(frozen=True)
class NewRecording:
    """A recording without label or transcript: a file, or its content."""

    source: Path | bytes
    where: str

    def header(self) -> tuple[int, int]:
        """Sample rate in Hz and number of samples."""
        if isinstance(self.source, Path):
            return read_header(self.source)
        return header_of(BytesIO(self.source), self.where) if self.source else (0, 0)

    def samples(self) -> NDArray[np.float32]:
        """The signal (samples,) in [-1, 1]."""
        if isinstance(self.source, Path):
            return read_samples(self.source)
        return samples_of(BytesIO(self.source), self.where)


def find_recordings(
    path: Path, pattern: str, group: str | None = "speaker", split: str | None = None
) -> list[RecordedFile]:
    """The recordings below a folder, or those that a manifest lists. No audio is read.

    Args:
        path: The folder or the manifest.
        pattern: The pattern of label, group and split in names below a folder.
        group: Column or field of the group; speaker may be missing.
        split: Column or field of the split.

    Raises:
        DataError: There are none, or none of a class; a name does not match; a listed file is missing; a group or split
            is missing in some.
    """
    if path.is_dir():
        recordings = list(_in_folder(path, pattern, group, split))
    elif (form := form_of(path)) is not None:
        recordings = list(_in_manifest(path, form, group, split))
    else:
        raise DataError(
            "data.path must name a folder, a manifest (.csv, .tsv, .jsonl) or features (.npz)",
            value=str(path),
            key=("data", "path"),
        )
    if not recordings:
        raise DataError(
            "there must be at least one recording (WAV, FLAC, OGG, MP3, AIFF, or what else libsndfile decodes)",
            value="; ".join(left_over(visible_files(path))) if path.is_dir() else "an empty manifest",
            fix="Check the path, or convert the recordings.",
            where=str(path),
        )
    return recordings


class Told(Protocol):
    """What a recording and its features have in common."""

    @property
    def label(self) -> str:
        """The label; "" where it is missing."""
        ...

    @property
    def where(self) -> str:
        """The place that messages name."""
        ...


ToldT = TypeVar("ToldT", bound=Told)


def labelled(found: Sequence[ToldT]) -> tuple[list[ToldT], list[str]]:
    """Those that have a label, and notices about the others.

    Raises:
        DataError: None has.
    """
    kept = [each for each in found if missing_or(each.label)]
    if not kept:
        raise DataError("at least one recording must have a label", fix="Check the column label.", where=found[0].where)
    return kept, left_out("recordings", {"no label": len(found) - len(kept)}, of=len(found))


def unread_files(path: Path) -> list[str]:
    """Notices about files of a folder that are not read; none for a manifest."""
    return left_over(visible_files(path)) if path.is_dir() else []


def _in_manifest(path: Path, form: Form, group: str | None, split: str | None) -> Iterator[RecordedFile]:
    asked = [name for name in (group, split) if name not in (None, "speaker")]
    without = ""  # the first row without a speaker
    grouped = False
    for cells, where in read_rows(path, form, ("path", "label", *map(str, asked)), ("speaker",)):
        grouped |= (told := group is not None and group in cells)
        without = without or ("" if told else where)
        if grouped and without:
            raise DataError(
                f"{group} must be given for every recording, or for none",
                value="a row without it",
                fix="Fill it in, or set data.group: null to split recordings individually.",
                where=without,
            )
        yield RecordedFile(
            listed(path.parent, cells["path"], where),
            missing_or(cells["label"]),
            filled(str(group), cells[str(group)], where) if told else None,
            where,
            split_named(cells[split], where, split) if split is not None else None,
        )


def _in_folder(folder: Path, pattern: str, group: str | None, split: str | None) -> Iterator[RecordedFile]:
    for option, name in (("group", group), ("split", split)):
        if name not in (None, "speaker") and f"{{{name}}}" not in pattern:
            raise DataError(
                f"data.pattern must hold the field {{{name}}} that data.{option} names",
                value=pattern,
                fix=f"Add it where names have it, or leave data.{option} out.",
                key=("data", "pattern"),
            )
    depth = pattern.count("/") + 1
    matcher = re.compile(
        "".join(
            re.escape(text) + (f"(?P<{name}>[^/]+?)" if name else "") for text, name, _, _ in Formatter().parse(pattern)
        )
    )
    labels: set[str] = set()
    unread: list[tuple[str, Path]] = []
    for path in visible_files(folder):
        inside = path.relative_to(folder)
        found = matcher.fullmatch("/".join(inside.with_suffix("").parts[-depth:]))
        if not is_recording(path):
            if found is not None and path.suffix.lower() in UNREAD:
                unread.append((found["label"], path))
            continue
        if found is None:
            raise DataError(
                f"the name must match data.pattern {pattern}",
                value=str(inside),
                fix="Rename the file, or set data.pattern.",
                where=str(path),
            )
        labels.add(found["label"])
        told = found.groupdict()
        part = split_named(told[split], str(path), f"{{{split}}} in data.pattern") if split is not None else None
        yield RecordedFile(path, found["label"], told.get(group or ""), str(path), part)
    check_whole_classes(unread, labels if labels else {label for label, _ in unread})


CLIPS = "clips"
"""The folder beside a manifest of Common Voice that holds its recordings."""


def listed(folder: Path, name: str, where: str) -> Path:
    """The file that a manifest lists, in the manifest's folder or in `CLIPS` below it.

    Raises:
        DataError: There is none.
    """
    path = folder / filled("path", name, where)
    if not os.path.isfile(path):  # Path.is_file raises for a name that no file can have
        path = folder / CLIPS / name.strip()
    if not os.path.isfile(path):
        raise DataError(
            "a listed recording must be a file",
            value=name,
            fix="Paths are relative to the manifest's folder.",
            where=where,
        )
    return path


def missing_or(cell: str) -> str:
    """A cell of a manifest without blanks around it; "" where it is missing."""
    cell = cell.strip()
    return "" if cell.lower() == "nan" else cell


def filled(name: str, cell: str, where: str) -> str:
    """A cell of a manifest.

    Raises:
        DataError: It is empty.
    """
    if not missing_or(cell := cell.strip()):
        raise DataError(f"{name} must not be empty", value=cell, fix="Fill it in, or delete the row.", where=where)
    return cell
