"""MLflow's tracking URI, checked without importing MLflow."""

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
    # else a model includes a `pyproject.toml` of the current folder
    "MLFLOW_UV_AUTO_DETECT": "false",
    # MLflow's own retries would block a call for minutes; the writer's rounds are the retries.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Environment variables of MLflow, to be set before it is imported; the user's own are kept."""

SERVERS = ("http://", "https://")
"""Beginnings of a tracking server's address."""
_SCHEMES = ("sqlite", "postgresql", "mysql", "http", "https")
_FIX = "Use sqlite:///mlflow.db, http://HOST:PORT of a tracking server, or postgresql://… of a database."


def tracking_uri(configured: str | None) -> str:
    """The tracking URI of a sweep: the task file's, else MLFLOW_TRACKING_URI, else MLflow's own default.

    MLflow's default is the file `mlflow.db` in the current folder, so that a bare `mlflow ui` started there
    shows the runs. A relative SQLite path is made absolute, so that every process uses the same file.

    Args:
        configured: `tracking.uri` of the task file; None without one.

    Raises:
        TaskFileError: MLflow no longer supports such a place, or the URI is unknown.
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
            "tracking.uri must not be a folder of files, which MLflow no longer supports",
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
    """Check that the database's Python driver for SQLAlchemy, which MLflow uses, is installed."""
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
