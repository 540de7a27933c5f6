"""Hyperparameter optimization for recurrent networks: one task file, an Optuna study over Ray, MLflow as the record.

In Python: `run` a task, `open` a study, `load` a model. Their modules are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.api import Study, open, run
    from tuner.errors import UserError
    from tuner.predict import Model, load

__all__ = ["Model", "Study", "UserError", "load", "open", "run"]

_ROOMS = {
    "Model": "tuner.predict",
    "Study": "tuner.api",
    "UserError": "tuner.errors",
    "load": "tuner.predict",
    "open": "tuner.api",
    "run": "tuner.api",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'tuner' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS]
