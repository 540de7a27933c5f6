"""Specs of trials for functions that look at little of them, and what executors make of them."""

from __future__ import annotations

import time
from typing import Any

from tuner.execution import Executor
from tuner.messages import Ended, Lost, Message, TrialSpec

HANGING_SECONDS = 300.0
"""Only for what hangs: on the clock, other programs of the machine count too."""


def spec(trial: str = "epochs", **fields: Any) -> TrialSpec:
    """A spec of trial 0 with three epochs and the parameter x of 0.5, unless changed.

    Args:
        trial: The function that `tests.support.trials.chosen` runs.
        fields: Of the spec.
    """
    params = {"x": 0.5, **fields.pop("params", {}), "trial": trial}
    given = {"run": "trials/00000", "epochs": 3, "attempt": 1, "folder": "", **fields}
    return TrialSpec(
        study="s", kind="trial", number=0, seed=0, params=params, adapter="", data={}, prepared="", **given
    )


def until_end(executor: Executor) -> list[Message]:
    """Messages up to the end of one attempt."""
    deadline = time.monotonic() + HANGING_SECONDS
    found: list[Message] = []
    while time.monotonic() < deadline:
        found += executor.poll(0.2)
        if any(isinstance(message, Ended | Lost) for message in found):
            return found
    raise AssertionError(f"no end within {HANGING_SECONDS:g} s, but {found}")


def wait_for_idle(executor: Executor, count: int = 1) -> None:
    """Until so many slots are up."""
    deadline = time.monotonic() + HANGING_SECONDS
    while executor.num_idle < count:
        assert time.monotonic() < deadline, "no slot came up"
        executor.poll(0.2)
