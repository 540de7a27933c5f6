"""Where recordings are and who says what in them: a folder with telling names, or a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tuner.adapters.speech.audio import read_header, read_samples
from tuner.adapters.table import form_of, read_rows
from tuner.errors import DataError

SUFFIXES = (".wav", ".flac", ".ogg", ".au")


class Recording(Protocol):
    """What somebody said, as a signal."""

    @property
    def label(self) -> str:
        """What is said."""
        ...

    @property
    def speaker(self) -> str | None:
        """Who says it; None where it is unknown."""
        ...

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


@dataclass(frozen=True)
class RecordedFile:
    """A recording in a file of its own; it is read when it is asked for."""

    path: Path
    label: str
    speaker: str | None
    where: str

    def header(self) -> tuple[int, int]:
        """Sample rate in Hz and number of samples."""
        return read_header(self.path)

    def samples(self) -> NDArray[np.float32]:
        """The signal (samples,) in [-1, 1]."""
        return read_samples(self.path)


def find_recordings(path: Path, pattern: str) -> list[RecordedFile]:
    """The recordings below a folder, or those that a manifest lists. No audio is read.

    Raises:
        DataError: There are none; a name does not match; a listed file is missing; a label is empty.
    """
    form = form_of(path)
    if path.is_dir():
        recordings = list(_in_folder(path, pattern))
    elif form is not None:
        recordings = [
            RecordedFile(
                _listed(path.parent, cells["path"], where),
                _filled("label", cells["label"], where),
                _filled("speaker", cells["speaker"], where) if "speaker" in cells else None,
                where,
            )
            for cells, where in read_rows(path, form, ("path", "label"), ("speaker",))
        ]
    else:
        raise DataError(
            "data.path must name a folder, a manifest (.csv, .tsv, .jsonl) or features (.npz)",
            value=str(path),
            key=("data", "path"),
        )
    if not recordings:
        raise DataError(
            f"there must be at least one recording ({', '.join(SUFFIXES)})",
            fix="Check the path, or convert the recordings.",
            where=str(path),
        )
    return recordings


def _in_folder(folder: Path, pattern: str) -> Iterator[RecordedFile]:
    depth = pattern.count("/") + 1
    matcher = re.compile(
        "".join(
            re.escape(text) + (f"(?P<{name}>[^/]+?)" if name else "") for text, name, _, _ in Formatter().parse(pattern)
        )
    )
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in inside.parts):
            continue
        found = matcher.fullmatch("/".join(inside.with_suffix("").parts[-depth:]))
        if found is None:
            raise DataError(
                f"the name must match data.pattern {pattern}",
                value=str(inside),
                fix="Rename the file, or set data.pattern.",
                where=str(path),
            )
        yield RecordedFile(path, found["label"], found.groupdict().get("speaker"), str(path))


def _listed(folder: Path, name: str, where: str) -> Path:
    path = folder / _filled("path", name, where)
    if not path.is_file():
        raise DataError(
            "a listed recording must be a file",
            value=name,
            fix="Paths are relative to the manifest's folder.",
            where=where,
        )
    return path


def _filled(name: str, cell: str, where: str) -> str:
    if (cell := cell.strip()).lower() in ("", "nan"):
        raise DataError(f"{name} must not be empty", value=cell, fix="Fill it in, or delete the row.", where=where)
    return cell
