"""Running a sweep by the command line, as anyone would, and reading from MLflow what it recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import fmean, stdev


def run(folder: Path, task: str) -> None:
    """Write `task.yaml` into `folder` and run it there, showing what it shows.

    A study that is finished is not run again, one that was interrupted goes on; where the run fails, so does this.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.yaml").write_text(task)
    root = str(Path(__file__).resolve().parents[1])
    environment = {**os.environ, "MLFLOW_TRACKING_URI": _uri(folder)}
    environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "tuner", "run", "task.yaml"]
    if status := subprocess.run(command, cwd=folder, env=environment, check=False).returncode:
        sys.exit(status)


def confirmed(folder: Path, study: str) -> dict[str, list[dict[str, float]]]:
    """The confirmed configurations, "baseline" or "trial 12", and the metrics of each of their tested trainings.

    Args:
        folder: Where `run` was told to run.
        study: The study's name.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient(_uri(folder))
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None, study
    wanted = "tags.`tuner.kind` = 'confirm'"
    found: dict[str, list[dict[str, float]]] = {}
    for one in client.search_runs([experiment.experiment_id], wanted, order_by=["tags.`tuner.run`"]):
        if not any(name.startswith("test/") for name in one.data.metrics):
            continue  # it was not trained to its end
        number = int(one.data.tags["tuner.trial"])
        found.setdefault("baseline" if number < 0 else f"trial {number}", []).append(dict(one.data.metrics))
    return found


def mean_sd(values: list[float]) -> str:
    """Mean and standard deviation over seeds, such as 8.351 ± 0.012."""
    return f"{fmean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def _uri(folder: Path) -> str:
    return f"sqlite:///{folder.resolve() / 'mlflow.db'}"
