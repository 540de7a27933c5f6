"""`gc`: remove what a study no longer needs."""

from __future__ import annotations

import click

from tuner.cli.options import STORAGE, STUDY, examples
from tuner.cli.studies import study_folder
from tuner.words import counted


@click.command(short_help="Remove what a study no longer needs.")
@STUDY
@STORAGE
@examples("python -m tuner gc digits", "python -m tuner gc task.yaml")
def gc(study: str, storage: str) -> None:
    """Remove what a study no longer needs: checkpoints of runs that are over, and half-written files.

    Results, printed output, models and the checkpoints of unfinished runs are kept. Safe to repeat.
    """
    from tuner.disk.gc import collect
    from tuner.disk.lock import DriverLock

    folder = study_folder(study, storage)
    lock = DriverLock(folder.lock)
    try:
        collected = collect(folder)
    finally:
        lock.release()
    done = (
        f"{counted(collected.files, 'file')}, {collected.bytes / 1e6:.1f} MB removed"
        if collected.files
        else "nothing to remove"
    )
    click.echo(f"study {folder.name}: {done}")
