"""`lr-range`: the learning rate range test."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from tuner.cli.options import JSON, SET, TASK, examples
from tuner.cli.wrapping import columns, pointed, say, say_command


@click.command("lr-range", short_help="Find where to search the learning rate.")
@TASK
@SET
@click.option(
    "--params",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a parameter of the tested configuration, which is the baseline. May be repeated.",
)
@click.option("--low", default=1e-7, show_default=True, type=click.FloatRange(1e-12, 100), help="First, lowest rate.")
@click.option("--high", default=1.0, show_default=True, type=click.FloatRange(1e-12, 100), help="Last rate.")
@click.option("--steps", default=200, show_default=True, type=click.IntRange(10, 100_000), help="Optimizer steps.")
@JSON
@examples(
    "python -m tuner lr-range task.yaml",
    "python -m tuner lr-range task.yaml --params cell=gru",
    "python -m tuner lr-range task.yaml --params optimizer=sgd --high 30",
)
def lr_range(
    task: Path, sets: tuple[str, ...], params: tuple[str, ...], low: float, high: float, steps: int, as_json: bool
) -> None:
    """Find where to search the learning rate: train the baseline while the rate rises.

    Prints the rate at which the loss falls fastest, a figure of the loss over the rate, and lines for the task file's
    `space:`. Takes seconds to minutes, in this process; nothing is recorded.
    """
    from tuner.cli.console import preparing
    from tuner.reporting.commands import of_task
    from tuner.solo import lr_range as test_rates
    from tuner.task import resolve_task

    resolved = resolve_task(task, (*sets, *(f"baseline.{change}" for change in params)))
    with preparing():
        found = test_rates(resolved, low=low, high=high, steps=steps)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
        return
    say(f"{found.optimizer}: {found.ended}")
    say(f"steepest fall at {found.steepest:.2g}")
    say(f"lowest loss at {found.least:.2g}, a tenth of it is {found.least / 10:.2g}")
    if found.figure:
        click.echo(pointed("figure:", os.path.relpath(found.figure), columns()))
    else:
        say("no figure: its folder cannot be written")
    click.echo("\nfor the task file, a decade to each side of the steepest fall:\n")
    click.echo("\n".join(found.lines()))
    click.echo("\nor\n")
    say_command(of_task("run", task, (*resolved.sets, *found.sets())), indent="")
