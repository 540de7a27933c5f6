"""The next commands, as they are printed: a copied one runs as it is in the current folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.disk.folder import STUDIES, StudyFolder
from tuner.own_code import found_anyhow

_TUNER = ("python", "-m", "tuner")


def of_study(command: str, folder: StudyFolder, *more: str) -> str:
    """A command for a study: with its name, and `--storage` if that is not the default.

    Args:
        command: Such as "diagnose".
        folder: The study.
        more: Arguments after its name.
    """
    storage = folder.root.absolute().parent
    where = [] if storage == Path(STUDIES).absolute() else ["--storage", here(storage)]
    return shlex.join([*_TUNER, command, folder.name, *more, *where])


def of_task(command: str, task: Path, sets: Sequence[str], *more: str, change: str = "") -> str:
    """A command for a task file that repeats the changes it was run with.

    Args:
        command: Such as "run".
        task: The task file.
        sets: Changes in the form of `--set`.
        more: Arguments after the task file.
        change: A further change, which replaces one of the same key.
    """
    kept = [each for each in sets if not change or _key(each) != _key(change)]
    changes = [word for each in (*kept, *([change] if change else [])) for word in ("--set", each)]
    return shlex.join([*_TUNER, command, here(task), *more, *changes])


def to_use(model: Path, own_code: str, *more: str) -> str:
    """The command that predicts with a model for new raw data.

    Args:
        model: Its folder; one in the default folder of studies is named by its study, which is shorter.
        own_code: The folder of the user's own adapter or cell; "" without one.
        more: Arguments after it: the files.
    """
    model = model.absolute()
    named = model.name == "model" and model.parent.parent == Path(STUDIES).absolute()
    command = shlex.join([*_TUNER, "predict", model.parent.name if named else here(model), *more])
    if not own_code:
        return command
    if found_anyhow(own_code):
        return f"{command} --own-code"
    return f"PYTHONPATH={shlex.quote(here(Path(own_code)))} {command} --own-code"


def task_file(sweep: Mapping[str, Any]) -> Path | None:
    """The task file of a study's last run, as it was named then, by its event `sweep`; None of versions before."""
    return Path(sweep["file"]) if sweep.get("file") else None


def here(path: Path) -> str:
    """A path relative to the current folder; one outside of it unchanged."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _key(change: str) -> str:
    return change.partition("=")[0].strip()
