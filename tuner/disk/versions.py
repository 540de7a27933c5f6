"""The format of a study's folder, checked before anything in it is changed, and the versions in use."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tuner.disk import places, regular
from tuner.disk.folder import StudyFolder
from tuner.errors import StudyError

FORMAT = 1
"""Format of the study's folder; raised when an older `tuner` cannot read it. A folder without a number has format 1."""
PACKAGES = ("tuner", "optuna", "ray", "mlflow", "torch", "numpy")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect a sweep, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def check_format(folder: StudyFolder) -> dict[str, str]:
    """Refuse a folder written by a later `tuner`; only reads.

    Returns:
        The versions that wrote it last; empty for a new folder, or one from before this record.

    Raises:
        StudyError: The format is unknown, or the file is damaged.
    """
    try:
        number, written = _said(json.loads(regular.read_bytes(folder.versions)))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(
            "the file must say the study's format and the versions that wrote it",
            value=error.strerror if isinstance(error, OSError) else str(error),
            fix="Restore it from a copy; without the file the study is taken for one of format 1.",
            where=str(folder.versions),
        ) from error
    if number > FORMAT:
        by = written.get("tuner", "of a later version")
        raise StudyError(
            f"study {folder.name} must have a format that tuner {versions().get('tuner', '')} reads, 1 to {FORMAT}",
            value=number,
            fix=f"It was written by tuner {by}: install that, or use another name. Nothing was changed.",
        )
    return written


def _said(facts: Any) -> tuple[int, dict[str, str]]:
    """The format and the versions in the file.

    Raises:
        ValueError: It is something else.
    """
    number = facts.get("format") if isinstance(facts, dict) else None
    if type(number) is not int or number < 1:
        raise ValueError(f"format {number!r}")
    written = facts.get("versions", {})
    if not isinstance(written, dict) or not all(isinstance(each, str) for each in written.values()):
        raise ValueError(f"versions {written!r}")
    return number, written


def note_versions(folder: StudyFolder) -> list[str]:
    """Write the versions in use into the folder, atomically.

    Returns:
        "optuna 5.0.0 is now 5.1.0" for every change since the last time.
    """
    before, now = check_format(folder), versions()
    changed = changed_since(before)
    if changed or not before:
        text = json.dumps({"format": FORMAT, "versions": now}, indent=1) + "\n"
        places.write(str(folder.versions), text.encode())
    return changed


def changed_since(before: Mapping[str, str]) -> list[str]:
    """The changed versions, as "optuna 5.0.0 is now 5.1.0"."""
    now = versions()
    return [
        f"{name} {before[name]} is now {number}" for name, number in now.items() if before.get(name, number) != number
    ]
