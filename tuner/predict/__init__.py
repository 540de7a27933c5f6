"""Models in use: a self-contained folder, opened without training data, Optuna, Ray or MLflow.

The code that opens it is imported on first use, so that reading or copying files needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.predict.model import Model
    from tuner.predict.opening import load

__all__ = ["Model", "load"]


def __getattr__(name: str) -> Any:
    match name:
        case "Model":
            from tuner.predict.model import Model

            return Model
        case "load":
            from tuner.predict.opening import load

            return load
    raise AttributeError(f"module 'tuner.predict' has no attribute {name!r}")
