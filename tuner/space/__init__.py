"""Search spaces: parsed from YAML, conditional, suggested through a protocol, compared and checked."""

from tuner.space.check import check
from tuner.space.difference import diff
from tuner.space.domains import Suggester
from tuner.space.space import Space, task_space

__all__ = ["Space", "Suggester", "check", "diff", "task_space"]
