"""Checks that a study's folder has files and folders in their places, before any of it is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tuner.disk import events, regular
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError

_FOLDERS = re.compile(
    r"trials|confirm|refit|test|artifacts|diagnose|models|(model|ensemble|models/[a-z0-9]+)(/preprocess)?|(trials/\d+|(confirm|refit)/[a-z0-9]+-\d+|test)(/artifacts)?"
)
_FILES = re.compile(r".*\.(journal|lock|json|jsonl|yaml|log|pt|txt|png|csv|safetensors|md)")


def check_shape(folder: StudyFolder) -> None:
    """Refuse a folder that contains a pipe, a socket or a device, or a file in place of a folder or vice versa.

    Raises:
        StudyError: The first such thing.
    """
    try:
        for path in _walk(folder.root):
            inside, found = path.relative_to(folder.root).as_posix(), regular.kind(path)
            wanted = "a folder" if _FOLDERS.fullmatch(inside) else "a regular file"
            if found == "" and wanted == "a folder" and path.exists():
                found = "a regular file"
            if found not in ("", wanted) and (found != "a folder" or _FILES.fullmatch(inside)):
                raise StudyError(
                    f"this name in a study's folder must be {wanted}",
                    value=found,
                    fix="Move it away, and restore what was there from a copy; or start over with --fresh.",
                    where=str(path),
                )
    except OSError as error:
        raise StudyError(
            "the study's folder must be readable", value=error.strerror, where=str(error.filename or folder.root)
        ) from error


def check_events(folder: StudyFolder) -> None:
    """Refuse a study with a damaged event file, before anything is added to any file.

    Raises:
        StudyError: The first damaged one, with its line.
    """
    events.read(folder.sweep_events)
    for run in folder.runs():
        events.read_run(folder.events(run))


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder, without following links to folders."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
