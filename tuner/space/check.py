"""Checks a search space by sample configurations, before anything is trained."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from tuner.errors import TaskFileError
from tuner.space.space import Space


def check(space: Space, judge: Callable[[Mapping[str, Any]], object], samples: int = 200, seed: int = 0) -> None:
    """Pass configurations that cover every choice and both ends of every range to `judge`.

    Args:
        space: The space.
        judge: Raises TaskFileError with key ("space", name) where a parameter is unknown, not connected or
            outside its legal interval.
        samples: Number of configurations, >= 1.
        seed: Seed of their choice.

    Raises:
        TaskFileError: That of `judge`, with the place of the entry at fault.
    """
    for params in space.samples(random.Random(seed), samples):
        try:
            judge(params)
        except TaskFileError as error:
            at_fault = {str(part) for part in error.key}
            for definition in space.definitions:
                if definition.name in at_fault and definition.active(params):
                    error.at(definition.where)
            raise
