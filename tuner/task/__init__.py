"""A resolved task file: checked against every catalog, this machine and the study's own code."""

from tuner.task.resolve import resolve_task
from tuner.task.task import Task

__all__ = ["Task", "resolve_task"]
