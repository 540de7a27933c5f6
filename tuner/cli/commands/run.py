"""`run`: a sweep from the task file to the model."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.interrupts import stopping
from tuner.cli.options import SET, TASK, examples
from tuner.cli.wrapping import columns, pointed, say, say_command
from tuner.disk.folder import StudyFolder

if TYPE_CHECKING:
    from tuner.task import Task


@click.command(short_help="Run a sweep, or resume one.")
@TASK
@SET
@click.option("--fresh", is_flag=True, help="Start over; an existing study is kept under another name.")
@click.option("--register", is_flag=True, help="Put the winner into MLflow's registry, as models:/STUDY@champion.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one per line.")
@examples(
    "python -m tuner run task.yaml",
    "python -m tuner run task.yaml --set budget.trials=100",
    "python -m tuner run task.yaml --set ray.address=auto   # a Ray cluster",
    "python -m tuner run task.yaml --fresh",
)
def run(task: Path, sets: tuple[str, ...], fresh: bool, register: bool, as_json: bool) -> None:
    """Run a sweep, or resume one: search, confirm, test, record.

    Ctrl+C once stops after saving checkpoints, twice at once; the same command resumes the sweep.
    """
    from tuner.cli.console import listener
    from tuner.sweep import Sweep, SweepFailed
    from tuner.task import resolve_task

    resolved = resolve_task(task, (*sets, "tracking.register=true") if register else sets)
    show = listener(as_json)
    sweep = Sweep(resolved, show, fresh=fresh)
    try:
        with stopping(sweep.stop) as received:
            outcome = sweep.run()
    except SweepFailed as failure:
        show.close()
        say(f"stopped: {failure}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        show.close()
        sys.exit(128 + (received[0] if received else signal.SIGINT))
    finally:
        show.close()
    if outcome.summary is not None and not as_json:
        _print_places(resolved, recorded=outcome.recorded)
    if not outcome.finished:
        click.echo("stopped; the same command resumes it", err=True)
        sys.exit(128 + (received[0] if received else signal.SIGINT))
    if not outcome.usable:
        say(f"no trial completed{_top_failure(resolved.folder)}", err=True)
        sys.exit(1)


def _print_places(task: Task, *, recorded: bool) -> None:
    """Print the study's folder and the commands that open its record."""
    click.echo("\n" + pointed("stored in", os.path.relpath(task.folder.root), columns()))
    pages = task.recorder.pages(task.folder.name) if recorded else ""
    if pages:
        click.echo("to compare the trials:")
    for page in pages.splitlines():
        say_command(page)


def _top_failure(folder: StudyFolder) -> str:
    from tuner.sweep import top_failure

    reason = top_failure(folder)
    return f"; most often: {reason}" if reason else ""
