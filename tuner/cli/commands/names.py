"""`list`, `explain` and `schema`: what a task file can say."""

from __future__ import annotations

import json

import click

from tuner.cli.options import JSON, examples
from tuner.errors import UserError, nearest


@click.command("list", short_help="List what a task file can name, or tell all about one of it.")
@click.argument("kind", metavar="[KIND]", required=False)
@click.argument("name", metavar="[NAME]", required=False)
@JSON
@examples(
    "python -m tuner list                 # what can be listed",
    "python -m tuner list cells           # a line for each",
    "python -m tuner list cells gru       # all about one",
    "python -m tuner list parameters      # whatever can be searched",
    "python -m tuner list adapters --json",
)
def list_(kind: str | None, name: str | None, as_json: bool) -> None:
    """List what a task file can name: cells, initializers, schedules, adapters, sources, ready tasks and more.

    With NAME, tell all about one of them, as `explain` does.
    """
    from tuner.cli.catalogs import KINDS, describe, kinds
    from tuner.cli.entries import print_names

    if kind is None:
        print_names(list(KINDS.items()), "`python -m tuner list KIND` lists one of them.")
        return
    if kind not in KINDS:
        raise UserError("KIND must be a known kind", value=kind, fix=nearest(kind, kinds(), "list"))
    if name is not None:
        _tell(name, kind, as_json)
        return
    entries = describe(kind)
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    named = [(str(entry["name"]), str(entry["summary"])) for entry in entries]
    print_names(named, f"`python -m tuner list {kind} NAME` tells all about one.")


@click.command(short_help="Tell all about a parameter, a key or an entry of `list`.")
@click.argument("name", metavar="NAME")
@JSON
@examples(
    "python -m tuner explain learning_rate",
    "python -m tuner explain dropout.between",
    "python -m tuner explain gru",
    "python -m tuner explain budget.trials",
)
def explain(name: str, as_json: bool) -> None:
    """Tell all about one name of a task file.

    What it means, which values are allowed, its default, when it acts, where ready search spaces search it and over
    which range, and the source of the method.
    """
    _tell(name, "", as_json)


@click.command(short_help="Print the JSON Schema of task files, for editors.")
@examples("python -m tuner schema > task.schema.json")
def schema() -> None:
    """Print the JSON Schema of task files, with which editors complete and check them."""
    from tuner.cli.catalogs import task_schema_with_names

    click.echo(json.dumps(task_schema_with_names(), indent=2))


def _tell(name: str, kind: str, as_json: bool) -> None:
    from tuner.cli.entries import print_story
    from tuner.cli.explaining import explain as stories

    found = stories(name, kind)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for place, story in enumerate(found):
        if place:
            click.echo()
        print_story(story)
