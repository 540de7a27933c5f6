"""`list` and `schema`: what a task file can say."""

from __future__ import annotations

import json

import click

from tuner.cli.options import JSON, examples
from tuner.errors import UserError, nearest


@click.command("list")
@click.argument("kind", metavar="KIND", required=False)
@JSON
@examples("python -m tuner list", "python -m tuner list cells", "python -m tuner list adapters --json")
def list_(kind: str | None, as_json: bool) -> None:
    """List what a task file can name: cells, initializers, schedules, adapters, sources, ready tasks and more."""
    from tuner.cli.catalogs import describe, kinds

    known = kinds()
    if kind is None:
        click.echo("\n".join(known))
        return
    if kind not in known:
        raise UserError("KIND must be a known kind", value=kind, fix=nearest(kind, known, "list"))
    entries = describe(kind)
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    from tuner.cli.tables import print_entries

    print_entries(entries)


@click.command()
@examples("python -m tuner schema > task.schema.json")
def schema() -> None:
    """Print the JSON Schema of task files, with which editors complete and check them."""
    from tuner.cli.catalogs import task_schema_with_names

    click.echo(json.dumps(task_schema_with_names(), indent=2))
