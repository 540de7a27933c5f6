"""A model's folder in MLflow's form: its files as data behind a loader module, never a pickle."""

from __future__ import annotations

import base64
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():  # of MLflow, about types of its own
    warnings.simplefilter("ignore")
    from mlflow import pyfunc
    from mlflow.pyfunc import scoring_server
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ParamSchema, Schema

from tuner.disk import regular
from tuner.errors import StudyError
from tuner.predict.folder import damaged
from tuner.predict.refused import Refused

if TYPE_CHECKING:
    import pandas as pd

LOADER = "tuner.predict.pyfunc"
"""The module that MLflow imports to open the model."""
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(==[\w.+!-]+)?")
_LARGEST = 64 * 1024**2
"""Largest size of JSON that is read, in bytes."""


def save(model: Path, to: Path, identity: Model | None = None) -> None:
    """Write a model's folder as an MLflow model.

    Args:
        model: The model's folder.
        to: The folder to make.
        identity: Its ids in MLflow: of the model and of its run.

    Raises:
        StudyError: The model's folder is damaged, or the new one cannot be made.
    """
    signature, example = _signature(model)
    lines = _requirements(model / "requirements.txt")
    try:
        pyfunc.save_model(
            str(to),
            loader_module=LOADER,
            data_path=str(model),
            signature=signature,
            input_example=example,
            pip_requirements=lines,
            mlflow_model=identity or Model(),
        )
    except (OSError, ValueError, MlflowException) as error:
        raise StudyError("the model must be written in MLflow's form", value=error, where=str(to)) from error


def _requirements(path: Path) -> list[str]:
    """The lines, each a package with its version: others could make MLflow read files or use other indexes."""
    try:
        told = regular.read_bytes(path).decode().splitlines()
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from error
    lines = [line for line in told if not line.startswith("#")]
    for line in lines:
        if not _REQUIREMENT.fullmatch(line):
            raise StudyError(
                "a line must be a package and its version", value=line, fix="Copy it again.", where=str(path)
            )
    return lines


def application(model: Path, config: Mapping[str, object]) -> Any:
    """MLflow's scoring server of an MLflow model, as an ASGI application.

    Args:
        model: A folder made by `save`.
        config: Passed to the loader module.
    """
    answering: Any = Answering(pyfunc.load_model(str(model), model_config=dict(config)))
    return scoring_server.init(answering)


class Answering:
    """A loaded model for the scoring server: also a request refused by MLflow itself is answered in one line.

    Args:
        model: As loaded by MLflow.
    """

    def __init__(self, model: Any) -> None:
        self._model, self.metadata = model, model.metadata

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The model's answers.

        Raises:
            Refused: The request does not fit the model.
        """
        try:
            answers: pd.DataFrame = self._model.predict(data, params=params)
        except Refused:
            raise
        except MlflowException as error:
            raise Refused(
                error.message.rpartition(" Error: ")[2]
            ) from error  # MLflow's message begins with all the data
        return answers


def _signature(model: Path) -> tuple[ModelSignature | None, pd.DataFrame | None]:
    """The model's signature and an example; None without them."""
    if not (model / "signature.json").exists():
        return None, None
    try:
        found, request = _json(model / "signature.json"), _json(model / "input_example.json")["dataframe_split"]
        inputs = Schema.from_json(json.dumps(found["inputs"]))
        outputs = Schema.from_json(json.dumps(found["outputs"]))
        params = ParamSchema.from_json(json.dumps(found["params"]))
        binary = [column["name"] for column in found["inputs"] if column["type"] == "binary"]
        return ModelSignature(inputs, outputs, params), _table(request, binary)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, MlflowException) as error:
        fix = "Copy it again."
        raise StudyError("the model's signature must be unchanged", value=error, fix=fix, where=str(model)) from error


def _table(request: dict[str, Any], binary: list[str]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame(request["data"], columns=request["columns"])
    for name in binary:
        table[name] = [base64.b64decode(value) for value in table[name]]
    return table


def _json(path: Path) -> dict[str, Any]:
    if regular.status(path).st_size > _LARGEST:
        raise ValueError(f"more than {_LARGEST} bytes")
    found: dict[str, Any] = json.loads(regular.read_bytes(path))
    return found
