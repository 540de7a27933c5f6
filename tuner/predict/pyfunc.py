"""The model for MLflow, which loads it by `loader_module: tuner.predict.pyfunc`; the model contains no code.

It imports only one error class of MLflow, which its server reports in one line: a served model needs this package and
those below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuner.errors import DataError, UserError
from tuner.predict.model import Model
from tuner.predict.opening import load

if TYPE_CHECKING:
    import pandas as pd


class Served:
    """A model that answers tables. Only values are accepted: a request over a network cannot name a file here.

    Args:
        model: The model.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, data: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The answers of `Model.predict`, with None instead of NaN, which JSON lacks.

        Args:
            data: Columns as the model's signature names them.
            params: `proba`: whether rows also have what makes them up; and what else may be asked of the model.

        Raises:
            Refused: It is no table, lacks a column, or something is asked that the model does not offer.
        """
        try:
            answers = self._answers(data, dict(params or {}))
        except UserError as error:
            from tuner.predict.refused import Refused  # of MLflow, which has loaded this

            raise Refused(str(error)) from error
        known = answers.notna()
        return answers if known.all(axis=None) else answers.astype(object).where(known, None)

    def _answers(self, data: pd.DataFrame, asked: dict[str, Any]) -> pd.DataFrame:
        if not hasattr(data, "columns"):
            raise DataError("a served model must get a table", value=type(data).__name__)
        return self._model.predict(data, proba=bool(asked.pop("proba", False)), **asked)


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Served:
    """Called by `mlflow.pyfunc.load_model`.

    Args:
        path: The model's folder.
        model_config: `own_code` and `device`, as `load` takes them.

    Raises:
        StudyError: As `load` says.
    """
    chosen = dict(model_config or {})
    device, own_code = str(chosen.get("device", "cpu")), chosen.get("own_code") is True
    return Served(load(path, device=device, own_code=own_code))
