"""`validate`: check a task file and preview its sweep."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tuner.cli.options import JSON, SET, TASK, examples


@click.command(short_help="Check a task file, and preview its sweep.")
@TASK
@SET
@click.option("--timing/--no-timing", default=True, show_default=True, help="Measure an optimizer step of every cell.")
@click.option("--dry-run", is_flag=True, help="Also train one epoch of the baseline and of some configurations.")
@JSON
@examples(
    "python -m tuner validate task.yaml",
    "python -m tuner validate task.yaml --no-timing",
    "python -m tuner validate task.yaml --dry-run",
)
def validate(task: Path, sets: tuple[str, ...], timing: bool, dry_run: bool, as_json: bool) -> None:
    """Check a task file and its data, and preview its sweep.

    Shows what was read, with three examples; what is searched, over which ranges; how many trials will be pruned at
    which rung; and how long the sweep takes on this machine, by measured steps of every cell. Nothing is recorded.
    Where the cells' steps differ much in cost, compare them in a budget of seconds (`budget.seconds`).
    """
    from tuner.cli.console import preparing
    from tuner.solo import preview
    from tuner.task import resolve_task

    resolved = resolve_task(task, sets)
    with preparing():
        facts = preview(resolved, timing=timing, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    from tuner.cli.validated import print_preview

    print_preview(facts)
