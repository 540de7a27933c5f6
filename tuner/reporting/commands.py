"""Commands to go on with, as they are printed: what is copied runs as it stands, in the folder of the moment."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from tuner.disk.folder import STUDIES, StudyFolder
from tuner.own_code import found_anyhow

_TUNER = ("python", "-m", "tuner")


def of_study(command: str, folder: StudyFolder, *more: str) -> str:
    """A command with a study: by its name, and the folder of studies where that is not the usual one.

    Args:
        command: Such as "diagnose".
        folder: The study.
        more: What follows its name.
    """
    storage = folder.root.absolute().parent
    where = [] if storage == Path(STUDIES).absolute() else ["--storage", here(storage)]
    return shlex.join([*_TUNER, command, folder.name, *more, *where])


def of_task(command: str, task: Path, sets: Sequence[str], *more: str, change: str = "") -> str:
    """A command with a task file, which repeats the changes that it was run with.

    Args:
        command: Such as "run".
        task: The task file.
        sets: Changes as `--set` takes them.
        more: What follows the task file.
        change: One more change; it takes the place of one of the same key.
    """
    kept = [each for each in sets if not change or _key(each) != _key(change)]
    changes = [word for each in (*kept, *([change] if change else [])) for word in ("--set", each)]
    return shlex.join([*_TUNER, command, here(task), *more, *changes])


def to_use(model: Path, own_code: str, *more: str) -> str:
    """The command that answers new raw data by a model.

    Args:
        model: Its folder: in the usual folder of studies it is named by its study, which is shorter.
        own_code: The folder in which an adapter or a cell of one's own is found; "" where the model has none.
        more: What follows it: the files.
    """
    model = model.absolute()
    named = model.name == "model" and model.parent.parent == Path(STUDIES).absolute()
    command = shlex.join([*_TUNER, "predict", model.parent.name if named else here(model), *more])
    if not own_code:
        return command
    if found_anyhow(own_code):
        return f"{command} --own-code"
    return f"PYTHONPATH={shlex.quote(here(Path(own_code)))} {command} --own-code"


def here(path: Path) -> str:
    """A path as it is named from the current folder; one outside of it as it is."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _key(change: str) -> str:
    return change.partition("=")[0].strip()
