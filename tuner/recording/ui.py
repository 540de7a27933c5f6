"""`tuner ui`: MLflow's own pages, for this machine only."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from tuner.errors import TaskFileError, UserError
from tuner.recording.uri import QUIET, SERVERS
from tuner.recording.views import LEADERBOARD, PREFIX, readable
from tuner.redaction import redacted

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_VIEW = f"{PREFIX}{LEADERBOARD}"
_SHARED = f"&viewStateShareKey={LEADERBOARD}"
_CHOOSE = "and choose the view Leaderboard there, at the top right"
_BESIDE = len("  open ")
_WIDE = 1000  # columns without a terminal


def ui_command(uri: str, host: str = "127.0.0.1", port: int = 5000) -> tuple[list[str], dict[str, str]]:
    """The command that shows `uri` in a browser, and its environment.

    The URI is passed in the environment: everyone on the machine can read command lines, and a URI may contain a
    password.

    Raises:
        TaskFileError: `host` is no loopback name; MLflow's pages have no login.
        UserError: `uri` is a tracking server, which has its own pages.
    """
    if host not in _LOOPBACK:
        raise TaskFileError(
            "host must be 127.0.0.1, as MLflow's pages have no login",
            value=host,
            fix=f"From another machine use a tunnel: ssh -L {port}:127.0.0.1:{port} HOST.",
        )
    if uri.startswith(SERVERS):
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


def serve_ui(uri: str, host: str, port: int, studies: Sequence[str], tell: Callable[[str], None]) -> None:
    """Become MLflow's web server for `uri`; never returns.

    Args:
        uri: A database, from `tracking_uri`.
        host: A name of this machine's loopback; others are refused.
        port: TCP port.
        studies: Names of the studies whose addresses are printed.
        tell: Called with a line per existing study: the address of its runs, and its name.

    Raises:
        UserError: As for `ui_command`.
    """
    command, environment = ui_command(uri, host, port)
    at = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    for study, address in runs_pages(uri, studies, at).items():
        tell(f"{_fitting(address)}  {study}")
    os.execvpe(command[0], command, environment)


def runs_pages(uri: str, studies: Sequence[str], at: str) -> dict[str, str]:
    """Study -> the address of its leaderboard in MLflow's pages; studies that are not found are left out.

    Without such a view, the address is that of the runs. It contains `machine_learning`, as otherwise MLflow opens its
    GenAI pages, whatever tags the experiment has.

    Args:
        uri: MLflow's tracking URI.
        studies: Their names.
        at: The address of the server that shows the pages.
    """
    found = _on_server(uri, studies) if uri.startswith(SERVERS) else _in_database(uri, studies)
    return {
        study: f"{at.rstrip('/')}/#/experiments/{number}/runs?workflowType=machine_learning{_SHARED if viewed else ''}"
        for study, (number, viewed) in found.items()
    }


def _in_database(uri: str, studies: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """Study -> its experiment, and whether that has the view.

    Reads the database directly, as importing MLflow takes two seconds.
    """
    from sqlalchemy import bindparam, create_engine, make_url, text
    from sqlalchemy.exc import SQLAlchemyError

    if uri.startswith("sqlite:") and not Path(str(make_url(uri).database)).exists():
        return {}  # connecting would create it
    query = text(
        "SELECT name, experiments.experiment_id, experiment_tags.key FROM experiments LEFT JOIN experiment_tags"
        " ON experiments.experiment_id = experiment_tags.experiment_id AND experiment_tags.key = :view"
        " WHERE lifecycle_stage = 'active' AND name IN :names"
    )
    engine = create_engine(uri)
    try:
        with engine.connect() as connection:
            asked = {"names": list(studies), "view": _VIEW}
            rows = connection.execute(query.bindparams(bindparam("names", expanding=True)), asked)
            found = {name: (str(number), key is not None and readable(version("mlflow"))) for name, number, key in rows}
            return {study: found[study] for study in studies if study in found}
    except SQLAlchemyError:  # it has no tables yet, or does not answer
        return {}
    finally:
        engine.dispose()


def _on_server(uri: str, studies: Sequence[str]) -> dict[str, tuple[str, bool]]:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    found = {}
    with suppress(MlflowException):
        for study in studies:
            if (experiment := MlflowClient(uri).get_experiment_by_name(study)) is not None:
                found[study] = (experiment.experiment_id, _VIEW in experiment.tags)
    return found


def pages(uri: str, study: str) -> str:
    """How to open a study's leaderboard: a command and, on its own line, the address; for a server only the address."""
    command = f"python -m tuner ui --uri {shlex.quote(uri)}"
    if uri == f"sqlite:///{Path.cwd() / 'mlflow.db'}":
        mlflow = "mlflow" if shutil.which("mlflow") else os.path.relpath(Path(sys.executable).with_name("mlflow"))
        command = f"{mlflow} ui"
    if redacted(uri) != uri:  # it may contain a password
        return f"python -m tuner ui {study}"
    if uri.startswith(SERVERS):
        return runs_pages(uri, [study], uri).get(study, uri)
    address = runs_pages(uri, [study], "http://127.0.0.1:5000").get(study)
    if not address:
        return command
    fitting = _fitting(address)
    return f"{command}\nopen {fitting}" + ("" if fitting == address else f"\n{_CHOOSE}")


def _fitting(address: str) -> str:
    """The address; in a narrow terminal, which would wrap it, that of the runs, two clicks from the view."""
    fits = len(address) + _BESIDE <= shutil.get_terminal_size((_WIDE, 24)).columns
    return address if fits else address.removesuffix(_SHARED)
