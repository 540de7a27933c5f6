"""The rows of `top`: the runs of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from tuner.disk.events import RunRecord
from tuner.disk.folder import StudyFolder
from tuner.disk.study_events import read_study
from tuner.messages import State
from tuner.objective import Objective
from tuner.reporting.about import About
from tuner.reporting.table import rows
from tuner.sweep.drawing import NO_RESULT
from tuner.words import called


def study_rows(folder: StudyFolder) -> list[dict[str, Any]]:
    """Confirmations, the winner's first, then trials, best first; `winner` marks those of the winner."""
    study = read_study(folder)
    objective = About.of(folder.name, study.sweep.asked).objective
    winner = study.sweep.summary.get("winner") or ""
    confirmed = _by_configuration(study.of_kind("confirm"), objective, winner)
    found = [row for group in confirmed for row in rows(group, objective)]
    found += rows(study.of_kind("trial"), objective)
    return [{**row, "winner": called(row["number"]) == winner} for row in found]


def top_failure(folder: StudyFolder) -> str:
    """The most frequent reason of trials without a result; "" if there is none."""
    reasons = Counter(row["reason"] for row in study_rows(folder) if row["state"] in NO_RESULT)
    return reasons.most_common(1)[0][0] if reasons else ""


def _by_configuration(records: Sequence[RunRecord], objective: Objective, winner: str) -> list[list[RunRecord]]:
    """The trainings of each configuration, the winner first, then by their means."""
    groups: dict[int, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(record.number, []).append(record)

    def place(number: int) -> tuple[bool, float, int]:
        values = [one.value for one in groups[number] if one.state is State.COMPLETED and one.value is not None]
        return called(number) != winner, objective.loss(fmean(values) if values else None), number

    return [groups[number] for number in sorted(groups, key=place)]
