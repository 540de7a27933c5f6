"""`serve`: a model over HTTP."""

from __future__ import annotations

import sys

import click

from tuner.cli.interrupts import stopping
from tuner.cli.options import ENSEMBLE, OWN_CODE, STORAGE, examples
from tuner.cli.studies import model_folder
from tuner.cli.wrapping import columns, say, say_command


@click.command(short_help="Serve a study's winner over HTTP.")
@click.argument("model", metavar="STUDY|MODEL")
@click.option("--port", default=5001, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 for a free one.")
@click.option("--device", default="cpu", show_default=True, help="Device to compute on: cpu, cuda.")
@OWN_CODE
@ENSEMBLE
@STORAGE
@examples(
    "python -m tuner serve digits",
    "python -m tuner serve mlruns/studies/digits/model --port 8080",
    "ssh -L 5001:127.0.0.1:5001 HOST     # from another machine",
)
def serve(model: str, port: int, device: str, own_code: bool, ensemble: bool, storage: str) -> None:
    """Serve the confirmed winner of a study, or a model's folder, over HTTP on loopback: raw data in, answers out.

    A model of MLflow's is named models:/NAME@ALIAS. The server is MLflow's own scoring server, which has no login: POST
    /invocations with `dataframe_split` or `dataframe_records`, recordings in base64. Ctrl+C ends it.
    """
    from tuner.predict import load
    from tuner.recording.serving import ScoringServer, curl

    folder = model_folder(model, storage, ensemble=ensemble)
    load(folder, device=device, own_code=own_code)  # a damaged model is then reported in one line
    server = ScoringServer(folder, port, {"device": device, "own_code": own_code})
    with stopping(lambda _: server.stop()) as received:
        server.run(lambda: _tell(model, server.url, curl(folder, server.url)))
    if received:
        click.echo("stopped", err=True)
        sys.exit(128 + received[0])


def _tell(model: str, url: str, command: str) -> None:
    """Print the address, and a command that sends a request where there is one."""
    if columns() is None or not command:
        click.echo(f"{model} answers at {url}" + (f"; try: {command}" if command else ""))
        return
    say(f"{model} answers at {url}; try:")
    say_command(command)
