"""The answer of MLflow's scoring server to a request that does not fit the model: one line, status 400.

It is imported where MLflow has opened the model, and so is there.
"""

from __future__ import annotations

import json

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE


class Refused(MlflowException):
    """A request that is not what the model takes.

    Args:
        why: The line, without the data that MLflow puts before the message of an error.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why, error_code=INVALID_PARAMETER_VALUE)
        self._line = " ".join(why.split())

    def serialize_as_json(self) -> str:
        """The answer's body."""
        return json.dumps({"error_code": self.error_code, "message": self._line})
