"""`list`, `explain` and `schema`: the names and keys of a task file."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from tuner.cli.options import JSON, examples
from tuner.cli.wrapping import say
from tuner.errors import UserError, nearest


@click.command("list", short_help="List the names of a task file, or describe one of them.")
@click.argument("kind", metavar="[KIND]", required=False)
@click.argument("name", metavar="[NAME]", required=False)
@JSON
@examples(
    "python -m tuner list                 # the kinds of names",
    "python -m tuner list cells           # one line per cell",
    "python -m tuner list cells gru       # one in full",
    "python -m tuner list parameters      # all that can be searched",
    "python -m tuner list adapters --json",
)
def list_(kind: str | None, name: str | None, as_json: bool) -> None:
    """List the names that a task file can use: cells, initializers, schedules, adapters, sources, ready tasks and more.

    With NAME, describe one of them, as `explain` does.
    """
    from tuner.cli.catalogs import KINDS, describe, kinds, left_out
    from tuner.cli.entries import print_names

    if kind is None:
        print_names(list(KINDS.items()), "`python -m tuner list KIND` lists the entries of a kind.")
        return
    if kind not in KINDS:
        raise UserError("KIND must be a known kind", value=kind, fix=nearest(kind, kinds(), "list"))
    if name is not None:
        _tell(name, kind, as_json)
        return
    entries = describe(kind)
    _note(left_out(kind))
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    named = [(str(entry["name"]), str(entry["summary"])) for entry in entries]
    print_names(named, f"`python -m tuner list {kind} NAME` describes one.")


@click.command(short_help="Describe a parameter, a key or an entry of `list`.")
@click.argument("name", metavar="NAME")
@JSON
@examples(
    "python -m tuner explain learning_rate",
    "python -m tuner explain dropout.between",
    "python -m tuner explain gru",
    "python -m tuner explain budget.trials",
)
def explain(name: str, as_json: bool) -> None:
    """Describe one name of a task file.

    Its meaning, allowed values, default, when it acts, the ready search spaces that have it, with their ranges, and the
    source of the method.
    """
    _tell(name, "", as_json)


@click.command(short_help="Print the JSON Schema of task files, for editors.")
@examples("python -m tuner schema > task.schema.json")
def schema() -> None:
    """Print the JSON Schema of task files, with which editors complete and check them."""
    from tuner.cli.catalogs import left_out, task_schema_with_names

    _note([*left_out("adapters"), *left_out("recorders")])
    click.echo(json.dumps(task_schema_with_names(), indent=2))


def _note(sentences: Iterable[str]) -> None:
    """Print notes on standard error, beside what is listed."""
    for sentence in sentences:
        say(f"note: {sentence}", later="  ", err=True)


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
