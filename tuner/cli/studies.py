"""Find studies by name or by task file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError, nearest


def study_folder(study: str, storage: str, sets: tuple[str, ...] = ()) -> StudyFolder:
    """The folder of a study given by its name or by its task file."""
    if study.endswith((".yaml", ".yml")):
        from tuner.config import load_task_file

        task = load_task_file(study, sets).task
        study, storage = task.name, task.storage.folder
    known = known_studies(storage)
    if study not in known:
        fix = nearest(study, known) if known else f"There is no study in {storage} yet."
        raise StudyError("STUDY must be the name or the task file of a study", value=study, fix=fix)
    from tuner.disk.shape import check_shape
    from tuner.disk.versions import check_format

    folder = StudyFolder((Path(storage) / study).absolute())
    check_shape(folder)
    check_format(folder)
    return folder


def model_folder(model: str, storage: str, *, ensemble: bool = False) -> Path:
    """The folder of a model given by its folder, its study, or MLflow's URI (copied for as long as the command runs).

    Raises:
        StudyError: There is no such study or model, or an ensemble is asked for and it has none.
    """
    if model.startswith("models:/"):
        return _from_mlflow(model, ensemble=ensemble)
    from tuner.predict.folder import found_in

    folder = found_in(Path(model) / "ensemble" if ensemble else Path(model))
    if folder is not None:
        return folder
    study = study_folder(model, storage)
    return ensemble_folder(study) if ensemble else winner_folder(study)


def _from_mlflow(uri: str, *, ensemble: bool) -> Path:
    if ensemble:
        fix = "Name the study or its folder, or leave out --ensemble."
        raise StudyError("the ensemble must be one of a study: MLflow has its winner alone", value=uri, fix=fix)
    from tuner.predict.registered import fetched

    made = click.get_current_context().with_resource(TemporaryDirectory(prefix="tuner-model-"))
    return fetched(uri, Path(made))


def winner_folder(study: StudyFolder) -> Path:
    """The model of a study's winner.

    Raises:
        StudyError: The study keeps none as it is not finished.
    """
    if not study.model.is_dir():
        _check_finished(study)
    return study.model


def ensemble_folder(study: StudyFolder) -> Path:
    """The model of all the winner's seeds.

    Raises:
        StudyError: The study keeps none.
    """
    if not study.ensemble.is_dir():
        _check_finished(study)
        raise StudyError(
            f"study {study.name} must have an ensemble: two confirmed seeds of its winner or more",
            fix="Run it to its end with confirm.seeds at 2 or more.",
        )
    return study.ensemble


def _check_finished(study: StudyFolder) -> None:
    """Refuse a study that is not finished.

    Raises:
        StudyError: It is not; the message has the command that goes on with it.
    """
    from tuner.cli.tables import state_of
    from tuner.sweep.standing import standing

    now = standing(study)
    if not now.finished:
        fix = "Wait for its end." if now.running else f"This resumes it: {_resuming(study)}"
        raise StudyError(f"study {study.name} must be finished to have a model", value=state_of(now), fix=fix)


def _resuming(study: StudyFolder) -> str:
    """The command that goes on with a study, with the task file and the settings of its last run."""
    from tuner.disk.study_events import read_sweep
    from tuner.reporting.commands import of_task

    asked = read_sweep(study).asked
    return of_task("run", Path(begun_with(study) or "TASK.yaml"), asked.get("sets") or ())


def begun_with(study: StudyFolder) -> str:
    """The task file of a study's last run; "" where it is not there, seen from the current folder."""
    from tuner.disk.study_events import read_sweep
    from tuner.reporting.commands import here, task_file

    file = task_file(read_sweep(study).asked)
    return here(file) if file is not None and file.is_file() else ""


def has_study(task: str, sets: tuple[str, ...]) -> bool:
    """Whether a task file's study has been started."""
    from tuner.config import load_task_file

    file = load_task_file(task, sets).task
    return StudyFolder(Path(file.storage.folder) / file.name).exists()


def known_studies(storage: str) -> list[str]:
    """Names of the studies in a folder, sorted."""
    try:
        return sorted(path.name for path in Path(storage).iterdir() if StudyFolder(path).exists())
    except (OSError, ValueError):  # no folder, or an impossible name
        return []
