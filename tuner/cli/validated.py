"""The output of `validate`, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tuner.cli.values import number
from tuner.cli.wrapping import columns, pointed, say
from tuner.reporting.commands import here
from tuner.words import counted, lasting


def print_preview(facts: Mapping[str, Any]) -> None:
    """Print the data that were read, the search and the resources it needs.

    Args:
        facts: From `tuner.solo.preview`.
    """
    click.echo(pointed(f"study {facts['study']} in", here(Path(facts["folder"])), columns()))
    for title, lines in (
        ("data", list(_data(facts))),
        ("search space", list(_space(facts))),
        ("sweep", list(_sweep(facts))),
        ("on this machine", list(_machine(facts))),
    ):
        if lines:
            click.echo()
            say(f"{title}:")
        for line in lines:
            say(line, indent="  ", later="    ")
    if facts["notices"]:
        click.echo()
    for notice in facts["notices"]:
        say(f"note: {notice}", later="  ")


def _data(facts: Mapping[str, Any]) -> Iterator[str]:
    counts = facts["data"]
    items = ", ".join(f"{counts[split]:,} for {what}" for split, what in _SPLITS.items() if split in counts)
    yield f"read by {facts['adapter']}: {items}"
    yield from facts["read"]
    if facts["examples"]:
        yield "items to learn from, as the network gets them:"
        yield from (f"  {example}" for example in facts["examples"])
    trivial = facts["trivial predictor"]
    name = counts.get("name", "trivial predictor")
    yield f"objective: {facts['objective']}" + ("" if trivial is None else f"; {name}: {number(trivial)}")
    if facts["resolution"]:
        yield facts["resolution"]


def _space(facts: Mapping[str, Any]) -> Iterator[str]:
    space = facts["search space"]
    for name, ranges in facts["ranges"].items():
        yield f"{name}: {'; '.join(ranges)}"
    yield f"fixed: {space['fixed']}"
    sizes = space["configurations"]
    yield f"configurations: {sizes if isinstance(sizes, str) else f'{sizes:,}'}"
    baseline = facts["baseline"]
    words = baseline if isinstance(baseline, str) else ", ".join(f"{key} {value}" for key, value in baseline.items())
    yield f"baseline, with which the winner is compared: {words}"


def _sweep(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"search: {facts['search']}"
    yield from _rungs(facts["pruning"])
    yield f"confirmation on fresh seeds: {facts['confirmation']}"
    if facts["refit"]:
        yield "refit: the winner's seeds trained once more, on training and validation data together"
    yield f"recorded in {facts['tracking']}"


def _rungs(rungs: Sequence[Mapping[str, int]]) -> Iterator[str]:
    if not rungs:
        yield "no trial is pruned"
        return
    yield "trials that are pruned, if ranks at a rung are those at the end:"
    for rung in rungs:
        yield f"  after epoch {rung['epoch']}: about {rung['pruned']} of the {rung['trials']} that reach it are pruned"


def _machine(facts: Mapping[str, Any]) -> Iterator[str]:
    if "milliseconds per step" in facts:
        costs = facts["milliseconds per step"]
        yield f"milliseconds per step: {', '.join(f'{cell} {cost}' for cell, cost in costs.items())}"
        yield f"{counted(facts['steps per epoch'], 'step')} per epoch"
        yield _time(facts["seconds"], facts["slots"])
        used, there = facts["memory"]
        yield (
            f"memory: {used / 1e9:.1f} GB for a training of the baseline's size, this program included; "
            f"this machine has {there / 1e9:.0f} GB"
        )
    if "dry run" in facts:
        yield f"dry run: {facts['dry run']}"


def _time(seconds: Mapping[str, float], slots: int | None) -> str:
    low, high, most = (lasting(seconds[which]) for which in ("least", "most", "unpruned"))
    span = high if low == high else f"{low} to {high}"
    at_once = "one training at once" if slots in (None, 1) else f"{slots} trainings at once"
    at_once += " (the cluster is not asked how many it can hold)" if slots is None else ""
    limit = f"; budget.timeout ends it after {lasting(seconds['timeout'])}" if seconds.get("timeout") else ""
    return (
        f"expected time of all trainings: {span} with {at_once}, by the cells' measured steps; without pruning at most "
        f"{most}; starting workers, the test and figures come on top{limit}"
    )


_SPLITS = {"train": "training", "val": "validation", "test": "the test"}
