"""`top`: the trials of a study."""

from __future__ import annotations

import json

import click

from tuner.cli.options import JSON, STORAGE, STUDY, examples
from tuner.cli.studies import study_folder


@click.command(short_help="Show a study's trials, best first.")
@STUDY
@click.option("--limit", default=20, show_default=True, help="Rows; 0 for all.")
@STORAGE
@JSON
@examples(
    "python -m tuner top digits",
    "python -m tuner top task.yaml --limit 5",
    "python -m tuner top digits --json",
)
def top(study: str, limit: int, storage: str, as_json: bool) -> None:
    """Show a study's confirmations on fresh seeds, with the winner's first and marked; then its trials, best first."""
    from tuner.sweep import study_rows

    folder = study_folder(study, storage)
    rows = study_rows(folder)
    rows = rows[:limit] if limit else rows
    if as_json:
        from tuner.cli.values import finite

        click.echo(json.dumps(finite(rows), indent=2))
        return
    from tuner.cli.top_rows import print_rows

    print_rows(folder.name, rows)
