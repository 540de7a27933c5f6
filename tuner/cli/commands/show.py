"""`show`: a study's summary or progress."""

from __future__ import annotations

import json
import os

import click

from tuner.cli.options import JSON, STORAGE, STUDY, examples
from tuner.cli.studies import study_folder
from tuner.cli.wrapping import columns, pointed


@click.command(short_help="Print a study's summary or progress.")
@STUDY
@STORAGE
@JSON
@examples(
    "python -m tuner show digits",
    "python -m tuner show task.yaml",
    "python -m tuner show digits --json",
)
def show(study: str, storage: str, as_json: bool) -> None:
    """Print the summary of a finished study, or the progress of an unfinished one."""
    from tuner.sweep.standing import standing

    found = standing(study_folder(study, storage))
    if as_json:
        from tuner.cli.values import finite

        click.echo(json.dumps(finite(found.as_json()), indent=2))
        return
    from tuner.cli.ending import print_summary
    from tuner.cli.tables import make_console, print_unfinished

    if found.summary is None:
        print_unfinished(found, make_console())
    else:
        print_summary(found.summary, make_console())
    click.echo("\n" + pointed("stored in", os.path.relpath(found.folder), columns()))
