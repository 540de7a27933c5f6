"""Fetches a model from MLflow: the only use of MLflow's client in this package."""

from __future__ import annotations

from pathlib import Path

from tuner.errors import StudyError
from tuner.predict.folder import found_in
from tuner.redaction import redacted


def fetched(uri: str, to: Path) -> Path:
    """Copy a model from MLflow, where MLFLOW_TRACKING_URI says or its default is.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `models:/ID`.
        to: An empty folder.

    Returns:
        The model's folder in it.

    Raises:
        StudyError: MLflow is not installed or away, has no such model, or it is none of this package.
    """
    try:
        from mlflow.artifacts import download_artifacts

        whole = Path(download_artifacts(artifact_uri=uri, dst_path=str(to)))
    except ImportError as error:
        fix = "Install it, or copy the model's folder."
        raise StudyError("MLflow must be installed", value=str(error), fix=fix, where=uri) from error
    except Exception as error:  # MLflow's own, and whatever its stores raise
        why = " ".join(redacted(str(error)).split())[:300]
        fix = "MLFLOW_TRACKING_URI says where it is looked for."
        raise StudyError("MLflow must have the model", value=why, fix=fix, where=uri) from error
    folder = found_in(whole)
    if folder is None:
        raise StudyError("the model must be one that this package has made", value=uri, where=uri)
    return folder
