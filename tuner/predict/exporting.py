"""Copies a model's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tuner.disk import regular
from tuner.errors import StudyError, UserError
from tuner.predict.folder import damaged
from tuner.predict.opening import load


def export(model: Path, folder: Path, *, onnx: bool = False, own_code: bool = False) -> None:
    """Copy a model's folder, completely or not at all.

    Args:
        model: The model's folder.
        folder: The copy; new, or an empty folder.
        onnx: Whether `model.onnx` and `preprocess.json` are written into it.
        own_code: As for `load`.

    Raises:
        StudyError: Something is there, the model is damaged, or it cannot be exported.
    """
    check_new(folder)
    making = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    loaded = load(model, own_code=own_code)
    try:
        _copy(model, making)
        if onnx:
            from tuner.predict.onnx_export import write_onnx

            write_onnx(loaded, making)
        making.replace(folder)
    except UserError as error:
        error.where = error.where.replace(str(making), str(model))
        raise
    except OSError as error:
        raise StudyError("the folder to export to must be writable", value=error.strerror, where=str(folder)) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def check_new(folder: Path) -> None:
    """Refuse a folder in which something would be overwritten.

    Raises:
        StudyError: It holds something, or is none.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(
            "the folder to export to must be new or empty", value=str(folder), fix="Name another, or remove it."
        )


def _copy(model: Path, folder: Path) -> None:
    """Copy regular files only: a link would copy its target."""
    folder.mkdir(parents=True)
    for path in sorted(model.rglob("*")):
        target = folder / path.relative_to(model)
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise damaged(path, "a link" if path.is_symlink() else regular.kind(path))
        if path.is_dir():
            target.mkdir()
        else:
            shutil.copyfile(path, target)
