"""`sync` and `ui`: bring a study's record up to date, and show it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.options import STORAGE, STUDY, examples
from tuner.cli.studies import known_studies, study_folder
from tuner.errors import UserError
from tuner.words import counted

if TYPE_CHECKING:
    from tuner.recording import Recorder

_URI = click.option(
    "--uri",
    default=None,
    help="MLflow's tracking URI. Default: that of TASK.yaml, else MLFLOW_TRACKING_URI, else ./mlflow.db.",
)


@click.command(short_help="Serve MLflow's UI, and print a study's address.")
@click.argument("study", metavar="[STUDY]", required=False)
@STORAGE
@_URI
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to; loopback only.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@examples(
    "python -m tuner ui",
    "python -m tuner ui task.yaml",
    "ssh -L 5000:127.0.0.1:5000 HOST     # from another machine",
)
def ui(study: str | None, storage: str, uri: str | None, host: str, port: int) -> None:
    """Serve MLflow's UI on loopback, and print the address of STUDY's runs (default: of all studies in the folder).

    With a task file, the UI is that of the MLflow store which the task file names.
    """
    _recorder(study, storage, uri).serve(host, port, _shown(study, storage), click.echo)


@click.command(short_help="Write what is missing in MLflow.")
@STUDY
@STORAGE
@_URI
@click.option("--register", is_flag=True, help="Put the winner into MLflow's registry, as models:/STUDY@champion.")
@examples(
    "python -m tuner sync digits",
    "python -m tuner sync digits --register",
    "python -m tuner sync task.yaml --uri http://127.0.0.1:5000",
)
def sync(study: str, storage: str, uri: str | None, register: bool) -> None:
    """Write the parts of a study to MLflow that are missing there; safe to repeat."""
    from tuner.recording.sync import sync as write

    folder = study_folder(study, storage)
    report = write(
        folder, _recorder(study, storage, uri, register=register), lambda why: click.echo(f"waiting: {why}", err=True)
    )
    done = f"{counted(report.written, 'event')} written" if report.written else "nothing was missing"
    if report.written is None:
        done = "all are recorded"
    click.echo(f"study {folder.name}: {counted(report.runs, 'run')}, {done}")


def _shown(study: str | None, storage: str) -> list[str]:
    """Names of the studies whose pages are looked for."""
    from tuner.config import load_task_file

    if study is None:
        return known_studies(storage)
    return [load_task_file(study).task.name if study.endswith((".yaml", ".yml")) else study]


def _recorder(study: str | None, storage: str, uri: str | None, *, register: bool = False) -> Recorder:
    """Where a study is recorded: as its task file says; for a study given by name, in MLflow's default place."""
    from tuner.config import load_task_file
    from tuner.config.task import Tracking
    from tuner.own_code import find_modules
    from tuner.recording.catalog import make_recorder
    from tuner.recording.sync import recorder_of

    asked = {"register": True} if register else {}
    if uri is not None or study is None:
        return make_recorder(Tracking(uri=uri, **asked))
    if study.endswith((".yaml", ".yml")):
        find_modules((str(Path(study).absolute().parent), os.getcwd()))
        loaded = load_task_file(study, ("tracking.register=true",) if register else ())
        return make_recorder(loaded.task.tracking, loaded.document.place)
    recorded = recorder_of(study_folder(study, storage))
    if recorded not in ("mlflow", "none"):
        fix = "Name the study's task file instead: it says where the study is recorded."
        raise UserError("a study given by name must be recorded in MLflow", value=recorded, fix=fix)
    return make_recorder(Tracking(recorder=recorded, **asked))
