"""The page: sections, style and script in one file that loads nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tuner.disk import places
from tuner.disk.folder import StudyFolder
from tuner.report.plot import state_class
from tuner.report.sections import sections_of
from tuner.report.sections.compared import compared
from tuner.report.study import ReportedStudy, read_study
from tuner.report.svg import shown
from tuner.report.templates import filled
from tuner.words import called

REPORT = "_report.html"
"""Its file name in a study's artifacts, which sorts first."""
_ONLY_OURS = (
    "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
    "img-src data:; base-uri 'none'; form-action 'none'"
)


def render(studies: Sequence[ReportedStudy]) -> str:
    """The page of one study, or of several side by side.

    Args:
        studies: At least one.
    """
    style, script = _part("style.css"), _part("script.js")
    pages = [
        {"study": study, "key": f"s{number}-" if len(studies) > 1 else "", "sections": sections_of(study)}
        for number, study in enumerate(studies, 1)
    ]
    return filled(
        "page.html",
        title=" and ".join(study.name for study in studies),
        policy=_ONLY_OURS.format(style=_digest(style), script=_digest(script)),
        style=Markup(style),
        script=Markup(script),
        pages=pages,
        compared=compared(studies) if len(studies) > 1 else None,
        told=Markup(_json([_told(study) for study in studies])),
    )


def write_report(folder: StudyFolder, into: Path | None = None) -> Path:
    """Write the report of one study.

    Args:
        folder: The study.
        into: The file; by default the study's artifact `report.html`.

    Returns:
        Its path.

    Raises:
        StudyError: An event file is damaged.
        OSError: It cannot be written.
    """
    path = into or folder.artifacts / REPORT
    places.write(str(path), render([read_study(folder)]).encode())
    return path


@lru_cache
def _part(name: str) -> str:
    return (resources.files("tuner.report") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: Any) -> str:
    """JSON that is safe inside a script element."""
    return (
        json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    )


def _told(study: ReportedStudy) -> dict[str, list[str]]:
    """Trial -> lines of the hover text of its marks."""
    found = {}
    for one in study.trials:
        state = state_class(one.state) if one.state.final else "not over"
        value = "" if one.value is None else f", {study.objective.metric} {one.value:.4g}"
        params = ", ".join(f"{name} {shown(one.params[name])}" for name in one.searched if name in one.params)
        found[str(one.number)] = [f"{called(one.number)}: {state}{value}", params]
    return found
