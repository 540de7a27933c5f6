"""`validate`: what a task file would run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tuner.cli.options import JSON, SET, TASK, examples


@click.command(short_help="Check a task file, and tell what a sweep would do.")
@TASK
@SET
@click.option("--timing/--no-timing", default=True, show_default=True, help="Measure a step with every cell.")
@click.option("--dry-run", is_flag=True, help="Also train one epoch of the baseline and of some configurations.")
@JSON
@examples(
    "python -m tuner validate task.yaml",
    "python -m tuner validate task.yaml --no-timing",
    "python -m tuner validate task.yaml --dry-run",
)
def validate(task: Path, sets: tuple[str, ...], timing: bool, dry_run: bool, as_json: bool) -> None:
    """Check a task file and its data, and show what would be run and what a training step costs with every cell.

    Nothing is recorded. Compare cells in a budget of seconds (`budget.seconds`) where their steps differ in cost.
    """
    from tuner.solo import preview
    from tuner.task import resolve_task

    resolved = resolve_task(task, sets)
    facts = preview(resolved, timing=timing, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key, item in value.items():
                click.echo(f"  {key}: {item}")
        elif isinstance(value, list):
            for item in value:
                click.echo(f"note: {item}")
        else:
            click.echo(f"{name}: {value}")
