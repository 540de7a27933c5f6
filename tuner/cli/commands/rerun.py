"""`rerun`: a recorded trial once more."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tuner.cli.options import SET, TASK, examples


@click.command()
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
    for line in comparison.differing[:20]:
        click.echo(line)
    if comparison.differing:
        click.echo(f"trial {number}: {len(comparison.differing)} numbers differ in {comparison.epochs} epochs")
        sys.exit(1)
    click.echo(f"trial {number}: {comparison.epochs} epochs repeated, every number equal")
