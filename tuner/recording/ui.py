"""`tuner ui`: MLflow's own pages, for this machine only."""

from __future__ import annotations

import os
import sys

from tuner.errors import TaskFileError, UserError
from tuner.recording.uri import QUIET

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
