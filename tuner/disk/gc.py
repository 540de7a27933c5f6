"""`tuner gc`: removes what a study's folder no longer needs. Safe to repeat and to interrupt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from tuner.disk.events import read_run
from tuner.disk.folder import CHECKPOINT, StudyFolder
from tuner.disk.lock import take


@dataclass(frozen=True)
class Collected:
    """The removed files."""

    files: int
    bytes: int


def collect(folder: StudyFolder, *, prepared: bool = True) -> Collected:
    """Remove checkpoints of runs that are over, and files and folders that a killed process left half-written.

    Kept are: the study, every event file, artifacts, printed output, the models, the weights of confirmed runs, and the
    checkpoints of stopped or lost runs. The caller holds the study's lock.

    Args:
        folder: The study.
        prepared: Also clean up prepared data, which other studies share, except data being written.
    """
    files = size = 0
    for path in _garbage(folder, prepared=prepared):
        found = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        for file in found:
            with suppress(OSError):  # someone else was faster
                bytes_of = file.stat().st_size
                file.unlink()
                files, size = files + 1, size + bytes_of
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    return Collected(files, size)


def _garbage(folder: StudyFolder, *, prepared: bool) -> Iterator[Path]:
    for checkpoint in sorted(folder.root.glob(f"*/*/{CHECKPOINT}")):
        run = checkpoint.parent.relative_to(folder.root).as_posix()
        if read_run(folder.events(run)).state.final:
            yield checkpoint
    for pattern in ("*.tmp", "*/*.tmp", "*/*/*.tmp"):
        yield from sorted(folder.root.glob(pattern))
    if prepared:
        yield from _unfinished(folder.prepared)


def _unfinished(prepared: Path) -> Iterator[Path]:
    """Folders `<digest>.<random>` of killed preparations; a running one holds the digest's lock."""
    for lock in sorted(prepared.glob("*.lock")):
        with suppress(OSError), take(lock) or nullcontext() as held:
            if held is None:
                continue
            yield from sorted(path for path in prepared.glob(f"{lock.stem}.*") if path.is_dir())
