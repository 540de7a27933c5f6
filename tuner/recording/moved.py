"""Repairs a moved folder with `mlflow.db` and `mlruns/`: MLflow keeps absolute paths of artifacts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url


def mend_artifact_places(experiment: str, uri: str) -> bool:
    """Update the paths of an experiment's artifacts if their old place no longer exists.

    MLflow has no call for that, so the columns with the paths are rewritten. Nothing is done for other databases and
    tracking servers, whose artifacts are not beside them.

    Args:
        experiment: Its name.
        uri: MLflow's tracking URI.

    Returns:
        Whether something was changed.
    """
    if not uri.startswith("sqlite:"):
        return False
    database = Path(str(make_url(uri).database))
    if not database.exists():
        return False
    with closing(sqlite3.connect(database, timeout=20.0)) as connection, connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
            return False
        row = connection.execute(
            "SELECT experiment_id, artifact_location FROM experiments WHERE name = ?", (experiment,)
        ).fetchone()
        if row is None:
            return False
        number, old = row
        new = str(database.parent / "mlruns" / str(number))
        if not old.startswith("/") or Path(old).exists() or not Path(new).exists():
            return False
        connection.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (new, number))
        connection.execute(
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
            "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
            (new, len(old) + 1, number, len(old), old),
        )
        for table, column, where, known in (
            ("logged_models", "artifact_location", "experiment_id = ?", number),
            ("model_versions", "storage_location", "name = ?", experiment),
        ):
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {where} AND substr({column}, 1, ?) = ?",
                (new, len(old) + 1, known, len(old), old),
            )
    return True
