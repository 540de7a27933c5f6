"""`ui` and `sync`: the record in MLflow."""

from __future__ import annotations

import click

from tuner.cli.options import STORAGE, STUDY, examples
from tuner.cli.studies import study_folder


@click.command()
@click.option("--uri", default=None, help="MLflow's tracking URI; default MLFLOW_TRACKING_URI, else ./mlflow.db.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind to; loopback only.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="Port.")
@examples("python -m tuner ui", "ssh -L 5000:127.0.0.1:5000 HOST     # from another machine")
def ui(uri: str | None, host: str, port: int) -> None:
    """Serve MLflow's UI on loopback."""
    from tuner.recording import serve_ui, tracking_uri

    serve_ui(tracking_uri(uri), host=host, port=port)


@click.command()
@STUDY
@STORAGE
@click.option(
    "--uri", default=None, help="MLflow's tracking URI; default that of TASK.yaml, MLFLOW_TRACKING_URI, ./mlflow.db."
)
@examples("python -m tuner sync digits", "python -m tuner sync task.yaml --uri http://127.0.0.1:5000")
def sync(study: str, storage: str, uri: str | None) -> None:
    """Write to MLflow whatever part of a study is missing there; safe to repeat."""
    from tuner.recording import tracking_uri
    from tuner.recording.sync import sync as write

    folder = study_folder(study, storage)
    if uri is None and study.endswith((".yaml", ".yml")):
        from tuner.config import load_task_file

        uri = load_task_file(study).task.tracking.uri
    report = write(folder, tracking_uri(uri), lambda why: click.echo(f"waiting: {why}", err=True))
    done = f"{report.written} events written" if report.written else "nothing was missing"
    click.echo(f"study {folder.name}: {report.runs} runs, {done}")
