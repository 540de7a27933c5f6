"""`report`: one offline page about a study."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import STORAGE, examples
from tuner.cli.studies import study_folder
from tuner.errors import UserError

TOGETHER = Path("compared.html")
"""Default output for several studies."""


@click.command(short_help="Write a study's results as one HTML page.")
@click.argument("studies", metavar="STUDY...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write. Default: the study's artifact `_report.html`; for several studies, `compared.html` here.",
)
@STORAGE
@examples(
    "python -m tuner report digits",
    "python -m tuner report task.yaml -o digits.html",
    "python -m tuner report digits digits-small -o both.html",
)
def report(studies: tuple[str, ...], output: Path | None, storage: str) -> None:
    """Write a study's results as one HTML file: verdict, curves, what mattered, what went wrong, how to repeat it.

    The file opens from disk and needs no network. It is made from the study's event files, also while the study runs or
    after it was killed. Several studies are shown side by side.
    """
    from tuner.disk import places
    from tuner.report import REPORT, read_study, render
    from tuner.reporting.commands import here

    folders = [study_folder(study, storage) for study in dict.fromkeys(studies)]
    path = output or (folders[0].artifacts / REPORT if len(folders) == 1 else TOGETHER)
    page = render([read_study(folder) for folder in folders])
    try:
        places.write(str(path), page.encode())
    except OSError as error:
        fix = "Name another file with -o."
        raise UserError("the report must be writable", value=f"{path}: {error.strerror}", fix=fix) from error
    click.echo(here(path))
