"""Where MLflow is, checked without importing it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.request import pathname2url

from tuner.addresses import hosts
from tuner.errors import TaskFileError
from tuner.redaction import remember

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # else a model takes along a `pyproject.toml` that happens to lie in the current folder
    "MLFLOW_UV_AUTO_DETECT": "false",
    # MLflow's own retries would hold a call for minutes; the writer's rounds are the retries.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""MLflow's switches, to be set before it is imported; what the user set stays."""

SERVERS = ("http://", "https://")
"""How the address of a tracking server begins."""
_SCHEMES = ("sqlite", "postgresql", "mysql", "http", "https")
_FIX = "Use sqlite:///mlflow.db, http://HOST:PORT of a tracking server, or postgresql://… of a database."


def tracking_uri(configured: str | None) -> str:
    """The tracking URI of a sweep: the task file's, else MLFLOW_TRACKING_URI, else MLflow's own default.

    MLflow's default is the file `mlflow.db` in the current folder, so that a bare `mlflow ui` started there
    shows the runs. A relative SQLite path is made absolute, so that every process means the same file.

    Args:
        configured: `tracking.uri` of the task file; None where it is left out.

    Raises:
        TaskFileError: The URI names a place where MLflow keeps no runs any more, or none that is known.
    """
    if configured is not None:
        return _checked(configured)
    if inherited := os.environ.get("MLFLOW_TRACKING_URI"):
        try:
            return _checked(inherited)
        except TaskFileError as error:
            error.key = ()
            raise error.at("environment variable MLFLOW_TRACKING_URI") from None
    return f"sqlite:///{pathname2url(str(Path.cwd() / 'mlflow.db'))}"


def _checked(uri: str) -> str:
    key = ("tracking", "uri")
    remember(uri)
    scheme, colon, rest = uri.partition("://")
    if scheme.partition(":")[0] == "file" or not colon:
        raise TaskFileError(
            "tracking.uri must not be a folder of files, which MLflow has given up",
            value=uri,
            fix=_FIX,
            key=key,
        )
    if scheme.partition("+")[0] not in _SCHEMES:
        raise TaskFileError(
            "tracking.uri must be a SQLite file, a database or a tracking server",
            value=f"{scheme}://…",
            fix=_FIX,
            key=key,
        )
    if scheme != "sqlite":
        try:
            named = hosts(uri)
        except ValueError as error:
            raise TaskFileError(f"tracking.uri {error}", value=uri, fix=_FIX, key=key) from None
        if not rest.strip("/") or (uri.startswith(SERVERS) and not all(named)):
            raise TaskFileError("tracking.uri must name a host", value=uri, fix=_FIX, key=key)
        if not uri.startswith(SERVERS):
            _check_driver(uri)
        return uri
    path = rest.removeprefix("/")
    if not rest.startswith("/") or not path or path.startswith((":memory:", "file:")):
        raise TaskFileError("tracking.uri must name a SQLite file", value=uri, fix=_FIX, key=key)
    return uri if path.startswith("/") else f"sqlite:///{pathname2url(str(Path.cwd()))}/{path}"


def _check_driver(uri: str) -> None:
    """The Python module by which SQLAlchemy, and so MLflow, reaches a database must be there."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    key = ("tracking", "uri")
    try:
        make_url(uri).get_dialect().import_dbapi()
    except ImportError as error:
        module = error.name or str(error)
        raise TaskFileError(
            f"tracking.uri needs the Python module {module}, the database's driver",
            fix="Install it, or name another driver: mysql+pymysql://…, postgresql+psycopg://….",
            key=key,
        ) from None
    except (ArgumentError, NoSuchModuleError):
        raise TaskFileError(
            "tracking.uri must name a driver that SQLAlchemy knows", value=uri, fix=_FIX, key=key
        ) from None
