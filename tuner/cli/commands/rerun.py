"""`rerun`: train a recorded trial again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tuner.cli.options import SET, TASK, examples
from tuner.words import counted


@click.command(short_help="Train a recorded trial again, and compare.")
@TASK
@click.argument("number", type=click.IntRange(min=0))
@SET
@examples("python -m tuner rerun task.yaml 12")
def rerun(task: Path, number: int, sets: tuple[str, ...]) -> None:
    """Train a recorded trial again and compare every number with the record, bit for bit.

    Exit status 1 when one differs.
    """
    from tuner.solo import rerun as rerun_trial
    from tuner.task import resolve_task

    comparison = rerun_trial(resolve_task(task, sets), number)
    for sentence in comparison.changed:
        click.echo(f"note: {sentence}")
    epochs = counted(comparison.epochs, "epoch")
    for line in comparison.differing[:20]:
        click.echo(line)
    if comparison.differing:
        count = len(comparison.differing)
        differ = f"{counted(count, 'number')} differ{'s' * (count == 1)}"
        click.echo(f"trial {number}: {differ} in {epochs}")
        sys.exit(1)
    click.echo(f"trial {number}: {epochs} repeated, every number equal")
