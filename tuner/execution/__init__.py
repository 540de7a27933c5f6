"""Runs trials: worker slots on Ray, or one slot in this process. Knows nothing of studies and MLflow."""

from tuner.execution.contract import Executor, RunTrial, Started
from tuner.execution.in_process import InProcessExecutor
from tuner.execution.on_ray import RayExecutor
from tuner.execution.worker import STACKS

__all__ = ["STACKS", "Executor", "InProcessExecutor", "RayExecutor", "RunTrial", "Started"]
