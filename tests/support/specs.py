"""Specs of trials for functions that look at little of them."""

from __future__ import annotations

from typing import Any

from tuner.messages import TrialSpec


def spec(run: str = "trials/00000", **fields: Any) -> TrialSpec:
    """A spec of trial 0 with three epochs and the parameter x of 0.5, unless changed."""
    given = {"epochs": 3, "params": {"x": 0.5}, "attempt": 1, "folder": "", **fields}
    return TrialSpec(study="s", run=run, kind="trial", number=0, seed=0, adapter="", data={}, prepared="", **given)
