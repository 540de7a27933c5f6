"""`tuner ui`: MLflow's own pages, for this machine only."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from tuner.errors import TaskFileError, UserError
from tuner.recording.uri import QUIET
from tuner.redaction import redacted

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def ui_command(uri: str, host: str = "127.0.0.1", port: int = 5000) -> tuple[list[str], dict[str, str]]:
    """The command that shows `uri` in a browser, and its environment.

    The URI goes through the environment: a command line can be read by everyone on the machine, and a URI may
    hold a password.

    Raises:
        TaskFileError: `host` is not this machine alone: MLflow's pages have no login.
        UserError: `uri` is a tracking server, which shows its own pages.
    """
    if host not in _LOOPBACK:
        raise TaskFileError(
            "host must be 127.0.0.1, as MLflow's pages have no login",
            value=host,
            fix=f"From another machine use a tunnel: ssh -L {port}:127.0.0.1:{port} HOST.",
        )
    if uri.startswith(("http://", "https://")):
        raise UserError("tracking.uri must be a database to be shown here", value=uri, fix="Open it in a browser.")
    command = [
        sys.executable,
        "-P",
        "-m",
        "mlflow",
        "server",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    environment = {
        **QUIET,
        **os.environ,
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    return command, environment


def serve_ui(uri: str, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Become MLflow's web server for `uri`; returns never.

    Args:
        uri: A database, as `tracking_uri` gives it.
        host: A name of this machine's loopback; others are refused.
        port: TCP port.

    Raises:
        UserError: As `ui_command` says.
    """
    command, environment = ui_command(uri, host, port)
    os.execvpe(command[0], command, environment)


def pages(uri: str) -> str:
    """What a user types to see the pages: a command, or the address of a server, which has pages of its own."""
    command = f"python -m tuner ui --uri {shlex.quote(uri)}"
    if uri == f"sqlite:///{Path.cwd() / 'mlflow.db'}":
        mlflow = "mlflow" if shutil.which("mlflow") else os.path.relpath(Path(sys.executable).with_name("mlflow"))
        command = f"{mlflow} ui"
    elif uri.startswith(("http://", "https://")):
        command = uri
    return command if redacted(command) == command else "python -m tuner ui"  # a URI may hold a password
