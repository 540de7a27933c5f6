"""A model in use: a folder that needs nothing else, opened without training data, without Optuna, Ray or MLflow."""

from __future__ import annotations

from tuner.predict.model import Model
from tuner.predict.opening import load

__all__ = ["Model", "load"]
