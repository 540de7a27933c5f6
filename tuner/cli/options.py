"""Arguments and options shared by several commands."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tuner.cli.studies import begun_with, known_studies
from tuner.disk.folder import STUDIES, StudyFolder
from tuner.errors import StudyError
from tuner.own_code import find_modules

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
SET = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change any key of the task file, such as budget.trials=10. May be repeated.",
)


def _task_file(_: click.Context, __: click.Parameter, task: Path) -> Path:
    """The path of a task file.

    Raises:
        UserError: It is the name of a study; the message has the study's task file, where that is known.
    """
    if not task.exists() and str(task) in known_studies(STUDIES):
        own = begun_with(StudyFolder(Path(STUDIES).absolute() / task))
        fix = f"Name {own}, which it was run with." if own else "Name the file that it was run with."
        raise StudyError("TASK.yaml must be a task file", value=f"the name of a study, {task}", fix=fix)
    return task


TASK = click.argument("task", type=click.Path(path_type=Path), metavar="TASK.yaml", callback=_task_file)
STUDY = click.argument("study", metavar="STUDY")
STORAGE = click.option("--storage", default=STUDIES, show_default=True, help="Folder of studies.")

ENSEMBLE = click.option(
    "--ensemble", is_flag=True, help="Use all confirmed seeds of a study's winner as an ensemble, not the best alone."
)


def _own_code(_: click.Context, __: click.Parameter, allowed: bool) -> bool:
    """Let modules of the current folder be found, where code of one's own is allowed."""
    if allowed:
        find_modules((os.getcwd(),))
    return allowed


OWN_CODE = click.option(
    "--own-code", is_flag=True, callback=_own_code, help="Let the model import an adapter or a cell of your own."
)


def examples(*lines: str) -> Callable[[Any], Any]:
    """Append examples to a command's help, unwrapped."""

    def add(function: Any) -> Any:
        function.__doc__ = f"{inspect.cleandoc(function.__doc__)}\n\n\b\nExamples:\n" + "\n".join(
            f"  {line}" for line in lines
        )
        return function

    return add
