"""What MLflow holds."""

from __future__ import annotations

import sqlite3

from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from tuner.disk.folder import StudyFolder


def runs_of(folder: StudyFolder, uri: str) -> dict[str, Run]:
    """The study's runs in MLflow by their tag; fails when one is there twice."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(folder.name)
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
    by_name = {run.data.tags["tuner.run"]: run for run in found}
    assert len(by_name) == len(found)
    return by_name


def rows(uri: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that the projection can have written, as the database holds it."""
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as database:
        tables = {
            "metrics": "key, value, timestamp, step, is_nan",
            "latest_metrics": "key, value, timestamp, step",
            "params": "key, value",
            "tags": "key, value",
            "runs": "name, status, start_time, end_time",
        }
        found = {
            table: sorted(database.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)
            for table, columns in tables.items()
        }
    database.close()
    found["tags"] = [row for row in found["tags"] if row[0] != "mlflow.parentRunId"]
    return found
